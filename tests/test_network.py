"""The network is the one of Figure 1: counted, shaped, and centered."""

import pytest
import torch
from torch import nn

from dibmg_monai.network import DIBMG

NARROW = {"init_widths": (4, 8), "residual_widths": (8, 8, 16, 16)}


def convolutions(module: nn.Module) -> list[nn.Conv2d]:
    return [part for part in module.modules() if isinstance(part, nn.Conv2d)]


def test_nineteen_convolutions_in_the_blocks_of_figure_1() -> None:
    blocks = dict(DIBMG().named_children())
    assert {name: len(convolutions(block)) for name, block in blocks.items()} == {
        "init_block1": 1,
        "init_block2": 1,
        "residual_block1": 4,
        "residual_block2": 4,
        "residual_block3": 4,
        "residual_block4": 4,
        "aggregate_block": 1,
    }
    last = convolutions(DIBMG())[-1]
    assert (last.kernel_size, last.out_channels) == ((1, 1), 2)


def test_skip_connections_are_element_wise_additions() -> None:
    block = DIBMG().residual_block1.eval()
    for unit in (block.unit1, block.unit2):
        nn.init.zeros_(unit.bn2.weight)  # nothing but the skip is left
    features = torch.rand(1, 64, 8, 8)
    assert torch.equal(block(features), block.pool(features))


def test_widening_skip_keeps_what_there_is_and_adds_zeros() -> None:
    unit = DIBMG().residual_block2.unit1
    features = torch.rand(1, 64, 4, 4)
    assert torch.equal(unit.skip(features)[:, :64], features)
    assert not unit.skip(features)[:, 64:].any()


@pytest.mark.parametrize("size", [64, 96, 160])
def test_any_size_divisible_by_the_stride(size: int) -> None:
    network = DIBMG(**NARROW).eval()
    assert network.stride == 32
    assert network(torch.rand(3, 4, size, size)).shape == (3, 8, size // 32, size // 32)


def test_maps_are_free_to_be_negative() -> None:
    torch.manual_seed(0)
    maps = DIBMG(**NARROW).eval()(torch.rand(2, 4, 64, 64))
    assert maps.min() < 0 < maps.max()


def test_every_view_goes_through_the_same_convolutions() -> None:
    torch.manual_seed(0)
    network = DIBMG(**NARROW).eval()
    views = torch.rand(1, 4, 64, 64)
    maps, swapped = network(views), network(views[:, [2, 3, 0, 1]])
    torch.testing.assert_close(swapped, maps[:, [4, 5, 6, 7, 0, 1, 2, 3]])


@pytest.mark.parametrize("options", [{}, {"stem_stride": 1, "pools": (2, 2, 2, 1, 1, 1)}])
def test_cells_are_centered_on_their_block_of_pixels(options: dict) -> None:
    """With even weights everywhere, mirroring the input mirrors the maps: nothing is shifted by half a stride."""
    torch.manual_seed(0)
    network = DIBMG(**NARROW, **options).eval()
    for convolution in convolutions(network):
        kernel = convolution.weight.data
        kernel.copy_((kernel + kernel.flip(-1) + kernel.flip(-2) + kernel.flip(-1, -2)) / 4)
    image = torch.rand(1, 4, 96, 96)
    torch.testing.assert_close(network(image.flip(-1)).flip(-1), network(image))
    torch.testing.assert_close(network(image.flip(-2)).flip(-2), network(image))
