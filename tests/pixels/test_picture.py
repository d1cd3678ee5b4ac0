"""Pictures have square pixels, a size for screens, and the gray that Pillow's bicubic filter gives."""

import numpy as np
import pytest
from PIL import Image

from dibmg_monai.pixels.picture import picture, picture_grid
from dibmg_monai.pixels.reader import SourceImage


def source(words: np.ndarray, *, pixel_aspect: float = 1.0) -> SourceImage:
    grays = np.linspace(0, 1, 256, dtype=np.float32)
    return SourceImage(words.astype(np.uint8), grays, None, pixel_aspect, "full range", ())


@pytest.mark.parametrize(
    ("shape", "aspect", "drawn"),
    [
        ((4736, 2920), 1.0, (1400, 863)),
        ((2920, 4736), 1.0, (863, 1400)),
        ((1400, 700), 1.0, (1400, 700)),
        ((800, 640), 1.0, (800, 640)),
        ((299, 180), 1.0, (897, 540)),
        ((66, 40), 1.0, (858, 520)),
        ((450, 600), 2.0, (900, 600)),
        ((1, 2000), 1.0, (1, 1400)),
    ],
)
def test_size(shape: tuple[int, int], aspect: float, drawn: tuple[int, int]) -> None:
    grid = picture_grid(source(np.zeros(shape), pixel_aspect=aspect))
    assert (grid.rows, grid.columns) == drawn


@pytest.mark.parametrize("shape", [(1701, 903), (201, 333)], ids=["shrunk", "enlarged"])
def test_gray(shape: tuple[int, int]) -> None:
    image = source(np.random.default_rng(0).integers(0, 256, shape))
    found = picture(image)
    expected = Image.fromarray(image.values.numpy()).resize(found.shape[::-1], Image.Resampling.BICUBIC)
    np.testing.assert_allclose(found, 255 * np.asarray(expected).clip(0, 1), atol=0.55)
    assert found.dtype == np.uint8
