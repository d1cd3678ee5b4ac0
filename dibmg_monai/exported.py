"""Models that were exported, TorchScript or ONNX, behind the interface of the network."""

import pickle
import struct
import zipfile
from pathlib import Path

import torch
from torch import nn

from dibmg_monai.errors import ModelError
from dibmg_monai.network import CLASSES
from dibmg_monai.views import VIEWS

# What torch, pickle and zipfile raise on a file that is damaged, or something else altogether.
READING_ERRORS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
)
PROBE_SIZE = 256  # pixels; side of the exam that a model is tried on, a multiple of any likely stride
NEEDED = f"class maps (1, {len(VIEWS) * len(CLASSES)}, h, w) of an exam (1, {len(VIEWS)}, S, S) are needed"


class OnnxNetwork(nn.Module):
    """An ONNX model, run by ONNX Runtime on the processor with as many threads as PyTorch has.

    Args:
        path: the model, made by ``python -m monai.bundle onnx_export``.

    Raises:
        ModelError: if ONNX Runtime is not installed, or can't read the file, or the model has another task.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        try:
            import onnxruntime
            from onnxruntime.capi import onnxruntime_pybind11_state as runtime
        except ImportError as error:
            raise ModelError(f"{path}: the package onnxruntime is needed to run ONNX models") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        self.path = path
        self.errors = (runtime.Fail, runtime.InvalidArgument, runtime.RuntimeException)
        unreadable = (runtime.InvalidProtobuf, runtime.InvalidGraph, runtime.NoSuchFile, runtime.NotImplemented)
        try:
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except (*self.errors, *unreadable) as error:
            raise ModelError(f"{path}: is no ONNX model that ONNX Runtime can read") from error
        self.input = self.session.get_inputs()[0]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """As ``DIBMG``: images (B, 4, S, S) in [-1, 1] -> class maps (B, 8, h, w).

        Raises:
            ModelError: if the model doesn't take images of this size; it may be of one size only.
        """
        try:
            (maps,) = self.session.run(None, {self.input.name: images.float().cpu().numpy()})
        except (*self.errors, ValueError) as error:
            raise ModelError(
                f"{self.path}: takes {self.input.shape}, not {list(images.shape)}; "
                "docs/exports.md has the command that exports for any size"
            ) from error
        return torch.from_numpy(maps).to(images.device)


def is_exported(path: Path) -> bool:
    """Whether a file is an exported model: TorchScript by its content, ONNX by its suffix."""
    if path.suffix == ".onnx":
        return True
    try:
        with zipfile.ZipFile(path) as archive:
            return any(Path(name).name == "constants.pkl" for name in archive.namelist())
    except READING_ERRORS:
        return False  # no archive, or a damaged one: whatever reads it next says so


def load_exported(path: Path) -> nn.Module:
    """An exported model, ready to be called as the network is.

    Raises:
        ModelError: if the file is missing or damaged, or the model doesn't make class maps of an exam.
    """
    if path.suffix == ".onnx":
        if not path.is_file():
            raise ModelError(f"{path}: no such file; an ONNX model is needed")
        network = OnnxNetwork(path)
        size = [side if isinstance(side, int) else PROBE_SIZE for side in network.input.shape[2:]]
        _try_on_empty_exam(network, path=path, size=size)
        return network
    try:
        script: nn.Module = torch.jit.load(path, map_location="cpu")
    except READING_ERRORS as error:
        raise ModelError(
            f"{path}: is a damaged TorchScript file; a complete one, or a state dict, is needed"
        ) from error
    _try_on_empty_exam(script.eval(), path=path, size=[PROBE_SIZE, PROBE_SIZE])
    return script


def _try_on_empty_exam(network: nn.Module, *, path: Path, size: list[int]) -> None:
    try:
        with torch.inference_mode():
            maps = network(torch.zeros(1, len(VIEWS), *size))
    except (RuntimeError, ModelError) as error:
        raise ModelError(f"{path}: is the model of another task, and takes no exam; {NEEDED}") from error
    found = tuple(maps.shape) if isinstance(maps, torch.Tensor) else type(maps).__name__
    if not isinstance(found, tuple) or len(found) != 4 or found[:2] != (1, len(VIEWS) * len(CLASSES)):
        raise ModelError(f"{path}: is the model of another task, and gives {found}; {NEEDED}")
