"""A network that forgets its insides trains as one that keeps them, in less memory."""

import copy

import pytest
import torch
from torch import nn

from dibmg_monai.checkpointing import checkpoint_blocks
from dibmg_monai.errors import DibmgError
from dibmg_monai.freezing import train_only
from dibmg_monai.network import DIBMG
from dibmg_monai.peer import ResNet18CAM


def pair(network: nn.Module) -> tuple[nn.Module, nn.Module]:
    """The network as it is, and one that forgets."""
    return network, checkpoint_blocks(copy.deepcopy(network))


def narrow() -> DIBMG:
    torch.manual_seed(0)
    return DIBMG(init_widths=(4, 4), residual_widths=(4, 8, 8, 8))


def step(network: nn.Module, *, amp: bool = False) -> dict[str, torch.Tensor]:
    """Maps, gradients and state after two steps of a training."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    images = torch.linspace(-1, 1, 2 * 4 * 64 * 64).sin().view(2, 4, 64, 64)
    for _ in range(2):
        network.train()
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
            maps = network(images)
        maps.float().square().mean().backward()
        optimizer.step()
    gradients = {f"{name}.grad": p.grad for name, p in network.named_parameters() if p.grad is not None}
    return {"maps": maps, **gradients, **network.state_dict()}


def saved_bytes(network: nn.Module) -> int:
    """What the forward pass keeps for the backward pass, weights aside."""
    kept: dict[int, int] = {}
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        network.train()(torch.zeros(1, 4, 64, 64))
    return sum(kept.values())


@pytest.mark.parametrize("amp", [False, True])
def test_a_step_is_the_same(amp: bool) -> None:
    keeping, forgetting = pair(narrow())
    expected, found = step(keeping, amp=amp), step(forgetting, amp=amp)
    assert list(found) == list(expected)
    assert expected["init_block1.bn.num_batches_tracked"] == 2
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_frozen_parts_stay_frozen() -> None:
    keeping, forgetting = pair(train_only(narrow(), ["residual_block4", "aggregate_block"]))
    torch.testing.assert_close(step(forgetting), step(keeping), rtol=0, atol=0)


def test_any_network_will_do() -> None:
    torch.manual_seed(0)
    keeping, forgetting = pair(ResNet18CAM())
    torch.testing.assert_close(step(forgetting), step(keeping), rtol=0, atol=0)


def test_less_is_kept() -> None:
    keeping, forgetting = pair(narrow())
    assert saved_bytes(forgetting) < saved_bytes(keeping) / 4


def test_inference_is_the_same() -> None:
    keeping, forgetting = pair(narrow().eval())
    images = torch.rand(1, 4, 64, 64)
    with torch.inference_mode():
        assert torch.equal(forgetting(images), keeping(images))


def test_off_is_off() -> None:
    network = narrow()
    assert checkpoint_blocks(network, enabled=False) is network
    assert not any("forward" in vars(block) for block in network.children())
    with pytest.raises(DibmgError, match="checkpointing is 'false'; True or False is needed"):
        checkpoint_blocks(network, enabled="false")
