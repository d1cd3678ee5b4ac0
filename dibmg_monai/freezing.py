"""Fine-tuning: which parts of a network go on learning, and which stay as they are."""

from collections.abc import Sequence
from typing import Any

from torch import nn

from dibmg_monai.errors import DibmgError


def train_only(network: nn.Module, names: str | Sequence[str] | None) -> nn.Module:
    """Freeze all of a network but the parts named, and return it.

    Frozen batch normalizations also keep their statistics, and use them: they stay in evaluation mode, whatever mode
    the network is put into.

    Args:
        network: not wrapped for several processes.
        names: of modules or parameters, such as ``residual_block4`` or ``aggregate_block.bias``: a list, or a text with
            commas. None: nothing is frozen.

    Raises:
        DibmgError: if a name is none of the network's.
    """
    if names is None:
        return network
    listed = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    for name in listed:
        if not any(_within(parameter, [name]) for parameter, _ in network.named_parameters()):
            blocks = ", ".join(block for block, _ in network.named_children())
            raise DibmgError(f"trainable names {name!r}, which has no weights here; {blocks}, or parts of them, have")
    for parameter_name, parameter in network.named_parameters():
        parameter.requires_grad_(_within(parameter_name, listed))
    for module_name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d) and not _within(module_name, listed):
            module.register_forward_pre_hook(_evaluate)
    return network


def _within(name: str, parts: Sequence[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def _evaluate(module: nn.Module, inputs: Any) -> None:
    module.eval()
