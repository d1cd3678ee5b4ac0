"""What is frozen does not move, statistics included; what is named learns."""

import pytest
import torch

from dibmg_monai.errors import DibmgError
from dibmg_monai.freezing import train_only
from dibmg_monai.network import DIBMG
from dibmg_monai.peer import ResNet18CAM


def narrow() -> DIBMG:
    torch.manual_seed(0)
    return DIBMG(init_widths=(4, 4), residual_widths=(4, 4, 8, 8))


def trained(network: torch.nn.Module) -> dict[str, bool]:
    """Which parts of a state dict moved in a training of three steps."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for _ in range(3):
        network.train()  # as MONAI's trainer does in every step
        optimizer.zero_grad()
        network(torch.rand(2, 4, 64, 64)).square().mean().backward()
        optimizer.step()
    return {name: not torch.equal(value, before[name]) for name, value in network.state_dict().items()}


@pytest.mark.parametrize("names", [["residual_block4", "aggregate_block"], "residual_block4, aggregate_block"])
def test_only_the_parts_named_learn(names: str | list[str]) -> None:
    moved = trained(train_only(narrow(), names))
    assert "residual_block3.unit2.bn2.running_mean" in moved
    assert "residual_block4.unit1.bn1.num_batches_tracked" in moved
    assert moved == {name: name.startswith(("residual_block4.", "aggregate_block.")) for name in moved}


def test_without_names_all_learns() -> None:
    assert {name for name, moved in trained(train_only(narrow(), None)).items() if not moved} == {"reduction"}


def test_a_frozen_block_normalizes_by_its_own_statistics() -> None:
    network = train_only(narrow(), ["aggregate_block"])
    images = torch.rand(1, 4, 64, 64)
    with torch.no_grad():
        assert torch.equal(network.train()(images), network.eval()(images))


def test_another_network_has_other_names() -> None:
    moved = trained(train_only(ResNet18CAM(), ["backbone.layer4", "class_maps.bias"]))
    assert moved == {name: name.startswith(("backbone.layer4.", "class_maps.bias")) for name in moved}


@pytest.mark.parametrize("names", [["residual_block5"], ["residual"], "aggregate_block,bn", [""]])
def test_names_that_are_none(names: str | list[str]) -> None:
    message = r"trainable names '\w*', which has no weights here; init_block1, .*, aggregate_block, or parts of them"
    with pytest.raises(DibmgError, match=message):
        train_only(narrow(), names)
