"""Maps come back from NIfTI onto the image that they are about, with exact areas and the same peak as inference's."""

import itertools
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from scipy import ndimage

from dibmg_monai.errors import ImageError
from dibmg_monai.evaluation.maps import CellMap, read_map, strongest, thresholded
from dibmg_monai.evaluation.regions import Region
from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ModelInfo, ViewResult, exam_result
from dibmg_monai.outputs.nifti import write_map
from dibmg_monai.pixels.geometry import Orientation, ViewGeometry, transform_points
from dibmg_monai.views import View

SHAPES = [(333, 210), (210, 333)]
ORIENTATIONS = [Orientation(*bits) for bits in itertools.product((False, True), repeat=3)]


def found_in(shape: tuple[int, int], orientation: Orientation, *, view: View = View.RMLO) -> ViewResult:
    """What inference makes of random class maps of 16 x 16 cells."""
    geometry = ViewGeometry.fit(shape, orientation=orientation, laterality=view.laterality, input_size=320)
    maps = torch.randn(8, 16, 16, generator=torch.Generator().manual_seed(0))
    exam = Exam("a", Path(), {view: Path("x.png")})
    present = torch.tensor([other is view for other in View])
    options = {"geometries": {view: geometry}, "voi": {view: ""}, "warnings": (), "model": ModelInfo("test", "0", "0")}
    return exam_result(exam, image=torch.zeros(4, 320, 320), maps=maps, view_present=present, **options).views[view]


def cells(values: np.ndarray, *, side: float = 10.0, shape: tuple[int, int] | None = None) -> CellMap:
    """Square cells from the image's first pixel on."""
    edges = [np.arange(count + 1) * side - 0.5 for count in values.shape]
    return CellMap(values, *edges, shape=shape or tuple(round(count * side) for count in values.shape))


def test_values_between_centers_are_in_proportion_and_beyond_them_stay() -> None:
    found = cells(np.array([[0.0, 4.0], [2.0, 6.0]])).at(np.array([0.0, 4.5, 9.5, 19.0]), np.array([4.5, 12.0]))
    np.testing.assert_allclose(found, [[0, 3], [0, 3], [1, 4], [2, 5]])


@pytest.mark.parametrize("view", [View.RMLO, View.LCC])
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_cells_lie_where_their_geometry_puts_them(
    shape: tuple[int, int], orientation: Orientation, view: View, tmp_path: Path
) -> None:
    found = found_in(shape, orientation, view=view)
    write_map(tmp_path / "map.nii.gz", found)
    read = read_map(tmp_path / "map.nii.gz", shape=shape)
    rows, columns = (np.random.default_rng(1).integers(side, size=50) for side in shape)
    to_cell = np.linalg.inv(found.geometry.cell_to_source((16, 16)))
    expected = found.dib.numpy()[
        tuple(np.rint(place).astype(int) for place in transform_points(to_cell, rows, columns))
    ]
    for row, column, value in zip(rows, columns, expected, strict=True):
        shares = read.areas(Region(row, column, np.ones((1, 1), bool)))
        assert shares.sum() == pytest.approx(1)
        assert read.values[np.unravel_index(shares.argmax(), shares.shape)] == pytest.approx(value)
    assert read.areas().sum() == pytest.approx(shape[0] * shape[1], rel=1e-5)


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
@pytest.mark.parametrize("shape", [*SHAPES, (320, 180)])  # the last has cells with their center on its edge
def test_the_highest_maximum_is_the_peak_of_inference(
    shape: tuple[int, int], orientation: Orientation, tmp_path: Path
) -> None:
    found = found_in(shape, orientation)
    write_map(tmp_path / "map.nii.gz", found)
    read = read_map(tmp_path / "map.nii.gz", shape=shape)
    np.testing.assert_equal(read.on_image().sum(), found.geometry.cells_inside((16, 16)).sum())
    highest = max(read.maxima(), key=lambda mark: mark[2])
    assert highest == pytest.approx((found.peak_row, found.peak_column, found.peak_value), abs=0.006)


def test_areas_of_regions_are_exact() -> None:
    edges = np.array([-7.3, 4.1, 11.95, 30.2]), np.array([-2.0, 3.25, 9.75])
    lying = CellMap(np.zeros((3, 2)), *edges, shape=(20, 9))
    mask = np.random.default_rng(0).random((12, 8)) < 0.5
    fine = np.kron(mask, np.ones((20, 20))) / 400  # twentieths of pixels, on which all edges inside lie
    rows, columns = (np.arange(20 * side) / 20 + first for side, first in zip(mask.shape, (2.525, -0.475), strict=True))
    expected = [
        [
            fine[np.ix_((rows > low) & (rows < high), (columns > left) & (columns < right))].sum()
            for left, right in sides
        ]
        for (low, high), sides in itertools.product(itertools.pairwise(edges[0]), [list(itertools.pairwise(edges[1]))])
    ]
    np.testing.assert_allclose(lying.areas(Region(3, 0, mask)), expected, atol=1e-9)
    np.testing.assert_allclose(lying.areas(), np.outer([4.6, 7.85, 7.55], [3.75, 5.25]))


def test_maxima_are_cells_without_higher_neighbors() -> None:
    values = np.random.default_rng(3).normal(size=(12, 9))
    expected = np.argwhere(ndimage.maximum_filter(values, size=3) == values)
    found = list(cells(values).maxima())
    assert [(row, column) for row, column, _ in found] == [
        (4.5 + 10 * row, 4.5 + 10 * column) for row, column in expected
    ]
    assert [value for _, _, value in found] == [values[tuple(cell)] for cell in expected]


def test_a_plateau_is_one_maximum_and_none_if_it_has_a_higher_neighbor() -> None:
    values = np.zeros((6, 8))
    values[1, 1:4] = values[2, 4] = 5
    values[4:, 6:] = 2
    values[5, 7] = 3
    assert list(cells(values).maxima()) == [(14.5, 14.5, 5), (54.5, 74.5, 3)]
    assert list(cells(np.zeros((3, 3))).maxima()) == [(4.5, 4.5, 0)]


def test_maxima_off_the_image_do_not_count() -> None:
    values = np.zeros((2, 4))
    values[:, 2:] = [[8, 9], [7, 9]]
    assert list(cells(values, shape=(20, 26)).maxima()) == [(4.5, 24.5, 8)]
    assert list(cells(values, shape=(20, 24)).maxima()) == [(4.5, 4.5, 0)]


def test_what_a_map_points_out() -> None:
    values = np.array([[-1.0, 0.0, 2.0], [5.0, 3.0, 4.0]])
    assert thresholded(values).tolist() == [[False, False, True], [True, True, True]]
    assert thresholded(values, above=3).tolist() == [[False, False, False], [True, False, True]]
    assert strongest(cells(values), share=0.5).tolist() == [[False, False, False], [True, True, True]]
    assert strongest(cells(values), share=0.01).sum() == 1
    assert strongest(cells(values, shape=(20, 10)), share=0.5).tolist() == [[False, False, False], [True, False, False]]


def test_maps_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "map.nii.gz"
    with pytest.raises(ImageError, match=r"map\.nii\.gz: cannot be read .* the map that inference wrote is needed"):
        read_map(path, shape=(10, 10))
    write_map(path, found_in((320, 320), Orientation()))
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ImageError, match=r"map\.nii\.gz: cannot be read"):
        read_map(path, shape=(10, 10))
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), np.float32), np.eye(4)), path)
    with pytest.raises(ImageError, match=r"has \(4, 4, 4\) voxels with axes .*; \(h, w, 1\) along the image's rows"):
        read_map(path, shape=(10, 10))
    turned = np.eye(4)
    turned[:2, :2] = [[1, 1], [-1, 1]]
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 1), np.float32), turned), path)
    with pytest.raises(ImageError, match=r"has \(4, 4, 1\) voxels with axes \[\[1.0, 1.0\], \[-1.0, 1.0\]\]"):
        read_map(path, shape=(10, 10))
