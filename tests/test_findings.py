"""Findings lie where the map's cells lie, in every orientation, and are cut as their rule says."""

import itertools
import math

import numpy as np
import pytest
import torch
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray

from dibmg_monai.findings import SCALE_FLOOR, Finding, evidence_scale, find_regions, finding_threshold
from dibmg_monai.pixels.geometry import Orientation, ViewGeometry
from dibmg_monai.views import Laterality

ORIENTATIONS = [Orientation(*bits) for bits in itertools.product((False, True), repeat=3)]
SHAPE = (8, 8)


def geometry_of(
    orientation: Orientation = Orientation(),  # noqa: B008
    *,
    shape: tuple[int, int] = (80, 61),
    pixel_aspect: float = 1.0,
) -> ViewGeometry:
    return ViewGeometry.fit(
        shape, orientation=orientation, laterality=Laterality.R, input_size=32, pixel_aspect=pixel_aspect
    )


def found_in(picture: str, geometry: ViewGeometry | None = None, **options: object) -> tuple[Finding, ...]:
    """Findings of a map drawn in rows of digits, a digit being its cell's log-odds."""
    rows = [[float(digit) for digit in row] for row in picture.split()]
    dib = torch.zeros(SHAPE)
    dib[: len(rows), : len(rows[0])] = torch.tensor(rows)
    everywhere = np.ones(SHAPE, bool)
    chosen = {"candidates": everywhere, "threshold": 1.0, **options}
    return find_regions(dib, geometry or geometry_of(), **chosen)


def covers(finding: Finding, geometry: ViewGeometry, mask: NDArray[np.bool_]) -> bool:
    """Whether a mask is what matplotlib says is within the outline; on the outline, both will do."""
    shape = (geometry.source_rows, geometry.source_columns)
    centers = np.indices(shape).reshape(2, -1).T
    polygon = Polygon(finding.outline)
    one, other = (polygon.contains_points(centers, radius=radius).reshape(shape) for radius in (1e-6, -1e-6))
    return bool((one & other <= mask).all() and (mask <= one | other).all())


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("pixel_aspect", [1.0, 0.7])
@pytest.mark.parametrize("shape", [(80, 61), (61, 80)])
def test_outline_and_mask_are_the_cells(orientation: Orientation, pixel_aspect: float, shape: tuple[int, int]) -> None:
    geometry = geometry_of(orientation, shape=shape, pixel_aspect=pixel_aspect)
    cells = np.zeros(SHAPE, bool)
    cells[2:5, 5], cells[4, 4:7] = True, True
    (finding,) = find_regions(
        torch.from_numpy(np.where(cells, 3.0, 0.0)), geometry, candidates=np.ones(SHAPE, bool), threshold=1.0
    )
    assert (finding.cells == cells).all()
    mask = finding.mask(geometry)
    assert mask.any() and covers(finding, geometry, mask)
    # the way there: a mask in the image, reduced to cells, is the cells again
    pixels = torch.from_numpy(mask.astype(np.float32))
    canonical = orientation.apply(pixels)[None, None]
    square = torch.zeros(1, 1, 32, 32)
    scaled = torch.nn.functional.interpolate(canonical, (geometry.scaled_rows, geometry.scaled_columns), mode="nearest")
    square[..., : geometry.scaled_rows, geometry.pad_left : geometry.pad_left + geometry.scaled_columns] = scaled
    back = torch.nn.functional.avg_pool2d(square, 4)[0, 0].numpy() > 0.5
    assert (back == cells & geometry.cells_inside(SHAPE)).all()
    assert mask[round(finding.peak_row), round(finding.peak_column)]


def test_outline_is_the_border_of_one_cell() -> None:
    geometry = ViewGeometry.fit((80, 80), orientation=Orientation(), laterality=Laterality.L, input_size=32)
    (finding,) = found_in("000 020", geometry)
    assert sorted(map(tuple, finding.outline)) == [(9.5, 9.5), (9.5, 19.5), (19.5, 9.5), (19.5, 19.5)]


def test_parts_touch_along_sides_and_the_strongest_is_first() -> None:
    findings = found_in("0200 0050 0000 3300")
    assert [finding.peak_value for finding in findings] == [5, 3, 2]
    assert [finding.cells.sum() for finding in findings] == [1, 2, 1]


def test_smallest_area_and_most() -> None:
    drawn = "9000 0033 0000 2220"
    assert [finding.peak_value for finding in found_in(drawn, smallest_area=2)] == [3, 2]
    assert [finding.peak_value for finding in found_in(drawn, most=1)] == [9]
    assert found_in(drawn, threshold=10.0) == ()


def test_holes_are_filled_but_say_nothing() -> None:
    (finding,) = found_in("0000 0444 0404 0444")
    assert finding.cells.sum() == 9
    assert len(finding.outline) == 4
    assert finding.score == pytest.approx(1 / (1 + math.exp(-8 * 4 / 64)))


def test_score_is_that_of_a_view_with_nothing_else() -> None:
    (finding,) = found_in("0000 0530")
    alone = torch.zeros(SHAPE)
    alone[1, 1], alone[1, 2] = 5, 3
    assert finding.score == pytest.approx(alone.mean().sigmoid().item())


def test_only_candidates_belong_to_findings() -> None:
    candidates = np.ones(SHAPE, bool)
    candidates[1, 2] = False
    (finding,) = found_in("0000 0590", candidates=candidates)
    assert (finding.peak_value, finding.cells.sum()) == (5, 1)


def test_outline_stays_on_the_image() -> None:
    geometry = geometry_of()
    (finding,) = found_in("00000009 " * 8, geometry)
    rows, columns = finding.outline.T
    assert (rows.min(), rows.max(), columns.max()) == (-0.5, 79.5, 60.5)


def test_threshold_is_a_quarter_of_the_exams_scale() -> None:
    assert evidence_scale([1.0, -2.0]) == SCALE_FLOOR
    assert finding_threshold([1.0]) == finding_threshold([4 * SCALE_FLOOR]) == pytest.approx(math.log(10))
    assert finding_threshold([100.0, 3.0]) == 25
