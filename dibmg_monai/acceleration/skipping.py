"""The network on what an exam's images show, not on the black around it, whose maps are known.

Where a stage sees nothing but black, or nothing but what black became in the stages before, its output is the one of an
image that is all black: there is no arithmetic in which the two differ. So it is computed once for an image size,
positions and edges included, and of an exam's views only the rest: after every stage the rectangle outside of which
nothing can differ is a little larger.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import torch
from torch import nn

from dibmg_monai.acceleration.regions import Region
from dibmg_monai.acceleration.stages import Features, Run, Stage
from dibmg_monai.overlap import side_by_side
from dibmg_monai.pixels.preprocessing import BLACK


class SkippingNetwork(nn.Module):
    """``DIBMG`` in evaluation mode, with the same maps, computed view by view and only where something is.

    Args:
        stages: the network's.
        runs: how to compute each of them.
        threads: views that are computed at the same time.
    """

    def __init__(self, stages: Sequence[Stage], *, runs: Sequence[Run], threads: int = 1) -> None:
        super().__init__()
        self.threads = threads
        self.stages = tuple(zip(stages, runs, strict=True))
        self.black: list[Features] = []

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """As ``DIBMG``: images (B, 4, S, S) in [-1, 1] -> class maps (B, 8, h, w)."""
        exams = images.float().cpu().numpy()
        black = self.black_features((exams.shape[-2], exams.shape[-1]))
        batch, views, *shape = exams.shape
        every_view = [*exams.reshape(batch * views, *shape)]
        maps = side_by_side(partial(self.view, black=black), every_view, threads=self.threads)
        return torch.from_numpy(np.concatenate(maps)).unflatten(0, (batch, views)).flatten(1, 2)

    def black_features(self, shape: tuple[int, int]) -> list[Features]:
        """An image (h, w) that is all black, and what every stage makes of it: each (1, C, h', w')."""
        if not self.black or self.black[0].shape[-2:] != shape:
            features = [np.full((1, 1, *shape), BLACK, np.float32)]
            for _, run in self.stages:
                features.append(run(features[-1]))
            self.black = features
        return self.black

    def view(self, image: Features, *, black: Sequence[Features]) -> Features:
        """The class maps (1, 2, h, w) of one image (S, S)."""
        differs, held, features = Region.around(image != BLACK), Region.whole(image), image[None, None]
        if differs is None:
            return black[-1]
        for (stage, run), before in zip(self.stages, black, strict=False):
            shape = (before.shape[-2], before.shape[-1])
            differs, bands = differs.reached_by(stage.steps, shape=shape), []
            for band in differs.bands(stage.rows_at_once):
                needed = band.needed_by(stage.steps, shape=shape)
                result = run(_completed(features, held, before, needed))
                bands.append(result[..., *band.within(needed.after(stage.steps, result))])
            features, held = np.concatenate(bands, axis=-2) if len(bands) > 1 else bands[0], differs
        return _completed(features, held, black[-1], Region.whole(black[-1]))


def _completed(features: Features, held: Region, black: Features, wanted: Region) -> Features:
    """The region wanted of features of which one region is held; elsewhere they are those of black."""
    if held.contains(wanted):
        return np.ascontiguousarray(features[..., *wanted.within(held)])
    result = black[..., *wanted.within(Region.whole(black))].copy()
    both = held.common(wanted)
    result[..., *both.within(wanted)] = features[..., *both.within(held)]
    return result
