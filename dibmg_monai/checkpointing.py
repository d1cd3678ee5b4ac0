"""Activation checkpointing: training that needs less memory and computes more, to the same end."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

from dibmg_monai.errors import truth


def checkpoint_blocks(network: nn.Module, *, enabled: bool = True) -> nn.Module:
    """Have every block of a network forget its insides in the forward pass, and return the network.

    The backward pass computes a block again from its input (Chen et al. 2016, arXiv:1604.06174). Outputs, gradients,
    running averages and the names in the state dict stay what they were.

    Args:
        network: not wrapped for several processes; its blocks are its children.
        enabled: False leaves the network as it is.

    Raises:
        DibmgError: if ``enabled`` is neither True nor False.
    """
    if truth(enabled, name="checkpointing"):
        for block in network.children():
            contexts = partial(_contexts, block)
            block.forward = partial(checkpoint, block.forward, use_reentrant=False, context_fn=contexts)
    return network


def _contexts(block: nn.Module) -> tuple[AbstractContextManager, AbstractContextManager]:
    """Around the first computation of a block, and around the second."""
    return nullcontext(), _buffers_kept(block)


@contextmanager
def _buffers_kept(block: nn.Module) -> Iterator[None]:
    """While it lasts, a block works on copies of its buffers: running averages have seen this batch already."""
    kept = [(module, *named) for module in block.modules() for named in module.named_buffers(recurse=False)]
    for module, name, buffer in kept:
        setattr(module, name, buffer.clone())
    try:
        yield
    finally:
        for module, name, buffer in kept:
            setattr(module, name, buffer)
