"""The input is the paper's: longer side to S, padding on its side, -1 to 1, and absent views all -1."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydicom import Dataset

from dibmg_monai.errors import DibmgError, ImageError
from dibmg_monai.exams.exam import Exam
from dibmg_monai.pixels.geometry import resize, transform_points
from dibmg_monai.pixels.orientation import breast_mask, overview_grid
from dibmg_monai.pixels.picture import picture
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.pixels.reader import read_image
from dibmg_monai.views import VIEWS, View
from tests.conftest import WriteMammogram


@pytest.fixture
def exam(write_mammogram: WriteMammogram, breast: Callable, tmp_path: Path) -> Exam:
    """RCC as it hangs, RMLO stored mirrored and turned, LCC 16 bits without a header (PNG); no LMLO."""
    twelve = {"BitsStored": 12, "HighBit": 11}
    write_mammogram("a.dcm", breast(), view="RCC", **twelve)
    turned = breast()[::-1, ::-1].T.copy()
    write_mammogram("b.dcm", turned, view="RMLO", PatientOrientation=["H", "A"], **twelve)
    Image.fromarray(breast() * 16).save(tmp_path / "c.png")
    files = {View.RCC: Path("a.dcm"), View.RMLO: Path("b.dcm"), View.LCC: Path("c.png")}
    return Exam("exam", tmp_path, files, warnings=("no LMLO",))


def test_shape_range_and_padding(exam: Exam) -> None:
    loaded = Preprocessing(image_size=96)(exam)
    assert loaded.image.shape == (4, 96, 96)
    assert loaded.image.dtype == torch.float32
    assert loaded.image.min() == -1
    assert loaded.image.max() == pytest.approx(2 * 2000 / 4095 - 1, abs=0.03)
    assert loaded.view_present.tolist() == [True, True, True, False]
    assert loaded.warnings == ("no LMLO",)
    assert loaded.voi == {
        View.RCC: "full range: 0 to 4095",
        View.RMLO: "full range: 0 to 4095",
        View.LCC: "full range: 0 to 65535",
    }
    columns = 64  # of 40 to 60
    assert loaded.image[:2, :, : 96 - columns].eq(-1).all()
    assert loaded.image[2, :, columns:].eq(-1).all()
    assert loaded.image[3].eq(-1).all()
    assert loaded.image[:2, 48, -1].gt(-0.1).all()
    assert loaded.image[2, 48, 0] > -0.1


def test_the_callers_inference_mode_changes_nothing(exam: Exam) -> None:
    outside = Preprocessing(image_size=96)(exam)
    with torch.inference_mode():
        inside = Preprocessing(image_size=96)(exam)
    assert torch.equal(inside.image, outside.image)


def test_the_same_breast_gives_the_same_input_however_it_is_stored(exam: Exam) -> None:
    image = Preprocessing(image_size=96)(exam).image
    torch.testing.assert_close(image[1], image[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(image[2].flip(-1), image[0], atol=0.01, rtol=0)


def test_no_eight_bit_step_on_the_way(write_mammogram: WriteMammogram, tmp_path: Path) -> None:
    pixels = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    write_mammogram("ramp.dcm", pixels, view="LCC", BitsStored=12, HighBit=11)
    image = Preprocessing(image_size=64)(Exam("x", tmp_path, {View.LCC: Path("ramp.dcm")})).image
    assert image[View.LCC.channel].unique().numel() == 4096


def test_geometry_finds_a_bright_square(write_mammogram: WriteMammogram, breast: Callable, tmp_path: Path) -> None:
    pixels = breast(200, 130)
    pixels[60:66, 100:106] = 4095
    stored = pixels[:, ::-1].copy()
    options = {"view": "RCC", "PatientOrientation": ["A", "L"], "BitsStored": 12, "HighBit": 11}
    write_mammogram("x.dcm", stored, **options)
    loaded = Preprocessing(image_size=256)(Exam("x", tmp_path, {View.RCC: Path("x.dcm")}))
    bright = (loaded.image[0] > 0.9).nonzero().float().mean(dim=0).tolist()
    inverse = np.linalg.inv(loaded.geometries[View.RCC].source_to_input)
    assert transform_points(inverse, *bright) == pytest.approx((62.5, 129 - 102.5), abs=0.5)


def test_background_goes_and_breast_stays(write_mammogram: WriteMammogram, breast: Callable, tmp_path: Path) -> None:
    film = breast(300, 200)
    film[10:40, 10:50] = 4095
    film[film == 0] = 300
    write_mammogram("film.dcm", film, view="RCC", BitsStored=12, HighBit=11)
    exam = Exam("film", tmp_path, {View.RCC: Path("film.dcm")})
    kept, cleaned = (Preprocessing(image_size=96, remove_background=flag)(exam).image[0] for flag in (False, True))
    center = (slice(30, 60), slice(70, 96))
    torch.testing.assert_close(cleaned[center], kept[center])
    assert kept[5, 40] > 0.9
    assert cleaned[5, 40] == -1
    assert cleaned[90, 40] == -1


def test_an_image_that_cannot_be_read_is_named(exam: Exam, tmp_path: Path) -> None:
    (tmp_path / "b.dcm").write_bytes(b"nothing")
    with pytest.raises(ImageError, match=r"b\.dcm: is neither a DICOM nor a PNG file"):
        Preprocessing(image_size=96)(exam)


@pytest.mark.parametrize("size", [0, 1600.5, "large"])
def test_an_image_size_that_is_none(size: object) -> None:
    with pytest.raises(DibmgError, match=rf"image_size is {size!r}; a number of pixels, 1 or more, is needed"):
        Preprocessing(image_size=size)


def test_values_of_interest_by_the_policy(write_mammogram: WriteMammogram, breast: Callable, tmp_path: Path) -> None:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, 12])
    item.add_new("LUTData", "US", (np.arange(4096) ** 2 // 4095).tolist())
    options = {"BitsStored": 12, "HighBit": 11, "WindowCenter": 60, "WindowWidth": 100, "VOILUTSequence": [item]}
    write_mammogram("x.dcm", breast(), view="RCC", **options)
    exam = Exam("x", tmp_path, {View.RCC: Path("x.dcm")})
    inputs = {policy: Preprocessing(image_size=64, voi=policy)(exam) for policy in ("window", "lut", "auto")}
    assert inputs["window"].voi == {View.RCC: "window 1 of 1: center 60, width 100, LINEAR"}
    assert inputs["lut"].voi == {View.RCC: "VOI LUT 1 of 1: 4096 entries from 0, 12 bits"}
    assert inputs["auto"].voi == inputs["lut"].voi
    assert [len(loaded.warnings) for loaded in inputs.values()] == [0, 0, 1]
    assert torch.equal(Preprocessing(image_size=64)(exam).image, inputs["window"].image)
    assert not torch.equal(inputs["window"].image, inputs["lut"].image)
    assert torch.equal(inputs["auto"].image, inputs["lut"].image)


def test_a_policy_that_is_none() -> None:
    with pytest.raises(DibmgError, match="voi is 'none'; window, lut, auto are accepted"):
        Preprocessing(image_size=64, voi="none")


def test_channels_follow_the_views() -> None:
    assert [view.channel for view in VIEWS] == [0, 1, 2, 3]
    assert [str(view) for view in VIEWS] == ["RCC", "RMLO", "LCC", "LMLO"]


@pytest.mark.parametrize("remove_background", [False, True])
@pytest.mark.parametrize("size", [64, 400])
def test_pictures_are_made_where_they_are_asked_for(exam: Exam, size: int, remove_background: bool) -> None:
    """And change nothing else; the picture shows what is no breast as well."""
    prepare = Preprocessing(image_size=size, remove_background=remove_background)
    plain, drawn = prepare(exam), prepare(exam, pictures=True)
    assert torch.equal(plain.image, drawn.image)
    assert (plain.pictures, plain.geometries, plain.warnings) == ({}, drawn.geometries, drawn.warnings)
    for view, found in drawn.pictures.items():
        np.testing.assert_array_equal(found, picture(read_image(exam.path(view))))
    assert list(drawn.pictures) == list(exam.files)


@pytest.mark.parametrize("size", [(300, 200), (3, 5), (50, 501)])
@pytest.mark.parametrize("remove_background", [False, True])
def test_the_input_is_the_resized_whole(
    write_mammogram: WriteMammogram, tmp_path: Path, size: tuple[int, int], remove_background: bool
) -> None:
    """With pixels that are not square, stored transposed: one way for all that changes the size."""
    pixels = np.random.default_rng(0).integers(0, 4096, size).astype(np.uint16)
    options = {"PatientOrientation": ["F", "P"], "PixelSpacing": [0.2, 0.1], "BitsStored": 12, "HighBit": 11}
    write_mammogram("x.dcm", pixels, view="RMLO", **options)
    prepare = Preprocessing(image_size=96, remove_background=remove_background)
    loaded = prepare(Exam("x", tmp_path, {View.RMLO: Path("x.dcm")}))
    geometry = loaded.geometries[View.RMLO]
    assert geometry.orientation.transpose
    values = torch.from_numpy(pixels / np.float32(4095))[None, None]
    if remove_background:
        grid = overview_grid(size)
        mask = breast_mask(resize(values, (grid.rows, grid.columns), mode=grid.mode)[0, 0])
        values = values * resize(mask[None, None].float(), size)
    scaled = resize(values, (geometry.scaled_columns, geometry.scaled_rows))
    expected = geometry.orientation.apply(scaled[0, 0]) * 2 - 1
    shown = loaded.image[View.RMLO.channel, : geometry.scaled_rows, geometry.pad_left :]
    torch.testing.assert_close(shown, expected, atol=2e-6, rtol=0)
