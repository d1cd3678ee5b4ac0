"""The network of Kim 2018, Figure 1: nineteen convolutions from a mammogram to its two class maps."""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import nn

# Class maps per view, in channel order; the index is the exam label (Kim 2018, Development of the Algorithm).
CLASSES = ("normal", "cancer")
STEM_PADDING = 3


def _convolution(in_width: int, out_width: int) -> nn.Conv2d:
    return nn.Conv2d(in_width, out_width, kernel_size=3, padding=1, bias=False)


def _max_pooling(side: int) -> nn.Module:
    return nn.MaxPool2d(side) if side > 1 else nn.Identity()  # windows of one pixel cost a sixth of a training step


class InitBlock(nn.Sequential):
    """``init_block``: convolution, batch normalization, ReLU, max-pooling."""

    def __init__(self, convolution: nn.Conv2d, *, pool: int) -> None:
        super().__init__()
        self.conv = convolution
        self.bn = nn.BatchNorm2d(convolution.out_channels)
        self.relu = nn.ReLU()
        self.pool = _max_pooling(pool)


class ResidualUnit(nn.Module):
    """Two convolutions with a skip connection (He et al. 2016, CVPR, Fig. 2).

    Where the width grows, the skip fills the new channels with zeros (He's option A): a projection would be a
    twentieth convolution.
    """

    def __init__(self, in_width: int, out_width: int) -> None:
        super().__init__()
        self.conv1 = _convolution(in_width, out_width)
        self.bn1 = nn.BatchNorm2d(out_width)
        self.conv2 = _convolution(out_width, out_width)
        self.bn2 = nn.BatchNorm2d(out_width)
        self.relu = nn.ReLU()
        self.skip = (
            nn.Identity() if in_width == out_width else nn.ConstantPad3d((0, 0, 0, 0, 0, out_width - in_width), 0.0)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(N, in_width, h, w) -> (N, out_width, h, w)."""
        residual = self.relu(self.bn1(self.conv1(features)))
        residual = self.bn2(self.conv2(residual))
        return self.relu(residual + self.skip(features))


class ResidualBlock(nn.Sequential):
    """``residual_block``: four consecutive convolutions with skip connections, then max-pooling."""

    def __init__(self, in_width: int, out_width: int, *, pool: int) -> None:
        super().__init__()
        self.unit1 = ResidualUnit(in_width, out_width)
        self.unit2 = ResidualUnit(out_width, out_width)
        self.pool = _max_pooling(pool)


class DIBMG(nn.Module):
    """DIB-MG: every view of an exam through the same nineteen convolutions, to one map per class and view.

    Two initial blocks of one convolution, four residual blocks of four, and the aggregation block, a 1 x 1 convolution
    to two maps (Kim 2018, Development of the Algorithm and Figure 1). The paper gives no widths, strides or pooling
    places: DECISIONS.md says why these defaults.

    Fully convolutional: any input side divisible by ``stride``. All strides are even-kernelled or pooled, so that
    map cell (i, j) is centered on the ``stride`` x ``stride`` block of input pixels that it stands for.

    The weights of one network fill another one whose strides differ, and mean nothing there. So stride and pooling
    places are kept with the weights, as the buffer ``reduction``, and weights of other places are refused.

    Args:
        init_widths: filters of the two initial blocks.
        residual_widths: filters of the four residual blocks; never fewer than in the block before.
        stem_stride: stride of the first convolution.
        pools: side of the max-pooling window after each of the six blocks; 1 pools nothing.
        views: images per exam.
    """

    def __init__(
        self,
        *,
        init_widths: Sequence[int] = (32, 64),
        residual_widths: Sequence[int] = (64, 128, 256, 256),
        stem_stride: int = 2,
        pools: Sequence[int] = (2, 2, 2, 2, 1, 1),
        views: int = 4,
    ) -> None:
        super().__init__()
        self.views = views
        self.stride = stem_stride * prod(pools)
        self.options = {
            "init_widths": list(init_widths),
            "residual_widths": list(residual_widths),
            "stem_stride": stem_stride,
            "pools": list(pools),
        }  # what makes the same network again, beside its weights
        stem = nn.Conv2d(
            1, init_widths[0], stem_stride + 2 * STEM_PADDING, stride=stem_stride, padding=STEM_PADDING, bias=False
        )
        self.init_block1 = InitBlock(stem, pool=pools[0])
        self.init_block2 = InitBlock(_convolution(*init_widths), pool=pools[1])
        self.residual_block1 = ResidualBlock(init_widths[1], residual_widths[0], pool=pools[2])
        self.residual_block2 = ResidualBlock(residual_widths[0], residual_widths[1], pool=pools[3])
        self.residual_block3 = ResidualBlock(residual_widths[1], residual_widths[2], pool=pools[4])
        self.residual_block4 = ResidualBlock(residual_widths[2], residual_widths[3], pool=pools[5])
        self.aggregate_block = nn.Conv2d(residual_widths[3], len(CLASSES), kernel_size=1)
        self.register_buffer("reduction", torch.tensor([stem_stride, *pools]))
        self.register_load_state_dict_pre_hook(_check_reduction)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.normal_(self.aggregate_block.weight, std=0.01)  # start undecided: every map cell near 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The class maps of an exam: logits, free to be negative.

        Args:
            images: (B, views, S, S) float, in [-1, 1].

        Returns:
            (B, views * 2, S / stride, S / stride): channel 2 * view + class, classes in the order of ``CLASSES``.
        """
        features = images.flatten(0, 1).unsqueeze(1)
        features = self.init_block1(features)
        features = self.init_block2(features)
        features = self.residual_block1(features)
        features = self.residual_block2(features)
        features = self.residual_block3(features)
        features = self.residual_block4(features)
        maps = self.aggregate_block(features)
        return maps.unflatten(0, (-1, self.views)).flatten(1, 2)


def _check_reduction(network: nn.Module, state: dict[str, Any], prefix: str, *rest: Any) -> None:
    """Before a state dict is loaded: an error for weights of other strides; older ones do not say, and pass."""
    own, errors = network.get_buffer("reduction"), rest[-1]
    theirs = state.setdefault(f"{prefix}reduction", own)
    if [round(float(side)) for side in theirs] != own.tolist():  # an average of several may have become a float
        errors.append(f"they were trained with a stem stride and pools of {theirs.tolist()}, not {own.tolist()}")
