"""Copies of an image on other grids, all made in one walk over its rows: as floats it is never there as a whole.

A row of a copy is a sum of few rows of the image, and their weights depend on the two heights alone. So the walk takes
a strip at a time, as much as the processor's cache holds, and adds what it contributes to the rows of each copy. The
columns are resized at the end, when there are fewer rows.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from dibmg_monai.pixels.geometry import resize

STRIP, STRIP_ROWS = 1 << 17, 64  # at most, in pixels and in rows: the more rows, the more of their weights are 0
REACH = {"area": 1, "bilinear": 1, "bicubic": 2}  # of ``resize``, in pixels of the coarser grid, or a little less

Rows = Callable[[int, int], torch.Tensor]  # (first, stop) -> (stop - first, W) float32
EVERY = slice(None)


@dataclass(frozen=True)
class Grid:
    """A copy that is wanted: its size, for the whole field of view, and ``resize``'s mode."""

    rows: int
    columns: int
    mode: str = "bilinear"


def resample(image: Rows, shape: tuple[int, int], *grids: Grid, columns: slice = EVERY) -> list[torch.Tensor]:
    """What ``resize`` would make of an image, but for rounding.

    Args:
        image: gives some of its rows.
        shape: (H, W) of the image.
        grids: the copies that are wanted.
        columns: all that ``image`` gives of its rows; the others are 0.

    Returns:
        (rows, columns) float32 of each copy.
    """
    return _on_one_core(partial(_walk, image, shape, grids, columns))


def _walk(image: Rows, shape: tuple[int, int], grids: Sequence[Grid], columns: slice) -> list[torch.Tensor]:
    height, width = shape
    step = max(1, min(STRIP // width, STRIP_ROWS))
    shares = [_row_shares(height, grid.rows, step=step, mode=grid.mode) for grid in grids]
    # made by numpy, which asks for memory in large pages
    copies = [torch.from_numpy(np.zeros((grid.rows, width), np.float32)) for grid in grids]
    for number, first in enumerate(range(0, height, step)):
        strip = image(first, min(first + step, height))
        for copy, share in zip(copies, shares, strict=True):
            rows, weights = share[number]
            copy[rows, columns].addmm_(weights[:, : len(strip)], strip)
    return [
        resize(copy[None, None], (grid.rows, grid.columns), mode=grid.mode)[0, 0]
        for grid, copy in zip(grids, copies, strict=True)
    ]


def _row_shares(height: int, rows: int, *, step: int, mode: str) -> list[tuple[slice, torch.Tensor]]:
    """For each strip of ``step`` rows of an image: the rows of a copy that it is in, and (copy, strip) its weights.

    ``resize`` itself is asked for them, so that nothing can differ: it resizes combs, which are 1 in every n-th row and
    0 elsewhere. No row of the copy reaches as far as n rows, so that in each of its values there is one tooth alone.
    """
    scale = height / rows
    reach = REACH[mode] * max(scale, 1.0) + 1
    teeth = min(height, 2 * math.ceil(reach) + 1)
    combs = np.resize(np.eye(teeth, dtype=np.float32), (height, teeth))
    resized = resize(torch.from_numpy(combs)[None, None], (rows, teeth), mode=mode)[0, 0].numpy()
    centers = (np.arange(rows) + 0.5) * scale - 0.5  # in rows of the image
    firsts = np.arange(0, height, step)
    low = np.searchsorted(centers, firsts - reach)
    high = np.searchsorted(centers, firsts + step - 1 + reach, side="right")
    there = np.minimum(low[:, np.newaxis] + np.arange((high - low).max()), rows - 1)[:, :, np.newaxis]
    here = (firsts[:, np.newaxis] + np.arange(step))[:, np.newaxis]
    weights = np.where(np.abs(centers[there] - here) <= reach, resized[there, here % teeth], np.float32(0))
    return [
        (slice(start, stop), torch.from_numpy(strip[: stop - start]))
        for start, stop, strip in zip(low.tolist(), high.tolist(), weights, strict=True)
    ]


def _on_one_core(work: Callable[[], list[torch.Tensor]]) -> list[torch.Tensor]:
    """Do work of hundreds of small steps, in each of which several cores would wait for one another.

    How many torch takes is a property of each thread. But the last number set, by whatever thread, is also what threads
    begin with that come later, so one is taken back at once.
    """
    cores = torch.get_num_threads()
    if cores == 1:
        return work()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(_take_one_core).result()
        torch.set_num_threads(cores)
        return thread.submit(work).result()


def _take_one_core() -> None:
    torch.get_num_threads()  # the first question of a thread, which would undo what was set before
    torch.set_num_threads(1)
