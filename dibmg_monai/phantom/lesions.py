"""Simulated cancers: masses and calcification clusters, placed once in a breast and seen in both of its views."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dibmg_monai.errors import DibmgError
from dibmg_monai.phantom.anatomy import Breast, Grid
from dibmg_monai.phantom.texture import Field, step
from dibmg_monai.views import Laterality, Projection

FEATURES = ("mass", "calcification")
INVASIVE = {"mass": 0.85, "calcification": 0.25}  # how often each is
SIZE_MM = (8.0, 25.0)  # smallest and largest diameter, life-like
LARGEST_MM = 50.0  # more has no room in a small breast
CONTRAST = 0.25  # mean brightness added, life-like
CALCIFICATION_MM = (0.25, 0.6)  # diameter of one calcification
REACH = 2.2  # how far spicules go, in radii of the mass
Length = TypeVar("Length", float, Field)


@dataclass(frozen=True)
class Lesion:
    """One lesion, in breast coordinates.

    Attributes:
        laterality: the breast.
        feature: "mass" or "calcification", as in the datalist.
        invasive: invasive or in situ.
        spiculated: whether a mass has spicules; its edge is soft otherwise.
        size_mm: the diameter of the mass's body, or of the cluster.
        contrast: the brightness added at the center.
        depth_mm: from the nipple towards the chest wall.
        lateral_mm, superior_mm: from the nipple.
    """

    laterality: Laterality
    feature: str
    invasive: bool
    spiculated: bool
    size_mm: float
    contrast: float
    depth_mm: float
    lateral_mm: float
    superior_mm: float

    def position_mm(self, breast: Breast, projection: Projection) -> tuple[float, float]:
        """Where (x_mm, y_mm) a view shows the center."""
        return breast.length_mm - self.depth_mm, _below_nipple_mm(self.lateral_mm, self.superior_mm, projection)


def sample_lesion(
    rng: np.random.Generator,
    breasts: Mapping[Laterality, Breast],
    *,
    features: Sequence[str],
    size_mm: tuple[float, float],
    contrast: float,
) -> Lesion:
    """A lesion in either breast, at a place where both views show it whole, off the skin and the pectoral muscle.

    Args:
        rng: the generator.
        breasts: the anatomy.
        features: what it may be, of ``FEATURES``.
        size_mm: smallest and largest diameter.
        contrast: mean brightness that it adds at its center.

    Raises:
        DibmgError: if a parameter is out of its range.
    """
    if not features or not set(features) <= set(FEATURES):
        raise DibmgError(f"lesion features are {list(features)}; one or more of {list(FEATURES)} are needed")
    if not 0 < size_mm[0] <= size_mm[1] <= LARGEST_MM:
        raise DibmgError(f"lesion size is {size_mm} mm; 0 < smallest <= largest <= {LARGEST_MM} mm is needed")
    if not 0 <= contrast <= 1:
        raise DibmgError(f"lesion contrast is {contrast}; 0 to 1 is allowed")
    laterality = list(Laterality)[rng.integers(2)]
    feature = features[int(rng.integers(len(features)))]
    diameter_mm = rng.uniform(*size_mm)
    depth_mm, lateral_mm, superior_mm = _sample_place(rng, breasts[laterality], radius_mm=diameter_mm / 2)
    return Lesion(
        laterality=laterality,
        feature=feature,
        invasive=bool(rng.random() < INVASIVE[feature]),
        spiculated=bool(rng.random() < 0.5),
        size_mm=diameter_mm,
        contrast=contrast * rng.uniform(0.8, 1.2),
        depth_mm=depth_mm,
        lateral_mm=lateral_mm,
        superior_mm=superior_mm,
    )


def draw_lesion(
    rng: np.random.Generator, lesion: Lesion, breast: Breast, grid: Grid
) -> tuple[Field, NDArray[np.bool_]]:
    """The brightness that a lesion adds, and its mask without the spicules; both (rows, columns)."""
    x_mm, y_mm = lesion.position_mm(breast, grid.projection)
    right, down = grid.x_mm - x_mm, grid.y_mm - y_mm
    rows, columns = (_within(offset, REACH * lesion.size_mm / 2) for offset in (down[:, 0], right[0]))
    brightness, mask = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.bool_)
    place = right[:, columns], down[rows], grid.spacing_mm
    if lesion.feature == "calcification":
        shape, inside = _draw_cluster(rng, lesion, *place)
    else:
        shape, inside = _draw_mass(rng, *place, size_mm=lesion.size_mm, spiculated=lesion.spiculated)
    brightness[rows, columns], mask[rows, columns] = lesion.contrast * shape, inside
    return brightness, mask


def _below_nipple_mm(lateral_mm: Length, superior_mm: Length, projection: Projection) -> Length:
    """Height in a view: CC looks from above; MLO at 45 degrees, where up is superolateral."""
    if projection is Projection.CC:
        return -lateral_mm
    return -(lateral_mm + superior_mm) / math.sqrt(2)


def _sample_place(rng: np.random.Generator, breast: Breast, *, radius_mm: float) -> tuple[float, float, float]:
    """(depth_mm, lateral_mm, superior_mm): the first of many random places with room, or else the roomiest."""
    reach = np.array([breast.length_mm, breast.half_width_mm, breast.half_width_mm])
    places = rng.uniform([0.15, -0.8, -0.8], [1, 0.8, 0.8], (500, 3)) * reach
    depth, lateral, superior = places.T
    x_mm = breast.length_mm - depth
    room = x_mm - radius_mm
    for projection in Projection:
        y_mm = _below_nipple_mm(lateral, superior, projection)
        room = np.minimum(room, breast.skin_depth_mm(projection, x_mm, y_mm) - radius_mm - 4)
        room = np.minimum(room, -breast.muscle_depth_mm(projection, x_mm, y_mm) - radius_mm)
    chosen = places[np.argmax(np.minimum(room, 0))]
    return float(chosen[0]), float(chosen[1]), float(chosen[2])


def _draw_mass(
    rng: np.random.Generator, right: Field, down: Field, spacing_mm: float, *, size_mm: float, spiculated: bool
) -> tuple[Field, NDArray[np.bool_]]:
    """A round or lobulated body, brightest at its center, with a soft edge or with spicules.

    Args:
        rng: the generator.
        right: (1, columns), horizontal distance from the center in mm.
        down: (rows, 1), vertical distance from the center in mm.
        spacing_mm: the distance between neighboring pixels; spicules are no finer.
        size_mm: the diameter of the body.
        spiculated: whether it has spicules.

    Returns:
        Brightness (rows, columns) in 0..1, and which pixels are the body.
    """
    angle = np.arctan2(down, right)
    radius = np.hypot(right, down) / (size_mm / 2) / _lobulation(rng, angle)
    edge = 0.05 if spiculated else 0.15
    body = step((1 - radius) / edge) * (1 - 0.4 * np.square(np.minimum(radius, 1)))
    if spiculated:
        body = np.maximum(body, _spicules(rng, angle, radius, half_width=max(0.8, spacing_mm) / size_mm))
    return body, radius <= 1


def _lobulation(rng: np.random.Generator, angle: Field) -> Field:
    """The outline's radius at each angle, about 1: round to lobulated."""
    radius = np.ones_like(angle)
    for lobes in range(2, 6):
        radius += rng.uniform(0, 0.22 / lobes) * np.cos(lobes * angle + rng.uniform(0, 2 * math.pi))
    return radius


def _spicules(rng: np.random.Generator, angle: Field, radius: Field, *, half_width: float) -> Field:
    """Straight lines that leave the body and fade; lengths in radii of the body; 0..0.7."""
    lines = np.zeros_like(angle)
    for direction, length in zip(rng.uniform(-math.pi, math.pi, 24), rng.uniform(1.4, REACH, 24), strict=True):
        off = np.abs((angle - float(direction) + math.pi) % (2 * math.pi) - math.pi)
        fading = np.maximum(1 - radius / float(length), 0)
        np.maximum(lines, fading * np.exp(-np.square(off * radius / half_width)), out=lines)
    return 0.7 * lines


def _draw_cluster(
    rng: np.random.Generator, lesion: Lesion, right: Field, down: Field, spacing_mm: float
) -> tuple[Field, NDArray[np.bool_]]:
    """Calcifications in a disk, 0..2. None is drawn finer than a pixel, so that small images show them too."""
    radius_mm = lesion.size_mm / 2
    specks = np.zeros(np.broadcast_shapes(right.shape, down.shape), np.float32)
    for _ in range(rng.integers(8, 25)):
        distance, direction = radius_mm * math.sqrt(rng.random()), rng.uniform(0, 2 * math.pi)
        sigma_mm = max(rng.uniform(*CALCIFICATION_MM), spacing_mm) / 2.35
        across = np.exp(-np.square((right - distance * math.cos(direction)) / sigma_mm) / 2)
        along = np.exp(-np.square((down - distance * math.sin(direction)) / sigma_mm) / 2)
        np.maximum(specks, rng.uniform(1, 2) * across * along, out=specks)
    return specks, np.hypot(right, down) <= radius_mm


def _within(offset_mm: Field, reach_mm: float) -> slice:
    """The part of an increasing axis that is at most ``reach_mm`` from 0."""
    return slice(*np.searchsorted(offset_mm, (-reach_mm, reach_mm)))
