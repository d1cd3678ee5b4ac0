"""DIB maps as they lie on the stored image: cells with edges in source pixels, their areas, their local maxima."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray
from scipy import ndimage

from dibmg_monai.errors import ImageError
from dibmg_monai.evaluation.regions import TOUCHING, Region

READING_ERRORS = (OSError, EOFError, ValueError, zlib.error, ImageFileError)
EXACT_DECIMALS = 2  # of a position in source pixels, see outputs/nifti.py


@dataclass(frozen=True)
class CellMap:
    """Values on rectangular cells that cover an image, padding possibly included.

    Attributes:
        values: (h, w), along the image's rows and columns.
        row_edges, column_edges: (h + 1,) and (w + 1,) increasing, between which the cells lie, in source pixels: the
            first pixel reaches from -0.5 to 0.5.
        shape: (rows, columns) of the image.
    """

    values: NDArray[Any]
    row_edges: NDArray[np.float64]
    column_edges: NDArray[np.float64]
    shape: tuple[int, int]

    def areas(self, region: Region | None = None) -> NDArray[np.float64]:
        """(h, w) how many pixels of a region, or else of the image, each cell covers; exact, with parts of pixels."""
        if region is None:
            rows, columns = (side - 0.5 for side in self.shape)
            return np.outer(np.diff(self.row_edges.clip(-0.5, rows)), np.diff(self.column_edges.clip(-0.5, columns)))
        heights = _overlaps(self.row_edges, region.top, region.mask.shape[0])
        widths = _overlaps(self.column_edges, region.left, region.mask.shape[1])
        return heights @ region.mask.astype(float) @ widths.T

    def at(self, rows: NDArray[np.floating], columns: NDArray[np.floating]) -> NDArray[np.float64]:
        """(H, W) values at a grid of (H,) rows and (W,) columns, interpolated linearly between the cells' centers."""
        down, across = self.centers()
        rows_done = np.stack([np.interp(rows, down, column) for column in self.values.T], axis=1)
        return np.stack([np.interp(columns, across, row) for row in rows_done])

    def on_image(self) -> NDArray[np.bool_]:
        """(h, w) which cells have their center on the image."""
        rows, columns = (
            (center >= -0.5) & (center < side - 0.5) for center, side in zip(self.centers(), self.shape, strict=True)
        )
        return np.logical_and.outer(rows, columns)

    def centers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(h,) rows and (w,) columns of the cells' centers, without the last digits that NIfTI's float32 lost."""
        edges = self.row_edges, self.column_edges
        rows, columns = (((along[1:] + along[:-1]) / 2).round(EXACT_DECIMALS) for along in edges)
        return rows, columns

    def maxima(self) -> Iterator[tuple[float, float, float]]:
        """Row, column and value of each local maximum on the image: cells that no neighbor, also diagonal, exceeds.

        Equal neighbors are one maximum, at their first cell.
        """
        on_image = self.on_image()
        values = np.where(on_image, self.values, -np.inf)
        exceeded, spread = ~on_image, ndimage.maximum_filter(values, size=3) > values
        while (spread > exceeded).any():  # what equals an exceeded neighbor is on its plateau
            exceeded |= spread
            spread = ndimage.maximum_filter(np.where(exceeded, values, -np.inf), size=3) == values
        labels, _ = ndimage.label(~exceeded, TOUCHING)
        rows, columns = self.centers()
        numbers, first = np.unique(labels, return_index=True)
        for row, column in zip(*np.unravel_index(first[numbers > 0], labels.shape), strict=True):
            yield float(rows[row]), float(columns[column]), float(values[row, column])


def _overlaps(edges: NDArray[np.float64], start: int, count: int) -> NDArray[np.float64]:
    """(n, count) the length of each of ``count`` pixels, from pixel ``start`` on, that lies in each of n cells."""
    limits = np.arange(start, start + count + 1) - 0.5
    return np.diff(edges[:, None].clip(limits[:-1], limits[1:]), axis=0)


def thresholded(values: NDArray[Any], *, above: float = 0.0) -> NDArray[np.bool_]:
    """(h, w) the cells that a DIB map points out: log-odds of cancer above a threshold, by default even odds."""
    return values > above


def strongest(cells: CellMap, *, share: float) -> NDArray[np.bool_]:
    """(h, w) the cells of highest value, as many as it takes to cover a share of the image, 0 to 1."""
    areas = cells.areas()
    order = np.argsort(-cells.values, axis=None, kind="stable")
    covered = areas.ravel()[order].cumsum() - areas.ravel()[order]  # by stronger cells
    chosen = np.zeros(areas.size, bool)
    chosen[order[covered < share * areas.sum()]] = True
    return chosen.reshape(areas.shape) & (areas > 0)


def read_map(path: Path, *, shape: tuple[int, int]) -> CellMap:
    """A DIB map as ``outputs.nifti.write_map`` writes it.

    Args:
        path: ``.nii`` or ``.nii.gz``.
        shape: (rows, columns) of the image it is about.

    Raises:
        ImageError: if the file is missing or damaged, or is no such map.
    """
    try:
        image = nibabel.load(path)
        values, affine = np.asarray(image.dataobj), image.affine  # type: ignore[attr-defined]
    except READING_ERRORS as error:
        raise ImageError(path, f"cannot be read ({error}); the map that inference wrote is needed") from error
    turn = affine[:2, :2]
    if values.ndim != 3 or values.shape[2] != 1 or np.count_nonzero(turn, axis=0).tolist() != [1, 1]:
        reason = f"has {values.shape} voxels with axes {turn.tolist()}"
        raise ImageError(path, f"{reason}; (h, w, 1) along the image's rows and columns are needed")
    values, offset = values[..., 0], affine[:2, 3]
    if turn[0, 0] == 0:  # the map's rows run along the image's columns
        values, turn = values.T, turn[:, ::-1]
    edges = []
    for axis, (start, step, cells) in enumerate(zip(offset, np.diag(turn), values.shape, strict=True)):
        along = start + step * (np.arange(cells + 1) - 0.5)
        edges.append(along if step > 0 else along[::-1])
        values = values if step > 0 else np.flip(values, axis)
    row_edges, column_edges = edges
    return CellMap(values, row_edges, column_edges, shape)
