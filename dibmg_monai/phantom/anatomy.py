"""The simulated breast: outline, nipple, skin, pectoral muscle and parenchyma, in millimeters.

Every view is drawn as a left one: ``x_mm`` is the distance from the chest wall, the left edge, and ``y_mm`` the
distance below the nipple's level. Up is lateral in CC views and superolateral in MLO views.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from dibmg_monai.phantom.texture import Field, octave_noise, step, strands
from dibmg_monai.views import Laterality, Projection

# Breast density (BI-RADS) -> by how much parenchyma outweighs fat behind the nipple.
PARENCHYMA_EXCESS: Mapping[str, float] = {"A": -0.6, "B": 0.4, "C": 1.4, "D": 2.6}
# Where the nipple is, from the top, as a part of the image's height.
NIPPLE_LEVEL: Mapping[Projection, float] = {Projection.CC: 0.5, Projection.MLO: 0.57}


@dataclass(frozen=True)
class Grid:
    """The pixels of one view.

    Attributes:
        shape: (rows, columns).
        spacing_mm: the distance between neighboring pixels, in both directions.
        projection: CC or MLO.
    """

    shape: tuple[int, int]
    spacing_mm: float
    projection: Projection

    @property
    def field_mm(self) -> tuple[float, float]:
        """(height, width) of the image."""
        return self.shape[0] * self.spacing_mm, self.shape[1] * self.spacing_mm

    @property
    def x_mm(self) -> Field:
        """(1, columns): distance of the pixels' centers from the chest wall."""
        return ((np.arange(self.shape[1], dtype=np.float32) + 0.5) * self.spacing_mm)[None, :]

    @property
    def y_mm(self) -> Field:
        """(rows, 1): distance of the pixels' centers below the nipple's level."""
        rows = np.arange(self.shape[0], dtype=np.float32) + 0.5
        return ((rows - NIPPLE_LEVEL[self.projection] * self.shape[0]) * self.spacing_mm)[:, None]


@dataclass(frozen=True)
class Breast:
    """One compressed breast. Depths take ``x_mm`` and ``y_mm`` of any shapes that broadcast.

    Attributes:
        density: A, B, C or D, as in BI-RADS.
        length_mm: chest wall to nipple.
        half_width_mm: nipple's level to the margin, at the chest wall.
        roundness: exponent of the outline; 2 is an ellipse, less is pointed, more is box-like.
        edge_mm: width of the margin in which the compressed breast gets thinner.
        axilla_mm: extent of the axillary tail at the nipple's level (MLO).
        pectoral_mm: extent of the pectoral muscle at the nipple's level (MLO); below 0 the muscle ends higher.
        slope: how fast tail and muscle widen upwards.
    """

    density: str
    length_mm: float
    half_width_mm: float
    roundness: float
    edge_mm: float
    axilla_mm: float
    pectoral_mm: float
    slope: float

    def skin_depth_mm(self, projection: Projection, x_mm: Field, y_mm: Field) -> Field:
        """Distance from the skin, positive inside the breast; exact near the skin only."""
        depth = self._outline_depth_mm(x_mm, y_mm)
        if projection is Projection.MLO:
            tail_slope = 0.8 * self.slope
            tail = (self.axilla_mm - tail_slope * y_mm - x_mm) / math.hypot(1, tail_slope)
            depth = _blend(depth, tail, blend_mm=25)
        nipple = 3.5 - np.hypot(x_mm - self.length_mm, y_mm)
        return _blend(depth, nipple, blend_mm=9)

    def muscle_depth_mm(self, projection: Projection, x_mm: Field, y_mm: Field) -> Field:
        """Distance from the edge of the pectoral muscle, positive inside it; minus infinity in CC views."""
        if projection is Projection.CC:
            return np.full(np.broadcast_shapes(x_mm.shape, y_mm.shape), -np.inf, np.float32)
        bulge_mm = 0.0012 * np.square(np.minimum(y_mm + 60, 0))
        return (self.pectoral_mm - self.slope * y_mm - bulge_mm - x_mm) / math.hypot(1, self.slope)

    def _outline_depth_mm(self, x_mm: Field, y_mm: Field) -> Field:
        """Distance from a superellipse, to first order."""
        x = np.maximum(x_mm / self.length_mm, 1e-3)
        y = np.maximum(np.abs(y_mm) / self.half_width_mm, 1e-3)
        radius = (x**self.roundness + y**self.roundness) ** (1 / self.roundness)
        gradient_x = (x / radius) ** (self.roundness - 1) / self.length_mm
        gradient_y = (y / radius) ** (self.roundness - 1) / self.half_width_mm
        return (1 - radius) / np.hypot(gradient_x, gradient_y)


def sample_breasts(rng: np.random.Generator) -> dict[Laterality, Breast]:
    """The two breasts of a fictitious woman: of one density, alike but not equal."""
    length_mm = rng.uniform(70, 120)
    right = Breast(
        density=str(rng.choice(list(PARENCHYMA_EXCESS))),
        length_mm=length_mm,
        half_width_mm=float(np.clip(length_mm * rng.uniform(0.7, 0.95), 56, 82)),
        roundness=rng.uniform(1.8, 2.5),
        edge_mm=rng.uniform(14, 24),
        axilla_mm=rng.uniform(26, 42),
        pectoral_mm=rng.uniform(-12, 6),
        slope=rng.uniform(0.38, 0.55),
    )
    differing = ("length_mm", "half_width_mm", "roundness", "edge_mm", "axilla_mm", "slope")
    left = replace(right, **{name: getattr(right, name) * rng.uniform(0.95, 1.05) for name in differing})
    return {Laterality.R: right, Laterality.L: left}


def draw_breast(rng: np.random.Generator, breast: Breast, grid: Grid) -> tuple[Field, Field]:
    """Draw a breast without lesions.

    Returns:
        The brightness of the tissue, about 0.2 (fat) to 0.8 (dense parenchyma) and 0 outside the breast; and the
        relative thickness of the compressed breast, 0..1. Both (rows, columns).
    """
    outline, grain, ligament = rng.spawn(3)
    x_mm, y_mm = grid.x_mm, grid.y_mm
    depth = breast.skin_depth_mm(grid.projection, x_mm, y_mm)
    depth += 1.5 * octave_noise(outline, grid.shape, field_mm=grid.field_mm, coarsest_mm=60, finest_mm=30)
    thickness = np.where(depth > 0, np.sqrt(1 - np.clip(1 - depth / breast.edge_mm, 0, 1) ** 3), 0)

    texture = octave_noise(grain, grid.shape, field_mm=grid.field_mm, coarsest_mm=24, finest_mm=0.25, stretch=1.5)
    ligaments = strands(ligament, x_mm - breast.length_mm - 25, y_mm, apart_mm=7, length_mm=25)
    parenchyma = _parenchyma(breast, depth, grid, texture)
    fat = 0.26 + 0.02 * texture + 0.08 * ligaments * step(4 * texture)
    tissue = fat + parenchyma * (0.5 + 0.06 * texture - fat)
    muscle = step(breast.muscle_depth_mm(grid.projection, x_mm, y_mm) / 1.2)
    tissue += muscle * (0.52 + 0.025 * texture - tissue)
    skin = np.where(depth > 0, 0.08 * np.exp(-np.square(depth - 1)), 0)
    return tissue * thickness + skin, thickness


def _parenchyma(breast: Breast, depth: Field, grid: Grid, texture: Field) -> Field:
    """The part of parenchyma in the tissue, 0..1: a disk behind the nipple, torn by the texture; fat under the skin."""
    along = (grid.x_mm - 0.62 * breast.length_mm) / (0.55 * breast.length_mm)
    across = grid.y_mm / (0.75 * breast.half_width_mm)
    amount = PARENCHYMA_EXCESS[breast.density] - 1.6 * np.hypot(along, across) + 0.75 * texture
    return step(amount / 0.6) * step((depth - 8) / 3)


def _blend(first: Field, second: Field, *, blend_mm: float) -> Field:
    """The depth in the union of two bodies, with a fillet between them."""
    weight = np.clip(0.5 + (first - second) / (2 * blend_mm), 0, 1)
    return second + weight * (first - second) + blend_mm * weight * (1 - weight)
