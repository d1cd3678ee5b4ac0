"""Phantom masses planted in real breasts: a first task for a network, whose answer costs no annotator's time.

A network that has learned to find them knows what a compact bright region in real tissue looks like, before it sees the
first exam label. DECISIONS.md says what that brought.
"""

import math

import numpy as np
from numpy.typing import NDArray

from dibmg_monai.phantom.lesions import REACH, draw_mass
from dibmg_monai.phantom.texture import Field

TISSUE = 0.1  # what is brighter is breast, in an image without labels and film base
PIXELS_PER_MM = 1.25  # of a film of 24 cm at 300 pixels: sets how fine spicules are


def plant_mass(
    rng: np.random.Generator, image: Field, *, diameter: tuple[float, float], contrast: tuple[float, float]
) -> NDArray[np.float32]:
    """Add one mass to an image, at a random place in the breast.

    Args:
        rng: the generator.
        image: (h, w) in 0..1, 0 black; without background.
        diameter: smallest and largest, in pixels; small ones are as likely as large ones, octave by octave.
        contrast: smallest and largest brightness that it adds at its center, likewise.

    Returns:
        (h, w) in 0..1; unchanged if there is no breast in the image.
    """
    tissue = image > TISSUE
    places = np.flatnonzero(tissue)
    if not len(places):
        return image.astype(np.float32)
    row, column = np.unravel_index(places[rng.integers(len(places))], image.shape)
    size = _log_uniform(rng, diameter)
    reach = math.ceil(REACH * size / 2)
    rows = slice(max(0, row - reach), row + reach + 1)
    columns = slice(max(0, column - reach), column + reach + 1)
    down = (np.arange(image.shape[0], dtype=np.float32)[rows, None] - row) / PIXELS_PER_MM
    right = (np.arange(image.shape[1], dtype=np.float32)[None, columns] - column) / PIXELS_PER_MM
    body, _ = draw_mass(
        rng, right, down, 1 / PIXELS_PER_MM, size_mm=size / PIXELS_PER_MM, spiculated=bool(rng.random() < 0.5)
    )
    planted = image.astype(np.float32)
    planted[rows, columns] += _log_uniform(rng, contrast) * body * tissue[rows, columns]
    return planted.clip(0, 1)


def _log_uniform(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    return math.exp(rng.uniform(*np.log(bounds)))
