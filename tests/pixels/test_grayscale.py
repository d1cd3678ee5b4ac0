"""Stored values become gray as PS3.3 and PS3.4 say; pydicom's own functions are the measure."""

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing

from dibmg_monai.pixels import grayscale as module
from dibmg_monai.pixels.grayscale import Grayscale
from dibmg_monai.pixels.stored import StoredImage

WINDOW = {"WindowCenter": 1000, "WindowWidth": 500}


def header(**attributes: object) -> Dataset:
    dataset = Dataset()
    dataset.BitsStored, dataset.PixelRepresentation, dataset.PhotometricInterpretation = 12, 0, "MONOCHROME2"
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def grayscale(dataset: Dataset, *, values: np.ndarray | None = None, voi: str = "window") -> Grayscale:
    """The table for pixels of all values in order, or for these."""
    bits, signed = int(dataset.BitsStored), bool(dataset.PixelRepresentation)
    if values is None:
        values = np.arange(1 << bits).reshape(64, -1) - (1 << (bits - 1) if signed else 0)
    meanings, words = np.unique(values.astype(np.int32), return_inverse=True)
    return module.grayscale(dataset, StoredImage(words, meanings, bits, signed), voi=voi)


def film(air: int, tissue: int) -> np.ndarray:
    """A breast on the right edge."""
    values = np.full((100, 80), air)
    values[20:80, 40:] = tissue
    return values


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
    gray = grayscale(dataset)
    stored = np.arange(gray.lowest, gray.lowest + 4096)
    shown = apply_windowing(stored, dataset)
    low, high = (-2048, 2047) if signed else (0, 4095)
    np.testing.assert_allclose(gray.table, (shown - low) / (high - low), atol=1e-5)
    assert gray.voi == f"window 1 of 1: center {center:g}, width {width:g}, {function}"


def test_window_applies_to_rescaled_values() -> None:
    plain = grayscale(header(WindowCenter=1000, WindowWidth=500))
    rescaled = header(RescaleSlope=2, RescaleIntercept=-100, WindowCenter=1899.5, WindowWidth=999)
    np.testing.assert_allclose(grayscale(rescaled).table, plain.table, atol=1e-6)


def test_of_several_windows_the_first_and_before_a_lut() -> None:
    several = header(WindowCenter=[1000, 2000, 3000], WindowWidth=[500, 600, 700], VOILUTFunction="SIGMOID")
    several.VOILUTSequence = [voi_lut(4096, 0)]
    first = header(WindowCenter=1000, WindowWidth=500, VOILUTFunction="SIGMOID")
    np.testing.assert_array_equal(grayscale(several).table, grayscale(first).table)


def test_empty_function_means_linear() -> None:
    empty = header(WindowCenter=1000, WindowWidth=500, VOILUTFunction="")
    plain = header(WindowCenter=1000, WindowWidth=500)
    np.testing.assert_array_equal(grayscale(empty).table, grayscale(plain).table)


def test_lut_where_there_is_no_window() -> None:
    dataset = header(VOILUTSequence=[voi_lut(1024, 500)], WindowCenter=None, WindowWidth=None)
    gray = grayscale(dataset)
    np.testing.assert_allclose(gray.table, apply_voi(np.arange(4096), dataset) / 65535, atol=1e-6)
    assert gray.voi == "VOI LUT 1 of 1: 1024 entries from 500, 16 bits"


def test_neither_window_nor_lut_is_the_full_range() -> None:
    gray = grayscale(header())
    np.testing.assert_allclose(gray.table, np.arange(4096) / 4095, atol=1e-6)
    assert gray.voi == "full range: 0 to 4095"


def test_monochrome1_is_inverted_after_the_window() -> None:
    inverted = grayscale(header(PhotometricInterpretation="MONOCHROME1", **WINDOW))
    np.testing.assert_allclose(inverted.table, 1 - grayscale(header(**WINDOW)).table, atol=1e-6)


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize(("slope", "intercept"), [(2, -100), (0.5, 0), (1, -1024)])
def test_rescaling_is_pydicoms(slope: float, intercept: float, signed: int) -> None:
    dataset = header(RescaleSlope=slope, RescaleIntercept=intercept, PixelRepresentation=signed, **WINDOW)
    stored = np.arange(4096) - 2048 * signed
    shown = apply_windowing(apply_modality_lut(stored, dataset), dataset)
    ends = apply_modality_lut(np.array([stored[0], stored[-1]]), dataset)
    np.testing.assert_allclose(grayscale(dataset).table, (shown - ends.min()) / np.ptp(ends), atol=1e-5)


def test_a_falling_slope_turns_gray_round() -> None:
    """And moves no window, which pydicom's apply_windowing would turn round as well."""
    falling = {"RescaleSlope": -1, "RescaleIntercept": 4095}
    np.testing.assert_allclose(grayscale(header(**falling)).table, 1 - np.arange(4096) / 4095, atol=1e-6)
    plain = grayscale(header(**WINDOW)).table
    np.testing.assert_allclose(grayscale(header(**falling, **WINDOW)).table, plain[::-1], atol=1e-6)


def test_slope_without_intercept_and_damaged_ones() -> None:
    assert grayscale(header(RescaleSlope=2)).voi == "full range: 0 to 8190"
    zero = grayscale(header(RescaleSlope=0, RescaleIntercept=5))
    assert zero.voi == "full range: 0 to 4095"
    assert zero.warnings == ("RescaleSlope (0028,1053) is 0; neither it nor RescaleIntercept (0028,1052) was applied",)
    damaged = header()
    damaged[0x00281053] = DataElement(0x00281053, "LO", "x")
    assert grayscale(damaged).warnings[0].startswith("RescaleSlope (0028,1053) is no number; neither")
    damaged = header(RescaleSlope=2)
    damaged[0x00281052] = DataElement(0x00281052, "LO", "x")
    assert grayscale(damaged).warnings == ("RescaleIntercept (0028,1052) is no number; 0 was taken",)


def test_a_modality_table_comes_before_the_rescaling() -> None:
    dataset = header(ModalityLUTSequence=[voi_lut(4096, 0)], RescaleSlope=7, RescaleIntercept=0)
    dataset.WindowCenter, dataset.WindowWidth = 30000, 20000
    shown = apply_windowing(apply_modality_lut(np.arange(4096), dataset), dataset)
    np.testing.assert_allclose(
        grayscale(dataset).table, np.clip((shown - shown.min()) / np.ptp(shown), 0, 1), atol=1e-5
    )


def test_a_modality_table_that_is_none() -> None:
    found = grayscale(header(ModalityLUTSequence=[Dataset()], RescaleSlope=2, RescaleIntercept=0))
    assert found.voi == "full range: 0 to 8190"
    assert found.warnings[0].startswith(
        "ModalityLUTSequence (0028,3000) was passed over: LUTDescriptor (0028,3002) has 0"
    )


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize(("limit", "padded"), [(None, [100]), (103, [100, 101, 102, 103]), (98, [98, 99, 100])])
def test_padding_is_black_whatever_the_polarity(photometric: str, limit: int | None, padded: list[int]) -> None:
    dataset = header(PhotometricInterpretation=photometric, PixelPaddingValue=100)
    if limit is not None:
        dataset.PixelPaddingRangeLimit = limit
    plain = grayscale(header(PhotometricInterpretation=photometric)).table
    expected = plain.copy()
    expected[padded] = 0
    np.testing.assert_array_equal(grayscale(dataset).table, expected)


@pytest.mark.parametrize(
    ("signed", "value", "limit", "padded"),
    [
        (0, 4095, None, (4095, 4095)),
        (0, 65535, None, None),  # above what 12 bits hold
        (0, -2000, None, None),
        (0, 0, 65535, (0, 0)),
        (0, 4095, 4000, (4000, 4095)),
        (0, 4000, 4095, (4000, 4095)),
        (1, -2000, None, (-2000, -2000)),
        (1, 63536, None, (-2000, -2000)),  # -2000 as US
        (1, 0x800, None, (-2048, -2048)),  # as the 12 bits lie in the file
        (1, 63488, 63536, (-2048, -2000)),
        (1, -2000, -2048, (-2048, -2000)),
        (1, 63488, -2000, (-2048, -2000)),
        (1, 40000, None, None),
    ],
)
def test_padding_whatever_its_vr(signed: int, value: int, limit: int | None, padded: tuple[int, int] | None) -> None:
    dataset = header(PixelRepresentation=signed)
    dataset.add_new("PixelPaddingValue", "SS" if value < 0 else "US", value)
    if limit is not None:
        dataset.add_new("PixelPaddingRangeLimit", "SS" if limit < 0 else "US", limit)
    gray, expected = grayscale(dataset), grayscale(header(PixelRepresentation=signed)).table.copy()
    if padded:
        expected[padded[0] - gray.lowest : padded[1] - gray.lowest + 1] = 0
    np.testing.assert_array_equal(gray.table, expected)
    if padded is None or limit == 65535:
        assert gray.warnings[-1].startswith("PixelPadding")
        assert gray.warnings[-1].endswith("; it was ignored")
    else:
        assert gray.warnings == ()


def test_padding_in_words_of_16_bits() -> None:
    dataset = header(BitsStored=16)
    dataset.add_new("PixelPaddingValue", "SS", -1)
    assert grayscale(dataset).table[-1] == 0


def test_padding_that_is_everything() -> None:
    gray = grayscale(header(PixelPaddingValue=0, PixelPaddingRangeLimit=4095))
    np.testing.assert_array_equal(gray.table, grayscale(header()).table)
    assert gray.warnings == (
        "by PixelPaddingValue (0028,0120) and its range limit, every pixel is padding; it was ignored",
    )


@pytest.mark.parametrize("shape", ["IDENTITY", "INVERSE", "", "identity", "ODD"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("inverted", [False, True])
def test_polarity_where_header_and_border_may_disagree(photometric: str, shape: str, inverted: bool) -> None:
    """A header that agrees with itself is followed; one that does not, as far as the border has nothing against it."""
    values = film(4095 - 300, 4095 - 3000) if inverted else film(300, 3000)
    gray = grayscale(header(PhotometricInterpretation=photometric, PresentationLUTShape=shape), values=values)
    by_photometric = photometric == "MONOCHROME1"
    contradicts = shape not in ("", module.POLARITY_SHAPES[photometric], module.POLARITY_SHAPES[photometric].lower())
    overruled = contradicts and shape != "ODD" and by_photometric != inverted
    inverse = by_photometric != overruled
    np.testing.assert_allclose(gray.table, np.arange(4096)[:: -1 if inverse else 1] / 4095, atol=1e-6)
    if contradicts:
        (warning,) = gray.warnings
        assert warning.startswith(
            f"PresentationLUTShape (2050,0020) is {shape!r}, but PhotometricInterpretation (0028,"
        )
        followed = "PresentationLUTShape" if overruled else "PhotometricInterpretation"
        assert warning.endswith(
            f"the border is {'white' if by_photometric != inverted else 'black'}, so {followed} was followed"
        )
    elif by_photometric != inverted:
        (warning,) = gray.warnings
        assert warning.startswith(
            f"by PhotometricInterpretation (0028,0004) {photometric} the border of the image is white"
        )
    else:
        assert gray.warnings == ()


@pytest.mark.parametrize("values", [np.full((50, 40), 2000), np.full((1, 1), 2000)])
def test_a_border_that_tells_nothing(values: np.ndarray) -> None:
    gray = grayscale(header(PresentationLUTShape="INVERSE"), values=values)
    assert gray.warnings[0].endswith("the border is unclear, so PhotometricInterpretation was followed")
    assert gray.table[-1] == 1


def test_padding_and_the_edges_of_a_scanner_are_no_border() -> None:
    values = film(300, 3000)
    values[:, :10] = 4095
    values[0] = values[-1] = values[:, -1] = 4000
    gray = grayscale(header(PixelPaddingValue=4095), values=values)
    assert gray.warnings == ()
    inside = np.full((100, 80), 300)
    inside[40:60, 30:50] = 3000
    all_padding = grayscale(header(PixelPaddingValue=300, PresentationLUTShape="INVERSE"), values=inside)
    assert "border is unclear" in all_padding.warnings[-1]


def test_voi_is_chosen_by_the_policy() -> None:
    dataset = header(VOILUTSequence=[voi_lut(4096, 0)], WindowCenter=128, WindowWidth=256)
    assert grayscale(dataset).voi.startswith("window 1 of 1")
    assert grayscale(dataset, voi="lut").voi.startswith("VOI LUT 1 of 1")
    values = np.random.default_rng(0).integers(0, 4096, (50, 40))
    auto = grayscale(dataset, voi="auto", values=values)
    assert auto.voi.startswith("VOI LUT 1 of 1")
    assert auto.warnings[0].startswith("window 1 of 1 was passed over: it leaves 5.5% of the image's values")


def test_padding_does_not_count_for_auto() -> None:
    """Nine in ten pixels are padding far below; of the others a narrow window shows all."""
    values = film(0, 0)
    values[:, -8:] = np.arange(8000 - 7200).reshape(100, 8) + 3000
    dataset = header(VOILUTSequence=[voi_lut(4096, 0)], WindowCenter=3100, WindowWidth=200)
    assert grayscale(dataset, voi="auto", values=values).voi.startswith("VOI LUT")
    dataset.PixelPaddingValue = 0
    assert grayscale(dataset, voi="auto", values=values).voi.startswith("window 1 of 1")
