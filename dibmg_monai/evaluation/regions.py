"""Where the lesions are: masks, circles, boxes and polygons of a datalist -> sets of pixels of the stored image."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from dibmg_monai.errors import DatalistError
from dibmg_monai.pixels.geometry import box_around
from dibmg_monai.pixels.reader import read_image

ROUNDING = 1e-9  # relative; 3 x 0.1 mm are 0.3 mm
TOUCHING = np.ones((3, 3), bool)  # pixels of one lesion touch at sides or corners


@dataclass(frozen=True)
class Region:
    """A set of pixels of an image, kept as the box around it.

    Attributes:
        top, left: the first pixel of the box.
        mask: (h, w) bool, which pixels of the box belong to it.
    """

    top: int
    left: int
    mask: NDArray[np.bool_]

    @property
    def area(self) -> int:
        """Pixels."""
        return int(self.mask.sum())

    def contains(self, row: float, column: float) -> bool:
        """Whether the pixel that a point lies in belongs to the region."""
        down, across = int(np.floor(row + 0.5)) - self.top, int(np.floor(column + 0.5)) - self.left
        inside = 0 <= down < self.mask.shape[0] and 0 <= across < self.mask.shape[1]
        return inside and bool(self.mask[down, across])

    def grown(
        self, distance: float, *, shape: tuple[int, int], pixel_size: tuple[float, float] = (1.0, 1.0)
    ) -> "Region":
        """All pixels of the image whose centers are at most ``distance`` from the center of one of the region's.

        Args:
            distance: in the unit of ``pixel_size``.
            shape: (rows, columns) of the image.
            pixel_size: (height, width) of a pixel.
        """
        if distance == 0:
            return self
        margin = [math.ceil(distance / side) for side in pixel_size]
        outside = np.pad(~self.mask, [(more, more) for more in margin], constant_values=True)
        near = ndimage.distance_transform_edt(outside, sampling=pixel_size) <= distance * (1 + ROUNDING)
        top, left = self.top - margin[0], self.left - margin[1]
        cut = near[max(0, -top) : shape[0] - top, max(0, -left) : shape[1] - left]
        return Region(max(0, top), max(0, left), cut)

    @classmethod
    def around(cls, mask: NDArray[np.bool_], *, top: int = 0, left: int = 0) -> "Region":
        """A mask, whose first pixel is (top, left) of the image, cut to what is in it.

        Args:
            mask: (H, W) with at least one pixel.
            top: the row of its first pixel.
            left: the column of its first pixel.
        """
        rows, columns = box_around(mask)
        return cls(top + rows.start, left + columns.start, mask[rows, columns])


def union(regions: Sequence[Region]) -> Region:
    """All pixels of one or more regions."""
    top, left = min(region.top for region in regions), min(region.left for region in regions)
    bottom = max(region.top + region.mask.shape[0] for region in regions)
    right = max(region.left + region.mask.shape[1] for region in regions)
    mask = np.zeros((bottom - top, right - left), bool)
    for region in regions:
        down, across = region.top - top, region.left - left
        mask[down : down + region.mask.shape[0], across : across + region.mask.shape[1]] |= region.mask
    return Region(top, left, mask)


def is_annotated(entry: Mapping[str, Any], view: str) -> bool:
    """Whether a datalist entry says where the lesions of a view are."""
    return view in entry.get("malignant_masks", {}) or view in entry.get("malignant_regions", {})


def read_lesions(
    entry: Mapping[str, Any], view: str, *, dataset_dir: Path, shape: tuple[int, int] | None
) -> tuple[tuple[Region, ...], tuple[int, int]]:
    """The malignant lesions of a view.

    In ``malignant_masks`` each connected part of what is not black is one, in ``malignant_regions`` each region. A
    circle or polygon has the pixels whose centers lie in it, and those that hold the circle's center or a corner; a box
    those from its first to its last corner's. What reaches beyond the image is cut.

    Args:
        entry: the datalist entry.
        view: a view that it says something of.
        dataset_dir: the folder that masks are relative to.
        shape: (rows, columns) of the image; None if it is not known: then a mask tells.

    Returns:
        The lesions, none for a black mask; and the image's shape.

    Raises:
        ImageError: if a mask cannot be read.
        DatalistError: if a mask has another shape than the image, a region is off the image, or nothing tells the
            shape of the image.
    """
    place = f"exam {entry['exam_id']}, {view}"
    mask_file = entry.get("malignant_masks", {}).get(view)
    regions = entry.get("malignant_regions", {}).get(view, [])
    files = [file for file in (mask_file, *(region.get("mask") for region in regions)) if file is not None]
    masks = {file: read_image(dataset_dir / file).values.numpy() > 0 for file in files}
    for file, mask in masks.items():
        shape = shape or (mask.shape[0], mask.shape[1])
        if mask.shape != shape:
            found, needed = (f"{rows} x {columns} pixels" for rows, columns in (mask.shape, shape))
            raise DatalistError(f"{place}: {file} has {found}, the image {needed}; a mask needs the image's own pixels")
    if shape is None:
        found = f"its regions are of an image, {entry.get(view)!r}, that is not in {dataset_dir}"
        raise DatalistError(f"{place}: {found}; the image is needed for its size")
    lesions = list(_parts(masks[mask_file])) if mask_file is not None else []
    for region in regions:
        if "mask" in region:
            lesions += [Region.around(masks[region["mask"]])] if masks[region["mask"]].any() else []
        else:
            lesions.append(_drawn(region, shape=shape, place=place))
    return tuple(lesions), shape


def _parts(mask: NDArray[np.bool_]) -> Iterator[Region]:
    """The connected parts of a mask."""
    labels, _ = ndimage.label(mask, TOUCHING)
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        yield Region(rows.start, columns.start, labels[rows, columns] == number)


def _drawn(region: Mapping[str, Any], *, shape: tuple[int, int], place: str) -> Region:
    """A circle, box or polygon as pixels of the image."""
    ((kind, numbers),) = region.items()
    points, reach = (numbers[:2], numbers[2]) if kind == "circle" else (numbers, 0.0)
    points = np.asarray(points, float).reshape(-1, 2)
    low, high = points.min(axis=0) - reach, points.max(axis=0) + reach
    middle = _pixel((low + high) / 2)
    on_image = bool((middle >= 0).all() and (middle < shape).all())
    first, last = (_pixel(corner).clip(0, np.array(shape) - 1) for corner in (low, high))
    rows, columns = (np.arange(begin, end + 1) for begin, end in zip(first, last, strict=True))
    mask = _SHAPES[kind](points, reach, rows, columns)
    if not (on_image and mask.any()):
        found = f"rows {low[0]:g} to {high[0]:g}, columns {low[1]:g} to {high[1]:g}"
        needed = f"the image's own pixels, {shape[0]} x {shape[1]}, are needed"
        raise DatalistError(f"{place}: a {kind} covers {found}, and so is off the image; {needed}")
    return Region.around(mask, top=int(first[0]), left=int(first[1]))


def _box(points: NDArray, reach: float, rows: NDArray, columns: NDArray) -> NDArray[np.bool_]:
    return np.ones((len(rows), len(columns)), bool)


def _circle(points: NDArray, reach: float, rows: NDArray, columns: NDArray) -> NDArray[np.bool_]:
    mask = np.hypot(rows[:, None] - points[0, 0], columns - points[0, 1]) <= reach
    return mask | _holding(points, rows, columns)


def _polygon(points: NDArray, reach: float, rows: NDArray, columns: NDArray) -> NDArray[np.bool_]:
    """Inside is where an odd number of edges lies to the left, in the same row."""
    (row, column), (next_row, next_column) = points.T, np.roll(points, -1, axis=0).T
    edge, line = np.nonzero((row[:, None] <= rows) != (next_row[:, None] <= rows))
    along = (rows[line] - row[edge]) / (next_row - row)[edge]
    crossing = column[edge] + along * (next_column - column)[edge]
    crossed = np.zeros((len(rows), len(columns) + 1), int)
    np.add.at(crossed, (line, (np.ceil(crossing).astype(int) - columns[0]).clip(0, len(columns))), 1)
    return (crossed.cumsum(axis=1)[:, :-1] % 2 == 1) | _holding(points, rows, columns)


_SHAPES = {"box": _box, "circle": _circle, "polygon": _polygon}


def _holding(points: NDArray, rows: NDArray, columns: NDArray) -> NDArray[np.bool_]:
    """(h, w): the pixels that hold a point."""
    mask = np.zeros((len(rows), len(columns)), bool)
    found = _pixel(points) - (rows[0], columns[0])
    found = found[((found >= 0) & (found < mask.shape)).all(axis=1)]
    mask[found[:, 0], found[:, 1]] = True
    return mask


def _pixel(points: ArrayLike) -> NDArray[np.int64]:
    """The pixels that points lie in."""
    return np.floor(np.asarray(points) + 0.5).astype(int)
