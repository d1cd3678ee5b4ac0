"""Positions survive the way from source to input to map cell and back; so do pixels."""

import itertools

import numpy as np
import pytest
import torch

from dibmg_monai.errors import DibmgError
from dibmg_monai.pixels.geometry import Orientation, ViewGeometry, resize, transform_points
from dibmg_monai.views import Laterality

ORIENTATIONS = [Orientation(*bits) for bits in itertools.product((False, True), repeat=3)]
SHAPES = [(60, 40), (40, 60), (37, 23), (50, 50)]


def fit(shape: tuple[int, int], orientation: Orientation, laterality: Laterality, **changes: float) -> ViewGeometry:
    return ViewGeometry.fit(
        shape, **{"orientation": orientation, "laterality": laterality, "input_size": 128, **changes}
    )


def network_input(image: torch.Tensor, geometry: ViewGeometry) -> torch.Tensor:
    """What preprocessing does with pixels, written the other way round: first turned, then scaled."""
    turned = geometry.orientation.apply(image)[None, None]
    scaled = resize(turned, (geometry.scaled_rows, geometry.scaled_columns))[0, 0]
    square = torch.zeros(geometry.input_size, geometry.input_size)
    square[: geometry.scaled_rows, geometry.pad_left : geometry.pad_left + geometry.scaled_columns] = scaled
    return square


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_orientation_undo_inverts_apply(orientation: Orientation, shape: tuple[int, int]) -> None:
    image = torch.rand(shape)
    assert torch.equal(orientation.undo(orientation.apply(image)), image)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("laterality", Laterality)
def test_a_pixel_is_found_in_the_input_where_the_matrix_says(
    orientation: Orientation, shape: tuple[int, int], laterality: Laterality
) -> None:
    geometry = fit(shape, orientation, laterality)
    image = torch.zeros(shape)
    row, column = shape[0] // 4, shape[1] // 3
    image[row, column] = 1.0
    square = network_input(image, geometry)
    weights = square / square.sum()
    grid = torch.meshgrid(*(torch.arange(128.0),) * 2, indexing="ij")
    found = [float((weights * axis).sum()) for axis in grid]
    assert found == pytest.approx(transform_points(geometry.source_to_input, row, column), abs=0.05)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_there_and_back_is_exact(orientation: Orientation) -> None:
    geometry = fit((4736, 2624), orientation, Laterality.R, input_size=1600)
    rows, columns = np.array([0, 100.25, 4735]), np.array([0, 7.5, 2623])
    there = transform_points(geometry.source_to_input, rows, columns)
    back = transform_points(np.linalg.inv(geometry.source_to_input), *there)
    np.testing.assert_allclose(back, (rows, columns), atol=1e-9)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("laterality", Laterality)
def test_corners_of_the_image_are_corners_of_its_place_in_the_input(
    orientation: Orientation, laterality: Laterality
) -> None:
    geometry = fit((61, 40), orientation, laterality)
    rows, columns = transform_points(geometry.source_to_input, [-0.5, -0.5, 60.5, 60.5], [-0.5, 39.5, -0.5, 39.5])
    assert sorted({*rows.round(9)}) == [-0.5, geometry.scaled_rows - 0.5]
    assert sorted({*columns.round(9)}) == [geometry.pad_left - 0.5, geometry.pad_left + geometry.scaled_columns - 0.5]


def test_padding_is_away_from_the_chest_wall() -> None:
    right = fit((60, 40), Orientation(), Laterality.R)
    left = fit((60, 40), Orientation(), Laterality.L)
    assert (right.scaled_rows, right.scaled_columns, right.pad_left) == (128, 85, 43)
    assert left.pad_left == 0


def test_pixels_that_are_not_square_become_square() -> None:
    geometry = fit((30, 40), Orientation(), Laterality.L, pixel_aspect=2.0)
    assert (geometry.scaled_rows, geometry.scaled_columns) == (128, 85)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_cells_inside_are_those_whose_center_is_on_the_image(orientation: Orientation, shape: tuple[int, int]) -> None:
    geometry = fit(shape, orientation, Laterality.R)
    ones = network_input(torch.ones(shape), geometry)
    centers = torch.nn.functional.avg_pool2d(ones[None, None], 8)[0, 0]
    inside = geometry.cells_inside((16, 16))
    assert inside[centers.numpy() == 1].all()
    assert not inside[centers.numpy() == 0].any()
    assert 0 < inside.sum() < inside.size or shape == (50, 50)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_map_lands_on_the_source_where_its_cells_are(orientation: Orientation, shape: tuple[int, int]) -> None:
    geometry = fit(shape, orientation, Laterality.R)
    inside = np.argwhere(geometry.cells_inside((16, 16)))
    cell = inside[np.linalg.norm(inside - inside.mean(axis=0), axis=1).argmin()]
    values = torch.zeros(16, 16)
    values[tuple(cell)] = 1.0
    on_source = geometry.map_to_source(values)
    assert tuple(on_source.shape) == shape
    expected = transform_points(geometry.cell_to_source((16, 16)), *cell)
    found = np.unravel_index(int(on_source.argmax()), shape)
    assert np.abs(np.subtract(found, expected)).max() <= 1.0


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("shape", [*SHAPES, (300, 170)])
@pytest.mark.parametrize("grid", [None, (45, 30), (200, 150)])
def test_a_map_goes_the_way_of_the_pixels_back(
    orientation: Orientation, shape: tuple[int, int], grid: tuple[int, int] | None
) -> None:
    geometry = fit(shape, orientation, Laterality.R)
    values = 10 * torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    square = resize(values[None, None], (128, 128))
    kept = square[..., : geometry.scaled_rows, geometry.pad_left : geometry.pad_left + geometry.scaled_columns]
    expected = resize(orientation.undo(kept), grid or shape)[0, 0]
    stripes = np.concatenate([*geometry.map_stripes(values, shape=grid)])
    np.testing.assert_allclose(stripes, expected, atol=1e-4)
    if grid is None:
        np.testing.assert_array_equal(geometry.map_to_source(values), stripes)


def test_a_map_that_does_not_tile_the_input() -> None:
    geometry = fit((60, 40), Orientation(), Laterality.L, input_size=100)
    with pytest.raises(
        DibmgError, match=r"image_size is 100, and the maps are 3 x 3 cells; a multiple of the network's"
    ):
        geometry.cell_to_source((3, 3))


def test_tensor_round_trip() -> None:
    geometry = fit((61, 40), Orientation(True, False, True), Laterality.R)
    assert ViewGeometry.from_tensor(geometry.to_tensor()) == geometry
