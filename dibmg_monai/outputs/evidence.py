"""The DIB map as bytes on an exam's scale of evidence: what pictures color and what a segmentation stores."""

import numpy as np
from numpy.typing import NDArray

from dibmg_monai.inference import ViewResult

STRONGEST = 255  # the end of the scale, and all above


def evidence_levels(found: ViewResult, *, scale: float, shape: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """A view's log-odds of cancer, interpolated: 0 for 0 and below, ``STRONGEST`` for the scale's end and above.

    Args:
        found: what was found in the view.
        scale: log-odds at the end of the scale, the same for all views of an exam.
        shape: (rows, columns) of the grid if not the stored image's own: the same field of view, other pixels.

    Returns:
        (rows, columns), in the stored orientation.
    """
    levels = np.empty(shape or (found.geometry.source_rows, found.geometry.source_columns), np.uint8)
    row = 0
    for stripe in found.geometry.map_stripes(found.dib * (STRONGEST / scale), shape=shape):
        np.rint(stripe.clip(0, STRONGEST, out=stripe), out=levels[row : row + len(stripe)], casting="unsafe")
        row += len(stripe)
    return levels
