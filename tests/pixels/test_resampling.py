"""The walk over strips comes out as the image resized as a whole, whatever its size, and takes little memory."""

import threading
import tracemalloc

import numpy as np
import pytest
import torch

from dibmg_monai.pixels import resampling
from dibmg_monai.pixels.geometry import resize
from dibmg_monai.pixels.reader import SourceImage
from dibmg_monai.pixels.resampling import Grid

SHAPES = [(1, 1), (1, 7), (7, 1), (2, 3), (5, 5), (37, 53), (301, 97), (97, 301), (640, 401)]
SIZES = [(1, 1), (3, 2), (16, 9), (61, 128), (129, 77), (301, 97), (700, 500)]


def noise(rows: int, columns: int) -> SourceImage:
    words = np.random.default_rng(0).integers(0, 1 << 16, (rows, columns), dtype=np.uint16)
    grays = np.linspace(0, 1, 1 << 16, dtype=np.float32)
    return SourceImage(words, grays, None, 1.0, "full range", ())


@pytest.fixture(params=[1, 300, 1 << 17], ids="strips of {} pixels".format)
def _strips(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "STRIP", request.param)


@pytest.mark.usefixtures("_strips")
@pytest.mark.parametrize("mode", ["area", "bilinear", "bicubic"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_strips_come_out_as_the_whole(shape: tuple[int, int], mode: str) -> None:
    source = noise(*shape)
    sizes = [size for size in SIZES if mode != "area" or (size[0] <= shape[0] and size[1] <= shape[1])]
    copies = source.resampled(*(Grid(*size, mode=mode) for size in sizes))
    for size, copy in zip(sizes, copies, strict=True):
        values = source.values[None, None]
        if mode == "area":  # here, torch's own sums of many pixels are the less exact ones
            values = values.double()
        torch.testing.assert_close(copy, resize(values, size, mode=mode)[0, 0].float(), atol=1e-6, rtol=0)


def test_no_copy_of_full_size_is_made() -> None:
    source = noise(4000, 1000)
    tracemalloc.start()
    source.resampled(Grid(128, 32, mode="area"), Grid(400, 100))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < source.words.nbytes  # as floats it has twice as many bytes


def test_other_threads_keep_their_cores() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        found: list[int] = []
        source = noise(50, 40)
        in_walk: list[int] = []

        def rows(first: int, stop: int) -> torch.Tensor:
            in_walk.append(torch.get_num_threads())
            return source.rows(first, stop)

        resampling.resample(rows, source.shape, Grid(10, 8))
        later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        later.start()
        later.join()
        assert (in_walk, found, torch.get_num_threads()) == ([1], [3], 3)
    finally:
        torch.set_num_threads(before)
