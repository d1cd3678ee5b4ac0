"""Which way a mammogram lies: from its header where there is one, checked against the breast in its pixels."""

import numpy as np
import torch
from scipy import ndimage

from dibmg_monai.pixels.geometry import Orientation
from dibmg_monai.pixels.resampling import Grid
from dibmg_monai.views import Laterality, Projection, View

OVERVIEW_PIXELS = 128  # longer side of the small copy in which the breast is looked for
CLEAR_SIDE = 0.1  # smallest imbalance of tissue between the two edges that tells the chest wall
PLAIN_SIDE = 0.3  # the same between top and bottom, where no chest wall should be
EVEN = 1 / 4096  # of gray, a step of 12 bits: in a copy that spans less no breast is seen, and it may be rounding


def overview_grid(shape: tuple[int, int]) -> Grid:
    """The small copy of an (H, W) image in which the breast is looked for: 128 pixels long, or less if the image is."""
    shrink = max(1.0, max(shape) / OVERVIEW_PIXELS)
    rows, columns = (max(1, round(side / shrink)) for side in shape)
    return Grid(rows, columns, mode="area")


def canonical_orientation(
    overview: torch.Tensor, view: View, *, patient_orientation: tuple[str, str] | None
) -> tuple[Orientation, tuple[str, ...]]:
    """How to turn a stored image so that the chest wall is right for right breasts and left for left ones.

    PatientOrientation decides (PS3.3 C.7.6.1.1.1); the pixels check it, and decide alone where it is absent, as in PNG,
    or says nothing of the chest wall. FieldOfViewRotation and FieldOfViewHorizontalFlip tell what became of the
    detector's image before it was stored: they turn nothing.

    Args:
        overview: (h, w) gray in [0, 1] as stored, on the ``overview_grid``.
        view: which view it is.
        patient_orientation: as in ``SourceImage``.

    Returns:
        The orientation, and warnings: header and pixels disagree, or neither tells.
    """
    expected = "right" if view.laterality is Laterality.R else "left"
    directions = _directions(patient_orientation)
    if directions is None:
        wall = chest_wall(overview)
        unknown = "neither header nor pixels tell the side of the chest wall; left as stored"
        return Orientation(flip_columns=wall is not None and wall != expected), () if wall else (unknown,)
    by_header, tells_top = _by_header(*directions, view=view)
    told = f"by PatientOrientation (0020,0020) {'/'.join(patient_orientation or ())}"
    warnings = []
    wall = _any_wall(by_header.apply(overview))
    if wall not in (None, expected):
        found = f"the chest wall is on the {expected}, in the pixels on the {wall}"
        warnings.append(f"{told} {found}; PatientOrientation was followed")
    if not tells_top:
        warnings.append(f"{told} it is open which edge is the upper one; rows stay as stored")
    return by_header, tuple(warnings)


def _directions(patient_orientation: tuple[str, str] | None) -> tuple[bool, str, str] | None:
    """Whether columns, not rows, run along the axis from chest wall to nipple; the direction there; the other one.

    PS3.3 C.7.6.1.1.1: directions are combinations of A, P, R, L, H, F, the main one first. None where neither lies on
    that axis, or both do.
    """
    along_row, along_column = (direction[:1] for direction in patient_orientation or ("", ""))
    if (along_row in ("A", "P")) == (along_column in ("A", "P")):
        return None
    return (False, along_row, along_column) if along_row in ("A", "P") else (True, along_column, along_row)


def _by_header(transpose: bool, horizontal: str, vertical: str, *, view: View) -> tuple[Orientation, bool]:
    """Rows run to P in right breasts and to A in left ones; columns to the body's middle, in MLO to F as well.

    Returns:
        The orientation, and whether ``vertical`` tells which edge is the upper one.
    """
    to_wall, middle = ("P", "L") if view.laterality is Laterality.R else ("A", "R")
    upward, downward = [view.laterality.value], [middle]
    if view.projection is Projection.MLO:
        upward, downward = [*upward, "H"], [*downward, "F"]
    orientation = Orientation(transpose, flip_rows=vertical in upward, flip_columns=horizontal != to_wall)
    return orientation, vertical in upward + downward


def _any_wall(overview: torch.Tensor) -> str | None:
    """The edge that the breast grows from; "top" or "bottom" only where it is plain."""
    upright = {"left": "top", "right": "bottom", None: None}
    return chest_wall(overview) or upright[chest_wall(overview.transpose(-2, -1), clear=PLAIN_SIDE)]


def chest_wall(overview: torch.Tensor, *, clear: float = CLEAR_SIDE) -> str | None:
    """The edge, "left" or "right", that the breast grows from; None if the pixels do not tell.

    The chest wall is where tissue runs into the edge of the image and the nipple points away from it, so there is more
    breast in the half next to it.

    Args:
        overview: (h, w) gray in [0, 1], on the ``overview_grid``.
        clear: smallest imbalance of tissue between the two edges that tells, of all tissue.
    """
    breast = breast_mask(overview).numpy()
    total = breast.sum()
    if total == 0:
        return None
    half = breast.shape[1] // 2
    balance = (breast[:, -half:].sum() - breast[:, :half].sum()) / total
    if abs(balance) < clear:
        return None
    return "right" if balance > 0 else "left"


def breast_mask(overview: torch.Tensor) -> torch.Tensor:
    """Where the breast is: the largest bright region, without labels and scanner edges.

    Args:
        overview: (h, w) gray in [0, 1], on the ``overview_grid``.

    Returns:
        (h, w) bool.
    """
    small = overview.numpy()
    bright = small > _otsu(small)
    opened = ndimage.binary_opening(np.pad(bright, 3, mode="edge"), iterations=3)[3:-3, 3:-3]
    regions, count = ndimage.label(opened)
    if count == 0:
        return torch.zeros(small.shape, dtype=torch.bool)
    areas = np.bincount(regions.ravel())[1:]
    return torch.from_numpy(ndimage.binary_fill_holes(regions == areas.argmax() + 1))


def _otsu(values: np.ndarray) -> float:
    """The threshold that parts values into two classes of least variance within (Otsu 1979, IEEE Trans. SMC 9:62)."""
    if np.ptp(values) < EVEN:
        return float(values.max())
    counts, edges = np.histogram(values, bins=256)
    centers = (edges[:-1] + edges[1:]) / 2
    below = counts.cumsum()
    above = below[-1] - below
    sums = (counts * centers).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(centers[np.nanargmax(between)])
