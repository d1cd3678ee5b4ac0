"""An image as people look at it: square pixels, no larger than a screen."""

import math

import numpy as np
import torch
from numpy.typing import NDArray

from dibmg_monai.pixels.reader import SourceImage
from dibmg_monai.pixels.resampling import Grid

LONGEST_SIDE = 1400  # pixels; the caption of an overlay brings it to 1600 at most
SHORTEST_SIDE = 800  # an image whose longer side is below is enlarged to at least this, by a whole number
LARGEST = 2 * SHORTEST_SIDE  # pixels, which no side of a picture exceeds


def picture(source: SourceImage) -> NDArray[np.uint8]:
    """(rows, columns), 0 black to 255 white: the image, in its stored orientation."""
    return to_picture(*source.resampled(picture_grid(source)))


def picture_grid(source: SourceImage) -> Grid:
    """The grid of an image's picture."""
    rows, columns = source.shape[0] * source.pixel_aspect, float(source.shape[1])
    longer = max(rows, columns)
    factor = min(1.0, LONGEST_SIDE / longer) if longer >= SHORTEST_SIDE else math.ceil(SHORTEST_SIDE / longer)
    return Grid(max(1, round(rows * factor)), max(1, round(columns * factor)), mode="bicubic")


def to_picture(gray: torch.Tensor) -> NDArray[np.uint8]:
    """Gray on the ``picture_grid``, 0 to 1 and a little beyond, as 0 to 255."""
    return gray.clamp(0, 1).mul(255).round().to(torch.uint8).numpy()
