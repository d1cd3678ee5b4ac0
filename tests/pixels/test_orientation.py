"""Every way that a mammogram can lie is brought to the canonical one; contradictions are told."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from dibmg_monai.pixels.geometry import Orientation, resize
from dibmg_monai.pixels.orientation import breast_mask, canonical_orientation, chest_wall, overview_grid
from dibmg_monai.views import VIEWS, Laterality, Projection, View

ORIENTATIONS = [Orientation(*bits) for bits in itertools.product((False, True), repeat=3)]
OPPOSITE = {"A": "P", "P": "A", "R": "L", "L": "R", "F": "H", "H": "F"}


def overview(values: np.ndarray) -> torch.Tensor:
    grid = overview_grid((values.shape[0], values.shape[1]))
    gray = torch.from_numpy(values.astype(np.float32) / 4095)
    return resize(gray[None, None], (grid.rows, grid.columns), mode=grid.mode)[0, 0]


def canonical_directions(view: View) -> tuple[str, str]:
    along_row = "P" if view.laterality is Laterality.R else "A"
    return along_row, "F" if view.projection is Projection.MLO else OPPOSITE[view.laterality.value]


def stored_directions(view: View, orientation: Orientation) -> tuple[str, str]:
    """The PatientOrientation of a canonical image to which ``orientation.undo`` was applied."""
    along_row, along_column = canonical_directions(view)
    if orientation.flip_columns:
        along_row = OPPOSITE[along_row]
    if orientation.flip_rows:
        along_column = OPPOSITE[along_column]
    return (along_column, along_row) if orientation.transpose else (along_row, along_column)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_patient_orientation_leads_back(breast: Callable, view: View, orientation: Orientation) -> None:
    wall = "right" if view.laterality is Laterality.R else "left"
    canonical = overview(breast(wall=wall))
    stored, directions = orientation.undo(canonical), stored_directions(view, orientation)
    found, warnings = canonical_orientation(stored, view, patient_orientation=directions)
    assert torch.equal(found.apply(stored), canonical)
    assert warnings == ()


@pytest.mark.parametrize("directions", [("PL", "FR"), ("P", "FL"), ("PR", "F"), ("PLH", "FLA"), ("P", "L")])
def test_oblique_directions_count_by_their_first_letter(breast: Callable, directions: tuple[str, str]) -> None:
    found, warnings = canonical_orientation(overview(breast()), View.RMLO, patient_orientation=directions)
    assert (found, warnings) == (Orientation(), ())


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("wall", ["left", "right"])
@pytest.mark.parametrize("directions", [None, ("CC", "CC"), ("L", "F"), ("A", "P"), ("P", "P"), ("", "F"), ("", "")])
def test_without_a_direction_the_pixels_decide(
    breast: Callable, view: View, wall: str, directions: tuple[str, str] | None
) -> None:
    found, warnings = canonical_orientation(overview(breast(wall=wall)), view, patient_orientation=directions)
    expected = "right" if view.laterality is Laterality.R else "left"
    assert found == Orientation(flip_columns=wall != expected)
    assert warnings == ()


def test_a_header_that_contradicts_the_pixels_is_reported(breast: Callable) -> None:
    found, (warning,) = canonical_orientation(overview(breast(wall="left")), View.RCC, patient_orientation=("P", "L"))
    assert found == Orientation()
    assert warning.startswith("by PatientOrientation (0020,0020) P/L the chest wall is on the right, in the pixels on")


def test_pixels_that_tell_nothing_are_reported() -> None:
    found, (warning,) = canonical_orientation(overview(np.zeros((20, 20))), View.LCC, patient_orientation=None)
    assert found == Orientation()
    assert warning.startswith("neither header nor pixels tell the side of the chest wall")


@pytest.mark.parametrize("gray", [0, 9 / 65535, 0.3, 1])
@pytest.mark.parametrize("span", [0, 1e-11, 1e-7, 1e-5, 2e-4, 3e-4])
def test_even_images_tell_nothing_but_for_rounding(gray: float, span: float) -> None:
    values = torch.full((128, 90), gray) + span * torch.from_numpy(np.random.default_rng(0).random((128, 90))).float()
    assert chest_wall(values) is None


def test_labels_and_bright_scanner_edges_are_not_breast(breast: Callable) -> None:
    film = breast(300, 200, wall="left")
    film[:, -2:] = 4095  # the edge of the glass
    film[10:40, 150:190] = 4095  # a lead letter
    film[film == 0] = 300  # base fog
    mask, truth = breast_mask(overview(film)), overview((film == 2000) * 4095)
    overlap = (mask & (truth > 0.5)).sum() / (mask | (truth > 0.5)).sum()
    assert overlap > 0.95
    assert chest_wall(overview(film)) == "left"


@pytest.mark.parametrize(
    ("view", "directions", "expected"),
    [
        (View.RMLO, ("P", "HL"), Orientation(flip_rows=True)),
        (View.LMLO, ("A", "FR"), Orientation()),
        (View.LMLO, ("A", "L"), Orientation(flip_rows=True)),
        (View.LMLO, ("P", "HL"), Orientation(flip_rows=True, flip_columns=True)),
        (View.LMLO, ("FR", "P"), Orientation(transpose=True, flip_columns=True)),
        (View.RCC, ("P", "R"), Orientation(flip_rows=True)),
        (View.LCC, ("L", "A"), Orientation(transpose=True, flip_rows=True)),
    ],
)
def test_single_directions(view: View, directions: tuple[str, str], expected: Orientation, breast: Callable) -> None:
    values = breast(wall="right" if view.laterality is Laterality.R else "left").astype(np.float32) / 4095
    stored = expected.undo(torch.from_numpy(values))
    assert canonical_orientation(stored, view, patient_orientation=directions) == (expected, ())


@pytest.mark.parametrize(("view", "directions"), [(View.RCC, ("P", "F")), (View.RCC, ("P", ""))])
def test_a_direction_that_leaves_the_top_open(view: View, directions: tuple[str, str], breast: Callable) -> None:
    found, (warning,) = canonical_orientation(overview(breast()), view, patient_orientation=directions)
    assert found == Orientation()
    assert warning.endswith(f"{'/'.join(directions)} it is open which edge is the upper one; rows stay as stored")


@pytest.mark.parametrize(
    ("turn", "found"), [(Orientation(True), "bottom"), (Orientation(True, flip_columns=True), "top")]
)
def test_a_header_of_lying_pixels(turn: Orientation, found: str, breast: Callable) -> None:
    lying = turn.undo(torch.from_numpy(breast().astype(np.float32)))
    seen = overview(lying.numpy())
    orientation, (warning,) = canonical_orientation(seen, View.RMLO, patient_orientation=("P", "F"))
    assert orientation == Orientation()
    assert warning.endswith(
        f"the chest wall is on the right, in the pixels on the {found}; PatientOrientation was followed"
    )
