"""Phantom masses planted in real breasts: a first task for a network, whose answer costs no annotator's time.

A network that has learned to find them knows what a compact bright region in real tissue looks like, before it sees the
first exam label. DECISIONS.md says what that brought.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from dibmg_monai.phantom.lesions import REACH, draw_mass
from dibmg_monai.phantom.texture import Field

SHADING = (0.0, 0.2)  # brightness added at the center of wide shading
SHADING_WIDTH = (0.2, 0.5)  # its width, of the image's longer side
TISSUE = 0.1  # what is brighter is breast, in an image without labels and film base
MARGIN = 12  # pixels of breast that a mass's center keeps from skin, air and the image's edge
PIXELS_PER_MM = 1.25  # of a film of 24 cm at 300 pixels: sets how fine spicules are


def plant_mass(
    rng: np.random.Generator, image: Field, *, diameter: tuple[float, float], contrast: tuple[float, float]
) -> NDArray[np.float32]:
    """Add one mass to an image, at a random place within the breast.

    Args:
        rng: the generator.
        image: (h, w) in 0..1, 0 black; without background.
        diameter: smallest and largest, in pixels; small ones are as likely as large ones, octave by octave.
        contrast: smallest and largest brightness that it adds at its center, likewise.

    Returns:
        (h, w) in 0..1; unchanged if the image has no room for one.
    """
    tissue = image > TISSUE
    places = np.flatnonzero(binary_erosion(tissue, iterations=MARGIN))
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


def add_shading(rng: np.random.Generator, image: Field) -> NDArray[np.float32]:
    """Brighten a wide region of the breast smoothly: tissue that is no mass, so that brightness alone tells nothing.

    Args:
        rng: the generator.
        image: (h, w) in 0..1, 0 black.

    Returns:
        (h, w) in 0..1.
    """
    row, column = rng.uniform(0, image.shape)
    width = _log_uniform(rng, SHADING_WIDTH) * max(image.shape)
    down = (np.arange(image.shape[0], dtype=np.float32)[:, None] - row) / width
    right = (np.arange(image.shape[1], dtype=np.float32)[None, :] - column) / width
    bump = rng.uniform(*SHADING) * np.exp(-np.square(down) - np.square(right))
    return (image + bump * (image > TISSUE)).clip(0, 1).astype(np.float32)


def _log_uniform(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    return math.exp(rng.uniform(*np.log(bounds)))
