"""Where things are: source pixels <-> input pixels <-> map cells, exactly, in both directions.

All coordinates are (row, column) with the center of the first pixel (or cell) at 0, so a pixel covers -0.5 to +0.5.
"""

from collections.abc import Iterator
from dataclasses import astuple, dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from dibmg_monai.errors import DibmgError
from dibmg_monai.views import Laterality

STRIPE = 16  # rows: few enough for the processor's cache, and for a matrix product on one thread


@dataclass(frozen=True)
class Orientation:
    """How stored pixels are turned to the canonical orientation: first transposed, then flipped.

    Canonical means chest wall on the right edge for right breasts and on the left edge for left ones, head or, in CC
    views, the lateral side at the top. It is the arrangement that the paper's padding sides imply (Kim 2018, Training
    Set-up).
    """

    transpose: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    def apply(self, image: torch.Tensor) -> torch.Tensor:
        """Turn stored pixels (..., H, W) to the canonical orientation."""
        if self.transpose:
            image = image.transpose(-2, -1)
        return image.flip([axis for axis, flip in ((-2, self.flip_rows), (-1, self.flip_columns)) if flip])

    def undo(self, image: torch.Tensor) -> torch.Tensor:
        """Turn canonical pixels (..., H, W) back to the stored orientation."""
        image = image.flip([axis for axis, flip in ((-2, self.flip_rows), (-1, self.flip_columns)) if flip])
        return image.transpose(-2, -1) if self.transpose else image


@dataclass(frozen=True)
class ViewGeometry:
    """The one description of how a stored image became a square network input.

    Attributes:
        source_rows, source_columns: the stored image, in pixels.
        orientation: stored -> canonical.
        input_size: S, the side of the square input, in pixels.
        scaled_rows, scaled_columns: the canonical image within the input, in pixels; the longer is S.
        pad_left: empty columns before it (right breasts); the rest is after it, and empty rows are below it.
    """

    source_rows: int
    source_columns: int
    orientation: Orientation
    input_size: int
    scaled_rows: int
    scaled_columns: int
    pad_left: int

    @classmethod
    def fit(
        cls,
        source_shape: tuple[int, int],
        *,
        orientation: Orientation,
        laterality: Laterality,
        input_size: int,
        pixel_aspect: float = 1.0,
    ) -> "ViewGeometry":
        """Fit an image into the square: longer side to S, padding on the side away from the chest wall.

        Kim 2018, Training Set-up: rescaled to 1600 in terms of the longer side, zero-padded on the left of RCC/RMLO
        and on the right of LCC/LMLO.

        Args:
            source_shape: (rows, columns) as stored.
            orientation: stored -> canonical.
            laterality: the breast, which decides the padded side.
            input_size: S.
            pixel_aspect: height of a stored pixel over its width; the input has square pixels.
        """
        height, width = source_shape[0] * pixel_aspect, float(source_shape[1])
        if orientation.transpose:
            height, width = width, height
        scale = input_size / max(height, width)
        rows, columns = (max(1, round(side * scale)) for side in (height, width))
        pad_left = input_size - columns if laterality is Laterality.R else 0
        return cls(*source_shape, orientation, input_size, rows, columns, pad_left)

    @property
    def source_to_input(self) -> NDArray[np.float64]:
        """(3, 3) matrix: homogeneous source (row, column, 1) -> input (row, column, 1)."""
        turn = np.eye(3)
        rows, columns = self.source_rows, self.source_columns
        if self.orientation.transpose:
            turn = turn[[1, 0, 2]]
            rows, columns = columns, rows
        if self.orientation.flip_rows:
            turn[0] = [0, 0, rows - 1] - turn[0]
        if self.orientation.flip_columns:
            turn[1] = [0, 0, columns - 1] - turn[1]
        row_scale, column_scale = self.scaled_rows / rows, self.scaled_columns / columns
        scale = np.array(
            [
                [row_scale, 0, (row_scale - 1) / 2],
                [0, column_scale, (column_scale - 1) / 2 + self.pad_left],
                [0, 0, 1],
            ]
        )
        return scale @ turn

    def cell_to_input(self, map_shape: tuple[int, int]) -> NDArray[np.float64]:
        """(3, 3) matrix: map cell (row, column, 1) -> input (row, column, 1).

        Raises:
            DibmgError: if such a map does not tile the whole input.
        """
        if any(self.input_size % side for side in map_shape):
            found = f"image_size is {self.input_size}, and the maps are {map_shape[0]} x {map_shape[1]} cells"
            raise DibmgError(f"{found}; a multiple of the network's stride is needed")
        strides = [self.input_size / side for side in map_shape]
        return np.array([[strides[0], 0, (strides[0] - 1) / 2], [0, strides[1], (strides[1] - 1) / 2], [0, 0, 1]])

    def cell_to_source(self, map_shape: tuple[int, int]) -> NDArray[np.float64]:
        """(3, 3) matrix: map cell (row, column, 1) -> source pixel (row, column, 1)."""
        return np.linalg.inv(self.source_to_input) @ self.cell_to_input(map_shape)

    def cells_inside(self, map_shape: tuple[int, int]) -> NDArray[np.bool_]:
        """(h, w): which cells have their center on the stored image, not on padding."""
        grid = np.indices(map_shape)
        rows, columns = transform_points(self.cell_to_source(map_shape), grid[0], grid[1])
        inside_rows = (rows >= -0.5) & (rows < self.source_rows - 0.5)
        return inside_rows & (columns >= -0.5) & (columns < self.source_columns - 0.5)

    def map_to_source(self, values: torch.Tensor) -> torch.Tensor:
        """A map, interpolated bilinearly onto the input's grid, and from there onto the stored image's.

        Args:
            values: (h, w), any range.

        Returns:
            (rows, columns), in the stored orientation.
        """
        return torch.from_numpy(np.concatenate([*self.map_stripes(values)]))

    def map_stripes(
        self, values: torch.Tensor, *, shape: tuple[int, int] | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """What ``map_to_source`` gives, a few rows at a time: (n, columns) each, for those who need no image of floats.

        Bilinear interpolation is separable: a stripe is its rows' weights times the map stretched sideways.

        Args:
            values: (h, w), any range.
            shape: (rows, columns) of the grid if not the stored image's own: the same field of view, other pixels.
        """
        rows, columns = shape or (self.source_rows, self.source_columns)
        turn, cells = self.orientation, values.float().numpy()
        along_rows = (0, self.scaled_rows, turn.flip_rows)
        along_columns = (self.pad_left, self.scaled_columns, turn.flip_columns)
        if turn.transpose:
            cells, along_rows, along_columns = cells.T, along_columns, along_rows
        down = self._stretch(np.eye(len(cells), dtype=np.float32), *along_rows, size=rows).T
        wide = self._stretch(cells, *along_columns, size=columns)
        first = (down != 0).argmax(axis=1)  # of the cells that a row depends on, ascending or, turned, descending
        end = len(cells) - (down != 0)[:, ::-1].argmax(axis=1)
        for start in range(0, rows, STRIPE):
            ends = [start, min(start + STRIPE, rows) - 1]
            near = slice(first[ends].min(), end[ends].max())
            yield down[start : start + STRIPE, near] @ wide[near]

    def _stretch(
        self, values: NDArray[np.float32], first: int, count: int, flip: bool, *, size: int
    ) -> NDArray[np.float32]:
        """(n, cells) -> (n, size): to the input's side, of it ``count`` pixels from ``first`` on, those to the grid.

        By Pillow, whose filter is that of ``resize``: PyTorch's threads cost more than so little work.
        """

        def resized(line: NDArray[np.float32], size: int) -> NDArray[np.float32]:
            image = Image.fromarray(np.ascontiguousarray(line))
            return np.asarray(image.resize((size, len(line)), Image.Resampling.BILINEAR))

        side = resized(values, self.input_size)[:, first : first + count]
        return resized(side[:, ::-1] if flip else side, size)

    def to_tensor(self) -> torch.Tensor:
        """(9,) int64, for batches of plain tensors; ``from_tensor`` reads it."""
        flat = [*astuple(self)[:2], *astuple(self.orientation), *astuple(self)[3:]]
        return torch.tensor([int(value) for value in flat], dtype=torch.int64)

    @classmethod
    def from_tensor(cls, values: torch.Tensor) -> "ViewGeometry":
        """The geometry that ``to_tensor`` wrote."""
        flat = [int(value) for value in values]
        orientation = Orientation(*(bool(value) for value in flat[2:5]))
        return cls(flat[0], flat[1], orientation, *flat[5:])


def box_around(marked: NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and the columns of the smallest box with all that is marked in (h, w); both empty if nothing is."""
    sides = [np.flatnonzero(marked.any(axis=1 - axis)) for axis in (0, 1)]
    rows, columns = (slice(int(side[0]), int(side[-1]) + 1) if len(side) else slice(0, 0) for side in sides)
    return rows, columns


def transform_points(
    matrix: NDArray[np.float64], rows: ArrayLike, columns: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Apply a (3, 3) matrix of ``ViewGeometry`` to points: (rows, columns) -> (rows, columns), any equal shapes."""
    row, column = np.asarray(rows, dtype=float), np.asarray(columns, dtype=float)
    return (
        matrix[0, 0] * row + matrix[0, 1] * column + matrix[0, 2],
        matrix[1, 0] * row + matrix[1, 1] * column + matrix[1, 2],
    )


def resize(image: torch.Tensor, size: tuple[int, int], *, mode: str = "bilinear") -> torch.Tensor:
    """(N, C, H, W) float -> (N, C, *size), averaging over what a smaller grid can't show; edges to edges.

    Args:
        image: the pixels.
        size: rows and columns to come.
        mode: "bilinear"; "bicubic", sharper; or "area", plain means, to make images smaller.
    """
    options = {} if mode == "area" else {"align_corners": False, "antialias": True}
    return torch.nn.functional.interpolate(image, size, mode=mode, **options)
