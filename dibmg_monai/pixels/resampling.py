"""Copies of an image on other grids, all made in one walk over its rows: as floats it is never there as a whole.

A row of a copy is a sum of few rows of the image, and their weights depend on the two heights alone. So the walk takes
a strip at a time, as much as the processor's cache holds, and adds what it contributes to the rows of each copy. The
columns are resized at the end, when there are fewer rows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from dibmg_monai.pixels.geometry import resize

STRIP = 1 << 17  # pixels
REACH = {"area": 1, "bilinear": 1, "bicubic": 2}  # of ``resize``, in pixels of the coarser grid, or a little less

Rows = Callable[[int, int], torch.Tensor]  # (first, stop) -> (stop - first, W) float32


@dataclass(frozen=True)
class Grid:
    """A copy that is wanted: its size, for the whole field of view, and ``resize``'s mode."""

    rows: int
    columns: int
    mode: str = "bilinear"


def resample(image: Rows, shape: tuple[int, int], *grids: Grid) -> list[torch.Tensor]:
    """What ``resize`` would make of an image, but for rounding.

    Args:
        image: gives some of its rows.
        shape: (H, W) of the image.
        grids: the copies that are wanted.

    Returns:
        (rows, columns) float32 of each copy.
    """
    height, width = shape
    weights = [_RowWeights(height, grid.rows, mode=grid.mode) for grid in grids]
    copies = [torch.from_numpy(np.zeros((grid.rows, width), np.float32)) for grid in grids]
    step = max(1, STRIP // width)
    for first in range(0, height, step):
        stop = min(first + step, height)
        strip = image(first, stop)
        for weight, copy in zip(weights, copies, strict=True):
            rows, share = weight.of(first, stop)
            copy[rows].addmm_(share, strip)
    return [
        resize(copy[None, None], (grid.rows, grid.columns), mode=grid.mode)[0, 0]
        for grid, copy in zip(grids, copies, strict=True)
    ]


class _RowWeights:
    """What each row of an image weighs in each row of a copy.

    ``resize`` itself is asked, so that nothing can differ: it resizes combs, which are 1 in every n-th row and 0
    elsewhere. No row of the copy reaches as far as n rows, so that a single tooth is in each of its values.

    Args:
        height: of the image.
        rows: of the copy.
        mode: ``resize``'s.
    """

    def __init__(self, height: int, rows: int, *, mode: str) -> None:
        scale = height / rows
        self.reach = REACH[mode] * max(scale, 1.0) + 1
        self.centers = (np.arange(rows) + 0.5) * scale - 0.5  # in rows of the image
        self.teeth = min(height, 2 * math.ceil(self.reach) + 1)
        combs = np.resize(np.eye(self.teeth, dtype=np.float32), (height, self.teeth))
        self.resized = resize(torch.from_numpy(combs)[None, None], (rows, self.teeth), mode=mode)[0, 0].numpy()

    def of(self, first: int, stop: int) -> tuple[slice, torch.Tensor]:
        """The rows of the copy that rows ``first`` to ``stop`` of the image are in, and (copy, image) their weights."""
        low = np.searchsorted(self.centers, first - self.reach)
        high = np.searchsorted(self.centers, stop - 1 + self.reach, side="right")
        rows = np.arange(first, stop)
        near = np.abs(self.centers[low:high, np.newaxis] - rows) <= self.reach
        share = np.where(near, self.resized[low:high, rows % self.teeth], np.float32(0))
        return slice(int(low), int(high)), torch.from_numpy(share)
