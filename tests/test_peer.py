"""The peer is ResNet-18 with global average pooling, and its maps are class activation maps."""

import torch
from monai.networks.nets import resnet18

from dibmg_monai.peer import ResNet18CAM
from dibmg_monai.pooling import exam_logits


def test_pooled_maps_are_the_logits_of_monais_resnet18() -> None:
    torch.manual_seed(0)
    peer = ResNet18CAM().eval()
    plain = resnet18(spatial_dims=2, n_input_channels=1, conv1_t_stride=2, num_classes=2).eval()
    head = {"fc.weight": peer.class_maps.weight[:, :, 0, 0], "fc.bias": peer.class_maps.bias}
    plain.load_state_dict(peer.backbone.state_dict() | head)
    plain.avgpool = torch.nn.AdaptiveAvgPool2d(1)  # MONAI's own leaves one cell, and takes a small image for granted
    images = torch.rand(2, 4, 96, 96) * 2 - 1
    with torch.inference_mode():
        maps = peer(images)
        expected = torch.stack([plain(images[:, view, None]) for view in range(4)]).mean(dim=0)
    assert maps.shape == (2, 8, 96 // peer.stride, 96 // peer.stride)
    torch.testing.assert_close(exam_logits(maps, torch.ones(2, 4, dtype=torch.bool)), expected)
