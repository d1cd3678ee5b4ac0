"""Stored values become gray as PS3.3 and PS3.4 say; pydicom's own functions are the measure."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.pixels import apply_voi, apply_windowing

from dibmg_monai.errors import ImageError
from dibmg_monai.pixels.grayscale import grayscale

FILE = Path("image.dcm")


def header(**attributes: object) -> Dataset:
    dataset = Dataset()
    dataset.BitsStored, dataset.PixelRepresentation, dataset.PhotometricInterpretation = 12, 0, "MONOCHROME2"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def voi_lut(entries: int, first: int) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [entries, first, 16])
    item.add_new("LUTData", "US", np.linspace(0, 65535, entries).astype(int).tolist())
    return item


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (1000.5, 300), (3000, 1.5)])
@pytest.mark.parametrize("signed", [0, 1])
def test_windows_are_pydicoms(function: str, center: float, width: float, signed: int) -> None:
    dataset = header(PixelRepresentation=signed, WindowCenter=center, WindowWidth=width, VOILUTFunction=function)
    gray = grayscale(dataset, path=FILE)
    stored = np.arange(gray.lowest, gray.lowest + 4096)
    shown = apply_windowing(stored, dataset)
    low, high = (-2048, 2047) if signed else (0, 4095)
    np.testing.assert_allclose(gray.table, (shown - low) / (high - low), atol=1e-5)
    assert gray.voi == f"window {function}"


def test_window_applies_to_rescaled_values() -> None:
    plain = grayscale(header(WindowCenter=1000, WindowWidth=500), path=FILE)
    rescaled = header(RescaleSlope=2, RescaleIntercept=-100, WindowCenter=1899.5, WindowWidth=999)
    np.testing.assert_allclose(grayscale(rescaled, path=FILE).table, plain.table, atol=1e-6)


def test_of_several_windows_the_first_and_before_a_lut() -> None:
    several = header(WindowCenter=[1000, 2000, 3000], WindowWidth=[500, 600, 700], VOILUTFunction="SIGMOID")
    several.VOILUTSequence = [voi_lut(4096, 0)]
    first = header(WindowCenter=1000, WindowWidth=500, VOILUTFunction="SIGMOID")
    np.testing.assert_array_equal(grayscale(several, path=FILE).table, grayscale(first, path=FILE).table)


def test_empty_function_means_linear() -> None:
    empty = header(WindowCenter=1000, WindowWidth=500, VOILUTFunction="")
    plain = header(WindowCenter=1000, WindowWidth=500)
    np.testing.assert_array_equal(grayscale(empty, path=FILE).table, grayscale(plain, path=FILE).table)


def test_lut_where_there_is_no_window() -> None:
    dataset = header(VOILUTSequence=[voi_lut(1024, 500)], WindowCenter=None, WindowWidth=None)
    gray = grayscale(dataset, path=FILE)
    np.testing.assert_allclose(gray.table, apply_voi(np.arange(4096), dataset) / 65535, atol=1e-6)
    assert gray.voi == "VOI LUT"


def test_neither_window_nor_lut_is_the_full_range() -> None:
    gray = grayscale(header(), path=FILE)
    np.testing.assert_allclose(gray.table, np.arange(4096) / 4095, atol=1e-6)
    assert gray.voi == "full range"


def test_monochrome1_is_inverted_after_the_window() -> None:
    window = {"WindowCenter": 1000, "WindowWidth": 500}
    inverted = grayscale(header(PhotometricInterpretation="MONOCHROME1", **window), path=FILE)
    np.testing.assert_allclose(inverted.table, 1 - grayscale(header(**window), path=FILE).table, atol=1e-6)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("limit", "padded"), [(None, [100]), (103, [100, 101, 102, 103]), (98, [98, 99, 100])])
def test_padding_is_black_whatever_the_polarity(photometric: str, limit: int | None, padded: list[int]) -> None:
    dataset = header(PhotometricInterpretation=photometric, PixelPaddingValue=100)
    if limit is not None:
        dataset.PixelPaddingRangeLimit = limit
    plain = grayscale(header(PhotometricInterpretation=photometric), path=FILE).table
    expected = plain.copy()
    expected[padded] = 0
    np.testing.assert_array_equal(grayscale(dataset, path=FILE).table, expected)


def test_contradicting_presentation_lut_shape_is_reported() -> None:
    assert grayscale(header(PresentationLUTShape="IDENTITY"), path=FILE).warnings == ()
    assert grayscale(header(PresentationLUTShape=""), path=FILE).warnings == ()
    (warning,) = grayscale(header(PresentationLUTShape="INVERSE"), path=FILE).warnings
    assert "PresentationLUTShape (2050,0020) is 'INVERSE'" in warning


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"WindowWidth": 0}, r"image.dcm: WindowWidth \(0028,1051\) is 0; LINEAR needs at least 1"),
        ({"WindowWidth": 0, "VOILUTFunction": "SIGMOID"}, r"is 0; SIGMOID needs more than 0"),
        ({"WindowWidth": 9, "VOILUTFunction": "CUBIC"}, r"VOILUTFunction \(0028,1056\) is 'CUBIC'; LINEAR, "),
    ],
)
def test_windows_that_the_standard_does_not_allow(attributes: dict, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        grayscale(header(WindowCenter=100, **attributes), path=FILE)
