"""Phantom masses planted in real breasts: a first task for a network, whose answer costs no annotator's time.

A network that has learned to find them knows what a mass in real tissue may look like before it sees the first exam
label. Everything but the masses is in both classes. docs/experiments.md says what that brought.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter, zoom

from dibmg_monai.phantom.texture import Field

TISSUE = 0.1  # what is brighter is breast, in an image without labels and film base
ROOM = 13  # pixels; side of the square around a mass's center that has to be breast
REACH = 3.2  # how far spicules go, in radii of the mass


def plant_mass(
    rng: np.random.Generator, image: Field, *, diameter: tuple[float, float], contrast: tuple[float, float]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Add one mass to an image, at a random place within the breast.

    Args:
        rng: the generator.
        image: (h, w) in 0..1, 0 black; without background.
        diameter: smallest and largest, in pixels; small ones are as likely as large ones, octave by octave.
        contrast: smallest and largest brightness that it adds.

    Returns:
        (h, w) in 0..1, and (h, w) where the mass is; image unchanged and nowhere if there is no room for one.
    """
    planted, inside = image.astype(np.float32), np.zeros(image.shape, np.bool_)
    room = uniform_filter((image > TISSUE).astype(np.float32), ROOM, mode="constant") > 0.97
    places = np.flatnonzero(room)
    if not len(places):
        return planted, inside
    row, column = np.unravel_index(places[rng.integers(len(places))], image.shape)
    radius = _log_uniform(rng, diameter) / 2
    reach = math.ceil(REACH * radius) + 3
    window = slice(max(0, row - reach), row + reach + 1), slice(max(0, column - reach), column + reach + 1)
    down = (np.arange(image.shape[0], dtype=np.float32)[window[0], None] - row) / radius
    right = (np.arange(image.shape[1], dtype=np.float32)[None, window[1]] - column) / radius
    brightness, body = _draw_mass(rng, down, right)
    planted[window] += rng.uniform(*contrast) * brightness * (image[window] > TISSUE)
    inside[window] = body
    return planted.clip(0, 1), inside


def add_distractors(rng: np.random.Generator, image: Field) -> NDArray[np.float32]:
    """Change a breast by what is no mass: wide shading, curved vessels, specks; up to a few of each.

    Args:
        rng: the generator.
        image: (h, w) in 0..1, 0 black; without background.

    Returns:
        (h, w) in 0..1.
    """
    height, width = image.shape
    rows, columns = np.arange(height, dtype=np.float32)[:, None], np.arange(width, dtype=np.float32)[None, :]
    added = np.zeros(image.shape, np.float32)
    for _ in range(rng.integers(3)):
        spread = _log_uniform(rng, (0.12, 0.3)) * max(image.shape)
        down, right = rows - rng.uniform(0, height), columns - rng.uniform(0, width)
        added += rng.uniform(-0.1, 0.2) * np.exp(-(np.square(down) + np.square(right)) / (2 * spread**2))
    for _ in range(rng.integers(4)):
        added += rng.uniform(0.05, 0.3) * _draw_vessel(
            rng, rows - rng.uniform(0, height), columns - rng.uniform(0, width)
        )
    for _ in range(rng.integers(4)):
        row, column = rng.integers(height - 1), rng.integers(width - 1)
        added[row : row + 2, column : column + 2] += rng.uniform(0.1, 0.5)
    return (image + added * (image > TISSUE)).clip(0, 1).astype(np.float32)


def _draw_mass(rng: np.random.Generator, down: Field, right: Field) -> tuple[Field, NDArray[np.bool_]]:
    """An irregular body of radius about 1, from soft to sharp; half of them textured, half of them with spicules."""
    angle, distance = np.arctan2(down, right), np.hypot(down, right)
    turn, stretch = rng.uniform(0, 2 * math.pi), math.exp(rng.uniform(-0.35, 0.35))
    along, across = down * math.cos(turn) + right * math.sin(turn), right * math.cos(turn) - down * math.sin(turn)
    outline = np.ones_like(angle)
    for lobes in range(2, 8):
        outline += rng.normal(0, 0.14 / math.sqrt(lobes - 1)) * np.cos(lobes * angle + rng.uniform(0, 2 * math.pi))
    from_center = np.hypot(along * math.sqrt(stretch), across / math.sqrt(stretch)) / outline.clip(0.4, 2)
    body = np.exp2(-(from_center ** (2 * rng.uniform(1, 4))))
    brightness = body
    if rng.random() < 0.5:
        coarse = rng.normal(size=(8, 8)).astype(np.float32)
        fine = zoom(coarse, (body.shape[0] / 8, body.shape[1] / 8), order=3, grid_mode=True, mode="nearest")
        brightness = body * (1 + 0.25 * fine).clip(0.3, 1.7)
    if rng.random() < 0.5:
        rays = np.cos(rng.integers(6, 18) * angle + rng.uniform(0, 2 * math.pi) + rng.normal(0, 0.6) * distance)
        fading = rng.uniform(0.2, 0.7) * np.exp(-np.square(distance / rng.uniform(1.6, 2.6)))
        brightness = brightness + (1 - body) * fading * rays.clip(0, None) ** 8
    return brightness, body > 0.5


def _draw_vessel(rng: np.random.Generator, down: Field, right: Field) -> Field:
    """A wavy line of 1 to 4 pixels' width and up to 120 pixels' length around the origin."""
    turn = rng.uniform(0, math.pi)
    along, across = right * math.cos(turn) - down * math.sin(turn), down * math.cos(turn) + right * math.sin(turn)
    across = across + rng.uniform(0, 12) * np.sin(along / rng.uniform(15, 60))
    return np.exp(-np.square(across / rng.uniform(0.6, 1.8))) * (np.abs(along) < rng.uniform(10, 60))


def _log_uniform(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    return math.exp(rng.uniform(*np.log(bounds)))
