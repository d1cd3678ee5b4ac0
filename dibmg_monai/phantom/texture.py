"""Correlated random fields: the grain of the simulated tissue."""

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Field = NDArray[np.floating[Any]]

SPLINE_VARIANCE = (151 / 315) ** 2  # what cubic B-splines leave of the variance of white noise, in two dimensions


def octave_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    *,
    field_mm: tuple[float, float],
    coarsest_mm: float,
    finest_mm: float,
    stretch: float = 1.0,
) -> Field:
    """Noise whose power falls with the cube of the spatial frequency, as in mammograms (Burgess 2001, Med Phys 28:419).

    Each octave is white noise on a coarse grid, interpolated; equal generators give equal large structures whatever the
    number of pixels.

    Args:
        rng: a generator for this field alone, since the number of draws depends on the number of octaves.
        shape: (rows, columns) of the result.
        field_mm: (height, width) that the result covers.
        coarsest_mm: the largest grain; every further octave has half of it.
        finest_mm: no octave is finer than this, nor than a pixel.
        stretch: how many times longer the grains are along rows than across.

    Returns:
        (rows, columns), mean about 0, standard deviation about 1.
    """
    finest_mm = max(finest_mm, field_mm[0] / shape[0])
    octaves = 1 + max(0, math.floor(math.log2(coarsest_mm / finest_mm)))
    total, variance = np.zeros(shape, np.float32), 0.0
    for grain_mm in (coarsest_mm / 2**octave for octave in range(octaves)):
        grid = (4 + math.ceil(field_mm[0] / grain_mm), 4 + math.ceil(field_mm[1] / (stretch * grain_mm)))
        total += math.sqrt(grain_mm) * _enlarge(rng.standard_normal(grid, np.float32), shape)
        variance += SPLINE_VARIANCE * grain_mm
    return total / math.sqrt(variance)


def strands(rng: np.random.Generator, x_mm: Field, y_mm: Field, *, apart_mm: float, length_mm: float) -> Field:
    """Thin strands that run towards the point (0, 0): the zero lines of noise that is stretched along the radius.

    Args:
        rng: the generator.
        x_mm: (1, columns), horizontal distance from the point.
        y_mm: (rows, 1), vertical distance from the point.
        apart_mm: the grain of the noise across the radius, at a radius of 100 mm.
        length_mm: the grain along the radius.

    Returns:
        (rows, columns) in 0..1: 1 on a strand, 0 between strands.
    """
    reach_mm = 400.0
    noise = rng.standard_normal((round(200 * math.pi / apart_mm), round(reach_mm / length_mm)), np.float32)
    radius, angle = np.hypot(x_mm, y_mm), np.arctan2(y_mm, -x_mm)
    places = np.stack([2 * radius / reach_mm - 1, angle / math.pi], axis=-1)
    values = torch.nn.functional.grid_sample(
        torch.from_numpy(noise)[None, None], torch.from_numpy(places)[None], mode="bicubic", align_corners=False
    )
    return np.exp(-np.square(values[0, 0].numpy() / 0.25))


def step(value: Field) -> Field:
    """A smooth step from 0 to 1, 1/2 at value 0."""
    return 0.5 + 0.5 * np.tanh(value / 2)


def _enlarge(field: Field, shape: tuple[int, int]) -> Field:
    """A coarse field on a grid of (rows, columns)."""
    return _spline(_spline(field.T, shape[1]).T, shape[0])


def _spline(knots: Field, size: int) -> Field:
    """(n, m) -> (size, m): the cubic B-spline with these knots, less a margin of 1.5 knots at either end."""
    places = 1.5 + (np.arange(size, dtype=np.float32) + 0.5) * ((len(knots) - 4) / size)
    before = places.astype(np.intp)
    far = (places - before)[:, None]
    result = (1 - far) ** 3 * knots[before - 1]
    result += (4 - 3 * (2 - far) * far**2) * knots[before]
    result += (4 - 3 * (1 + far) * (1 - far) ** 2) * knots[before + 1]
    result += far**3 * knots[before + 2]
    return result / 6
