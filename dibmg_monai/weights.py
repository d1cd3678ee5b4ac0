"""Weights files and the bundle folder that they come in: reading and writing them safely, saying which they are."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import yaml
from torch import nn

from dibmg_monai.errors import ModelError, writing
from dibmg_monai.exported import READING_ERRORS, is_exported, load_exported
from dibmg_monai.inference import ModelInfo, Predictor
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.plain_config import NotPlain, PlainConfig

if TYPE_CHECKING:
    from monai.bundle import ConfigParser

    from dibmg_monai.network import DIBMG
    from dibmg_monai.peer import ResNet18CAM


def read_state(path: Path | str) -> dict[str, Any]:
    """A state dict or checkpoint as ``torch.save`` wrote it, on the CPU. No code in the file is run.

    Raises:
        ModelError: if the file is missing, or is none of these.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"{path}: no such file; a PyTorch weights file (state dict, .pt) is needed")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except READING_ERRORS as error:
        raise ModelError(f"{path}: is no PyTorch weights file; a state dict of tensors (.pt) is needed") from error
    if not isinstance(state, dict):
        raise ModelError(f"{path}: holds no state dict; a dict of weight names and tensors is needed")
    return state


def write_state(state: Mapping[str, Any], *, path: Path) -> None:
    """Write what ``read_state`` reads, whole or not at all: a run that is killed meanwhile leaves the file before.

    Raises:
        FolderError: if the file cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    partial = path.with_suffix(".partial")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(buffer.getbuffer())
        partial.replace(path)


def write_model_config(path: Path, *, network: "DIBMG | ResNet18CAM", preprocessing: Preprocessing) -> None:
    """Write what belongs to weights beside them: ``model.pt`` -> ``model.yaml``.

    It is a config to put over inference.yaml or evaluate.yaml, whose own settings belong to the bundle's weights;
    ``load_predictor`` finds it by itself.

    Args:
        path: the weights file.
        network: whose weights they are.
        preprocessing: what they were trained with.

    Raises:
        FolderError: if the file cannot be written.
    """
    config = {
        "model_path": str(path),
        **asdict(preprocessing),
        "network_def": {"_target_": f"{type(network).__module__}.{type(network).__qualname__}", **network.options},
    }
    with writing(path.with_suffix(".yaml")):
        path.parent.mkdir(parents=True, exist_ok=True)
        text = f"# What belongs to {path.name}: put it over inference.yaml or evaluate.yaml.\n"
        path.with_suffix(".yaml").write_text(text + yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def load_weights(network: nn.Module, path: Path | str) -> nn.Module:
    """Fill a network with the weights of a state dict file (float or half), and return it.

    Args:
        network: takes the weights in its own precision.
        path: a file made by ``torch.save(network.state_dict(), path)``; a training's checkpoint or a global model of
            NVIDIA FLARE will do.

    Raises:
        ModelError: if the file is missing, is no weights file, or holds those of another network.
    """
    state = _network_state(path)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        first = str(error).splitlines()[1].strip()
        raise ModelError(f"{path}: its weights are those of another network (first: {first})") from error
    return network


def average_weights(paths: Sequence[Path]) -> dict[str, torch.Tensor]:
    """The mean of the weights of several trainings ("model soup", Wortsman et al. 2022, ICML), in single precision.

    Sensible for trainings that started from the same weights; others have arranged their filters differently.

    Args:
        paths: as ``load_weights`` takes them.

    Raises:
        ModelError: if a file cannot be read, or they are not of the same network.
    """
    states = [_network_state(path) for path in paths]
    shapes = {name: value.shape for name, value in states[0].items()}
    for path, state in zip(paths, states, strict=True):
        if {name: value.shape for name, value in state.items()} != shapes:
            raise ModelError(f"{path}: its weights are those of another network than {paths[0]}'s; the same is needed")
    return {
        name: torch.stack([state[name].float() for state in states]).mean(dim=0) if value.is_floating_point() else value
        for name, value in states[0].items()
    }


def _network_state(path: Path | str) -> dict[str, torch.Tensor]:
    """The weights in a state dict file, in a training's checkpoint or in a global model of NVIDIA FLARE."""
    state = read_state(path)
    state = next((state[key] for key in ("net", "model") if isinstance(state.get(key), dict)), state)
    if not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ModelError(f"{path}: holds no state dict; a dict of weight names and tensors is needed")
    return state


def load_model(path: Path | str, *, network: nn.Module) -> nn.Module:
    """A TorchScript or ONNX model as it is, or a state dict filled into ``network``.

    Raises:
        ModelError: as ``load_weights`` or ``load_exported``.
    """
    path = Path(path)
    return load_exported(path) if is_exported(path) else load_weights(network, path)


def model_info(bundle_root: Path | str, path: Path | str) -> ModelInfo:
    """Name and version from the bundle's metadata, digest from the weights file.

    Raises:
        ModelError: if the folder is no bundle, or there is no weights file.
    """
    metadata, path = Path(bundle_root) / "configs" / "metadata.json", Path(path)
    try:
        described = json.loads(metadata.read_text(encoding="utf-8"))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return ModelInfo(described["name"], described["version"], digest)
    except (OSError, json.JSONDecodeError, KeyError) as error:
        raise ModelError(
            f"{bundle_root}: is no bundle with weights ({error}); configs/metadata.json with name and version and "
            f"{path} are needed"
        ) from error


def load_predictor(bundle_root: Path | str, *, model_path: Path | str | None = None) -> Predictor:
    """The predictor that a bundle's inference config describes.

    Args:
        bundle_root: the bundle's folder.
        model_path: other weights (.pt), for the bundle's network or for the one that a ``.yaml`` beside them describes,
            or a TorchScript (.ts) or ONNX model (.onnx) with the same interface; by default the config's own.

    Raises:
        ModelError: if there is no bundle, or the model file is missing, is none, or does not fit.
    """
    configs = sorted((Path(bundle_root) / "configs").glob("inference.*"))
    if not configs:
        raise ModelError(f"{bundle_root}: is no bundle; a folder with configs/inference.yaml is needed")
    beside = [Path(model_path).with_suffix(".yaml")] if model_path is not None else []
    files = [configs[0], *(file for file in beside if file.is_file())]
    try:
        return _predictor(PlainConfig(files, bundle_root=str(bundle_root)), bundle_root, model_path)
    except NotPlain:
        from monai.bundle import ConfigParser  # takes seconds

        config = ConfigParser(ConfigParser.load_config_files(files))
        config["bundle_root"] = str(bundle_root)
        return _predictor(config, bundle_root, model_path)


def _predictor(
    config: "PlainConfig | ConfigParser", bundle_root: Path | str, model_path: Path | str | None
) -> Predictor:
    path = Path(model_path if model_path is not None else config.get_parsed_content("model_path"))
    return Predictor(
        load_model(path, network=config.get_parsed_content("network_def")),
        preprocessing=config.get_parsed_content("exam_preprocessing"),
        model=model_info(bundle_root, path),
        device=config.get_parsed_content("device"),
    )
