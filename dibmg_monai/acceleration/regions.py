"""Rectangles of images and feature maps, and how a chain of convolutions and poolings passes them on."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from dibmg_monai.pixels.geometry import box_around


@dataclass(frozen=True)
class Step:
    """One convolution or pooling, alike in both directions: kernel, stride and zero-padding, in cells."""

    kernel: int
    stride: int
    padding: int


@dataclass(frozen=True)
class Interval:
    """Cells ``start`` to ``stop``, the latter not included."""

    start: int
    stop: int

    def reached_by(self, step: Step, *, size: int) -> "Interval":
        """The cells after a step that see any of these; ``size`` is the number of cells after the step."""
        start = -((step.kernel - 1 - step.padding - self.start) // step.stride)
        stop = (self.stop - 1 + step.padding) // step.stride + 1
        return Interval(max(0, start), min(size, stop))

    def needed_by(self, step: Step, *, size: int) -> "Interval":
        """The cells before a step that these see; ``size`` is the number of cells before the step."""
        start = self.start * step.stride - step.padding
        stop = (self.stop - 1) * step.stride - step.padding + step.kernel
        return Interval(max(0, start), min(size, stop))

    def aligned(self, stride: int, *, size: int) -> "Interval":
        """Widened to whole multiples of ``stride``, as far as there are cells; ``size`` is their number."""
        return Interval(self.start // stride * stride, min(size, -(-self.stop // stride) * stride))

    def common(self, other: "Interval") -> "Interval":
        """The cells in both."""
        return Interval(max(self.start, other.start), min(self.stop, other.stop))

    def within(self, other: "Interval") -> slice:
        """This interval as a slice of a tensor that holds ``other``."""
        return slice(self.start - other.start, self.stop - other.start)


@dataclass(frozen=True)
class Region:
    """A rectangle of cells."""

    rows: Interval
    columns: Interval

    @classmethod
    def whole(cls, features: NDArray) -> "Region":
        """All of (..., h, w)."""
        return cls(*(Interval(0, side) for side in features.shape[-2:]))

    @classmethod
    def around(cls, cells: NDArray[np.bool_]) -> "Region | None":
        """The smallest one that holds all cells of (h, w) that are true; None if none is."""
        box = box_around(cells)
        return cls(*(Interval(side.start, side.stop) for side in box)) if cells[box].size else None

    def within(self, other: "Region") -> tuple[slice, slice]:
        """This region as slices of the last two axes of a tensor that holds ``other``."""
        return self.rows.within(other.rows), self.columns.within(other.columns)

    def contains(self, other: "Region") -> bool:
        """Whether all of another one is in it."""
        return self.common(other) == other

    def common(self, other: "Region") -> "Region":
        """What is in both."""
        return Region(self.rows.common(other.rows), self.columns.common(other.columns))

    def bands(self, height: int) -> "list[Region]":
        """The same in parts of at most ``height`` rows, from the top down."""
        starts = range(self.rows.start, self.rows.stop, height)
        return [Region(Interval(start, min(start + height, self.rows.stop)), self.columns) for start in starts]

    def reached_by(self, steps: Sequence[Step], *, shape: tuple[int, int]) -> "Region":
        """What can differ after some steps if only this differs before; ``shape`` is (h, w) before them."""
        intervals = []
        for interval, size in zip((self.rows, self.columns), shape, strict=True):
            for step in steps:
                size = size_after(step, size)
                interval = interval.reached_by(step, size=size)
            intervals.append(interval)
        return Region(*intervals)

    def needed_by(self, steps: Sequence[Step], *, shape: tuple[int, int]) -> "Region":
        """What has to be there before some steps for this to be right after them; ``shape`` is (h, w) before them.

        In whole multiples of the steps' common stride, so that the steps on this part alone fall on the same cells.
        """
        intervals = []
        for interval, size in zip((self.rows, self.columns), shape, strict=True):
            sizes = [size]
            for step in steps:
                sizes.append(size_after(step, sizes[-1]))
            for step, before in zip(reversed(steps), sizes[-2::-1], strict=True):
                interval = interval.needed_by(step, size=before)
            intervals.append(interval.aligned(stride_of(steps), size=size))
        return Region(*intervals)

    def after(self, steps: Sequence[Step], result: NDArray) -> "Region":
        """Where the result (..., h, w) of some steps on this region alone lies, as ``needed_by`` has aligned it."""
        starts = (interval.start // stride_of(steps) for interval in (self.rows, self.columns))
        return Region(*(Interval(start, start + side) for start, side in zip(starts, result.shape[-2:], strict=True)))


def stride_of(steps: Sequence[Step]) -> int:
    """Cells before some steps for one cell after them."""
    return prod(step.stride for step in steps)


def size_after(step: Step, size: int) -> int:
    """Cells after a step, of ``size`` before it."""
    return (size + 2 * step.padding - step.kernel) // step.stride + 1
