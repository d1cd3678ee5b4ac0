"""Which way to compute a network is the fastest here."""

import logging

import torch
from torch import nn

from dibmg_monai.acceleration.skipping import SkippingNetwork
from dibmg_monai.acceleration.stages import stages
from dibmg_monai.errors import truth
from dibmg_monai.network import DIBMG

log = logging.getLogger(__name__)


def accelerate(
    network: nn.Module, *, device: torch.device | str = "cpu", amp: bool = False, compiled: bool = False
) -> nn.Module:
    """The same network for inference, as fast as the device allows.

    On the processor, ``DIBMG`` in full precision is computed by ONNX Runtime, where it is installed, and only where an
    image shows something; its weights are copied. Everything else is PyTorch's, in the memory format that is fastest.

    Args:
        network: (B, 4, S, S) in [-1, 1] -> (B, 8, h, w) class maps.
        device: where to compute.
        amp: the caller computes in mixed precision, which is PyTorch's.
        compiled: by ``torch.compile``, on a GPU as a CUDA graph. The first exam waits for the compiler, and so does the
            first of every other batch or image size.

    Raises:
        DibmgError: if ``amp`` or ``compiled`` is neither True nor False.
    """
    device, compiled = torch.device(device), truth(compiled, name="compiled")
    network = network.to(device).eval()
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if compiled:
        network.compile(mode="reduce-overhead", dynamic=False)
        return network
    if device.type != "cpu" or truth(amp, name="amp") or not isinstance(network, DIBMG):
        return network
    parts, threads = stages(network), torch.get_num_threads()
    try:
        from dibmg_monai.acceleration.onnx_stages import onnx_run
    except ImportError as error:
        log.warning("%s is not installed: PyTorch computes the network, in more than twice the time", error.name)
        return SkippingNetwork(parts, runs=[part.run for part in parts])
    at_once = min(threads, network.views)
    runs = [onnx_run(part, threads=-(-threads // at_once)) for part in parts]
    return SkippingNetwork(parts, runs=runs, threads=at_once)
