"""Lesions of a datalist become the pixels that they say, no more and no fewer."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.path import Path as Outline
from numpy.typing import NDArray
from PIL import Image

from dibmg_monai.errors import DatalistError, ImageError
from dibmg_monai.evaluation.regions import Region, is_annotated, read_lesions, union
from tests.conftest import WriteMammogram

SHAPE = (40, 30)


def painted(region: Region, shape: tuple[int, int] = SHAPE) -> NDArray[np.bool_]:
    """The region on its image."""
    image = np.zeros(shape, bool)
    rows, columns = region.mask.shape
    image[region.top : region.top + rows, region.left : region.left + columns] = region.mask
    return image


def lesions(entry: dict, *, folder: Path = Path(), shape: tuple[int, int] | None = SHAPE) -> list[NDArray[np.bool_]]:
    found, shape = read_lesions({"exam_id": "a", **entry}, "RCC", dataset_dir=folder, shape=shape)
    return [painted(lesion, shape) for lesion in found]


def drawn(**region: list) -> NDArray[np.bool_]:
    (lesion,) = lesions({"malignant_regions": {"RCC": [region]}})
    return lesion


@pytest.fixture
def write_mask(tmp_path: Path) -> Callable[[str, NDArray], str]:
    def write(name: str, mask: NDArray) -> str:
        Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / name)
        return name

    return write


def test_each_part_of_a_mask_is_a_lesion(tmp_path: Path, write_mask: Callable) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[3:6, 2:4] = mask[6, 4] = True  # touches at a corner
    mask[20:30, 10:29] = True
    mask[24, 15:17] = False
    entry = {"malignant_masks": {"RCC": write_mask("mask.png", mask)}}
    first, second = lesions(entry, folder=tmp_path)
    np.testing.assert_array_equal(first | second, mask)
    assert (first.sum(), second.sum()) == (7, 188)
    assert (first & second).sum() == 0


def test_a_mask_tells_the_shape_where_nothing_else_does(tmp_path: Path, write_mask: Callable) -> None:
    entry = {"malignant_masks": {"RCC": write_mask("mask.png", np.ones((9, 7)))}}
    (lesion,) = lesions(entry, folder=tmp_path, shape=None)
    assert lesion.all()
    assert lesion.shape == (9, 7)


def test_a_dicom_mask(tmp_path: Path, write_mammogram: WriteMammogram) -> None:
    mask = np.zeros(SHAPE, np.uint8)
    mask[5:9, 5:9] = 255
    write_mammogram("mask.dcm", mask)
    (lesion,) = lesions({"malignant_masks": {"RCC": "mask.dcm"}}, folder=tmp_path)
    np.testing.assert_array_equal(lesion, mask > 0)


def test_a_black_mask_has_no_lesion(tmp_path: Path, write_mask: Callable) -> None:
    black = write_mask("black.png", np.zeros(SHAPE))
    entry = {"malignant_masks": {"RCC": black}, "malignant_regions": {"RCC": [{"mask": black}]}}
    assert lesions(entry, folder=tmp_path) == []


def test_regions_are_a_lesion_each_whatever_their_parts(tmp_path: Path, write_mask: Callable) -> None:
    mask = np.zeros(SHAPE, bool)
    mask[2, 2] = mask[30, 20] = True
    regions = [{"mask": write_mask("two.png", mask)}, {"box": [1, 1, 4, 4]}]
    first, second = lesions({"malignant_regions": {"RCC": regions, "LCC": []}}, folder=tmp_path)
    np.testing.assert_array_equal(first, mask)
    assert second.sum() == 16


@pytest.mark.parametrize(("row", "column", "radius"), [(20, 15, 6), (20.4, 15.7, 5.3), (1, 28, 4), (20.5, 15.5, 0.1)])
def test_circles(row: float, column: float, radius: float) -> None:
    rows, columns = np.indices(SHAPE)
    expected = (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    expected[int(row + 0.5), int(column + 0.5)] = True
    np.testing.assert_array_equal(drawn(circle=[row, column, radius]), expected)


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ([5, 6, 9, 12], slice(5, 10), slice(6, 13)),
        ([5.4, 6.6, 5.4, 12.2], slice(5, 6), slice(7, 13)),
        ([-3, 20, 4, 35], slice(0, 5), slice(20, 30)),
    ],
)
def test_boxes_include_the_pixels_of_their_corners(box: list, rows: slice, columns: slice) -> None:
    expected = np.zeros(SHAPE, bool)
    expected[rows, columns] = True
    np.testing.assert_array_equal(drawn(box=box), expected)


@pytest.mark.parametrize("seed", range(5))
def test_polygons(seed: int) -> None:
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
    corners = [20, 15] + rng.uniform(2, 17, 9)[:, None] * np.column_stack([np.sin(angles), np.cos(angles)])
    centers = np.column_stack([side.ravel() for side in np.indices(SHAPE)])
    expected = Outline(corners).contains_points(centers).reshape(SHAPE)
    for row, column in np.rint(corners).astype(int):
        if 0 <= row < SHAPE[0] and 0 <= column < SHAPE[1]:
            expected[row, column] = True
    np.testing.assert_array_equal(drawn(polygon=corners.tolist()), expected)


def test_a_polygon_without_width_has_the_pixels_of_its_corners() -> None:
    assert np.argwhere(drawn(polygon=[[3, 4], [3, 4], [9, 4]])).tolist() == [[3, 4], [9, 4]]


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ({"circle": [45, 10, 20]}, r"exam a, RCC: a circle covers rows 25 to 65, columns -10 to 30, and so is off the"),
        (
            {"box": [10, 40, 20, 60]},
            r"a box covers rows 10 to 20, columns 40 to 60, .* own pixels, 40 x 30, are needed",
        ),
        ({"polygon": [[-9, -9], [-9, 200], [200, -9]]}, r"a polygon covers rows -9 to 200, columns -9 to 200"),
        ({"polygon": [[-9, -9], [60, -9], [60, 50], [50, 50], [50, -5], [-9, -5]]}, r"a polygon covers rows -9 to 60"),
    ],
)
def test_what_is_off_the_image_is_refused(region: dict, message: str) -> None:
    with pytest.raises(DatalistError, match=message):
        drawn(**region)


def test_a_mask_of_another_image_is_refused(tmp_path: Path, write_mask: Callable) -> None:
    mask = write_mask("mask.png", np.ones((41, 30)))
    needed = r"exam a, RCC: mask\.png has 41 x 30 pixels, the image 40 x 30 pixels; a mask needs the image's own pixels"
    with pytest.raises(DatalistError, match=needed):
        lesions({"malignant_masks": {"RCC": mask}}, folder=tmp_path)
    with pytest.raises(DatalistError, match=needed):
        lesions({"malignant_regions": {"RCC": [{"mask": mask}]}}, folder=tmp_path)


def test_shapes_need_the_image() -> None:
    entry = {"RCC": "x.png", "malignant_regions": {"RCC": [{"circle": [1, 1, 1]}]}}
    with pytest.raises(DatalistError, match=r"exam a, RCC: its regions are of an image, 'x.png', that is not in data"):
        lesions(entry, folder=Path("data"), shape=None)


def test_a_mask_that_is_not_there() -> None:
    with pytest.raises(ImageError, match=r"mask\.png: cannot be read"):
        lesions({"malignant_masks": {"RCC": "mask.png"}})


def test_which_views_are_annotated() -> None:
    entry = {"malignant_masks": {"RCC": "x"}, "malignant_regions": {"LCC": [{"box": [0, 0, 1, 1]}]}}
    assert [view for view in ("RCC", "RMLO", "LCC", "LMLO") if is_annotated(entry, view)] == ["RCC", "LCC"]


@pytest.mark.parametrize("pixel_size", [(1.0, 1.0), (0.1, 0.2)])
@pytest.mark.parametrize("top", [0, 15, 34])
def test_growing_reaches_as_far_as_it_says_and_not_beyond_the_image(top: int, pixel_size: tuple[float, float]) -> None:
    mask = np.random.default_rng(top).random((5, 6)) < 0.3
    mask[0, 0] = mask[-1, -1] = True
    region, distance = Region(top, 22, mask), 3 * pixel_size[0]
    rows, columns = np.indices(SHAPE)
    expected = np.zeros(SHAPE, bool)
    for row, column in np.argwhere(painted(region)):
        away = np.hypot((rows - row) * pixel_size[0], (columns - column) * pixel_size[1])
        expected |= away <= distance + 1e-9
    grown = region.grown(distance, shape=SHAPE, pixel_size=pixel_size)
    np.testing.assert_array_equal(painted(grown), expected)
    assert region.grown(0, shape=SHAPE) is region


def test_union_and_containment() -> None:
    regions = [Region(2, 3, np.ones((2, 2), bool)), Region(3, 4, np.array([[True, False], [False, True]]))]
    both = union(regions)
    np.testing.assert_array_equal(painted(both), painted(regions[0]) | painted(regions[1]))
    assert both.area == 5
    inside = {(row, column) for row in range(7) for column in range(7) if both.contains(row, column)}
    assert inside == {(2, 3), (2, 4), (3, 3), (3, 4), (4, 5)}
    assert both.contains(1.5, 2.5)  # the pixel's corner is in it,
    assert not both.contains(1.49, 3)  # what is above is in the next
    assert not both.contains(4, 5.5)
