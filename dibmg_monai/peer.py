"""A peer to compare with: MONAI's own 2D ResNet-18 with class activation maps, behind the interface of ``DIBMG``."""

from collections import OrderedDict
from typing import Any

import torch
from monai.networks.nets import resnet18
from torch import nn

from dibmg_monai.network import CLASSES


class ResNet18CAM(nn.Module):
    """ResNet-18 (He et al. 2016), global average pooling and class activation maps (Zhou et al. 2016, CVPR).

    The last linear layer is laid over every cell instead of over the cells' average. Both commute, so the mean of a map
    is the class's logit; pooling, loss, results and reports are those of ``DIBMG``.

    Args:
        views: images per exam.
    """

    def __init__(self, *, views: int = 4) -> None:
        super().__init__()
        self.views = views
        self.stride = 32
        self.options: dict[str, Any] = {}
        resnet = resnet18(spatial_dims=2, n_input_channels=1, conv1_t_stride=2)  # 2 as He et al.; MONAI's default is 1
        stem = {name: getattr(resnet, name) for name in ("conv1", "bn1", "act", "maxpool")}
        layers = {name: getattr(resnet, name) for name in ("layer1", "layer2", "layer3", "layer4")}
        self.backbone = nn.Sequential(OrderedDict(stem | layers))
        self.class_maps = nn.Conv2d(512, len(CLASSES), kernel_size=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """As ``DIBMG``: images (B, views, S, S) in [-1, 1] -> class maps (B, views * 2, S / stride, S / stride)."""
        features = self.backbone(images.flatten(0, 1).unsqueeze(1))
        maps: torch.Tensor = self.class_maps(features)
        return maps.unflatten(0, (-1, self.views)).flatten(1, 2)
