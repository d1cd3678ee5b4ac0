"""Findings: the regions of a DIB map that speak for cancer, cut out as cells and outlined in the source image's pixels.

The one rule for every output: a finding is a connected part of the map's cells whose log-odds reach a threshold. The
cells are not smoothed: their size is what the network resolves.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from dibmg_monai.pixels.geometry import ViewGeometry, transform_points

SCALE_FLOOR = math.log(10)  # an exam's scale of evidence ends no lower: odds of 10 to 1
SHARE = 0.25  # of the scale's end that a cell needs to belong to a finding
SMALLEST_AREA = 1  # cells
MOST = 3  # findings a view


@dataclass(frozen=True, eq=False)
class Finding:
    """A region of one view's DIB map that speaks for cancer.

    Attributes:
        score: 0.5 to 1, what the view's score would be if the map said nothing, log-odds 0, but in the cells that reach
            the threshold.
        peak_row, peak_column: center of its strongest cell, in the stored image's pixels.
        peak_value: the DIB there, log-odds of cancer.
        cells: (h, w) bool, the map's cells that belong to it; without holes.
        outline: (n, 2) float64, the corners of its outline as (row, column) of the stored image, the last one joined to
            the first. Pixel centers have whole numbers, so the image reaches from -0.5 to its sides less 0.5.
    """

    score: float
    peak_row: float
    peak_column: float
    peak_value: float
    cells: NDArray[np.bool_]
    outline: NDArray[np.float64]

    def mask(self, geometry: ViewGeometry) -> NDArray[np.bool_]:
        """(rows, columns) of the stored image: the pixels whose centers are in the finding.

        Args:
            geometry: of the view.
        """
        to_cell = np.linalg.inv(geometry.cell_to_source((self.cells.shape[0], self.cells.shape[1])))
        rows, columns = np.arange(geometry.source_rows), np.arange(geometry.source_columns)
        cells = self.cells
        if geometry.orientation.transpose:  # the map's rows run along the image's columns
            to_cell, cells = to_cell[[1, 0, 2]], cells.T
        down = np.floor(to_cell[0, 0] * rows + to_cell[0, 2] + 0.5).astype(int)
        across = np.floor(to_cell[1, 1] * columns + to_cell[1, 2] + 0.5).astype(int)
        return cells.take(across, axis=1).take(down, axis=0)


def evidence_scale(peak_values: Iterable[float]) -> float:
    """The log-odds at the end of an exam's scale of evidence: its highest peak, or ``SCALE_FLOOR`` if that is higher.

    Cells need not be calibrated: with averages over a whole map, a single one says hundreds where it has to outvote the
    rest. So what counts as strong is measured within the exam.
    """
    return max(SCALE_FLOOR, *peak_values)


def finding_threshold(peak_values: Iterable[float]) -> float:
    """The log-odds that a cell of a finding needs: a quarter of the exam's scale, at least ``SCALE_FLOOR``."""
    return max(SCALE_FLOOR, SHARE * evidence_scale(peak_values))


def find_regions(
    dib: torch.Tensor,
    geometry: ViewGeometry,
    *,
    candidates: NDArray[np.bool_],
    threshold: float,
    smallest_area: int = SMALLEST_AREA,
    most: int = MOST,
) -> tuple[Finding, ...]:
    """Cut a DIB map into findings, the one with the highest peak first.

    Cells that touch along a side belong together; holes are filled.

    Args:
        dib: (h, w), log-odds of cancer per cell.
        geometry: of the view.
        candidates: (h, w) bool, the cells that may belong to findings: on the image, and not air.
        threshold: log-odds that a cell needs.
        smallest_area: cells that a finding needs, before its holes are filled.
        most: how many to keep.
    """
    values = dib.numpy()
    parts, count = ndimage.label(candidates & (values >= threshold))
    cells = [parts == number for number in range(1, count + 1)]
    large = [part for part in cells if part.sum() >= smallest_area]
    strongest = sorted(large, key=lambda part: -values[part].max())[:most]
    return tuple(_finding(values, geometry, part) for part in strongest)


def _finding(values: NDArray[np.float32], geometry: ViewGeometry, part: NDArray[np.bool_]) -> Finding:
    """The finding of a connected part of the map's cells."""
    cells = ndimage.binary_fill_holes(part)
    to_source = geometry.cell_to_source((values.shape[0], values.shape[1]))
    peak = np.unravel_index(np.where(part, values, -np.inf).argmax(), values.shape)
    row, column = transform_points(to_source, *peak)
    corners = _outline(cells) - 0.5
    outline = np.stack(transform_points(to_source, corners[:, 0], corners[:, 1]), axis=1)
    end = np.array([geometry.source_rows, geometry.source_columns]) - 0.5
    return Finding(
        score=1 / (1 + math.exp(-values[part].sum(dtype=float) / values.size)),
        peak_row=float(row),
        peak_column=float(column),
        peak_value=float(values[peak]),
        cells=cells,
        outline=outline.clip(-0.5, end),
    )


def _outline(cells: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(n, 2) corners of the outline of cells without holes, as (row, column) of the grid lines, around it once."""
    padded = np.pad(cells, 1)
    steps: dict[tuple[int, int], tuple[int, int]] = {}  # from a grid point to the next, the cells on the right
    for row, column in np.argwhere(cells):
        if not padded[row, column + 1]:
            steps[row, column] = (row, column + 1)
        if not padded[row + 1, column + 2]:
            steps[row, column + 1] = (row + 1, column + 1)
        if not padded[row + 2, column + 1]:
            steps[row + 1, column + 1] = (row + 1, column)
        if not padded[row + 1, column]:
            steps[row + 1, column] = (row, column)
    path = [min(steps)]
    while (following := steps[path[-1]]) != path[0]:
        path.append(following)
    points = np.array(path)
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    return points[(before != after).any(axis=1)]
