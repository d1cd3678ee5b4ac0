"""The network in stages: parts that follow one another, each with all that ties its output to its input."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from dibmg_monai.acceleration.regions import Step
from dibmg_monai.network import DIBMG, InitBlock, ResidualBlock, ResidualUnit

INITIAL_ROWS, ALL_ROWS = 25, 1 << 30  # whose features are large; of the others, bands have cost what they saved
Features: TypeAlias = NDArray[np.float32]
# A way to compute a stage: (N, C, h, w) of any height and width -> (N, C', h', w').
Run: TypeAlias = Callable[[Features], Features]


@dataclass(frozen=True)
class Stage:
    """A part of the network.

    Attributes:
        parts: its modules, one after the other.
        steps: the convolutions and poolings on its longest way.
        rows_at_once: of its output, so many that what is in between stays in the processor's cache.
    """

    parts: tuple[nn.Module, ...]
    steps: tuple[Step, ...]
    rows_at_once: int

    @torch.inference_mode()
    def run(self, features: Features) -> Features:
        """(N, C, h, w) -> what the stage makes of it, by PyTorch."""
        result = torch.from_numpy(features)
        for part in self.parts:
            result = part(result)
        return result.numpy()


def stages(network: DIBMG) -> tuple[Stage, ...]:
    """The network's stages: the initial blocks, then one residual unit each, the last with the aggregation block.

    Short stages follow closely what is known of their input. The initial blocks, whose features are large, are one.
    """
    found: list[tuple[nn.Module, ...]] = [(network.init_block1, network.init_block2)]
    for block in (module for module in network.children() if isinstance(module, ResidualBlock)):
        found += [(block.unit1,), (block.unit2, block.pool)]
    found[-1] += (network.aggregate_block,)
    heights = [INITIAL_ROWS, *[ALL_ROWS] * (len(found) - 1)]
    return tuple(
        Stage(parts, tuple(step for part in parts for step in steps(part)), height)
        for parts, height in zip(found, heights, strict=True)
    )


def steps(part: nn.Module) -> Iterator[Step]:
    """The convolutions and poolings on the longest way through a part of the network."""
    match part:
        case InitBlock():
            yield from (*steps(part.conv), *steps(part.pool))
        case ResidualUnit():
            yield from (*steps(part.conv1), *steps(part.conv2))
        case nn.Conv2d() | nn.MaxPool2d():
            sides = (part.kernel_size, part.stride, part.padding)
            yield Step(*(int(side[0] if isinstance(side, tuple) else side) for side in sides))
