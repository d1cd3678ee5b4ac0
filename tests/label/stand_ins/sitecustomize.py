"""For tests where torchvision does not fit torch, as its CUDA build does not fit torch without CUDA.

Python runs this on start from any folder of PYTHONPATH. torchvision describes these operators when it is imported, and
fails if its library did not bring them; MONAI Label imports it, and this app's code never calls them.
"""

import torch

OPERATORS = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
