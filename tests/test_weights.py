"""Weights files are read safely, and what is none is named."""

import hashlib
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from dibmg_monai.__main__ import main
from dibmg_monai.errors import ModelError
from dibmg_monai.network import DIBMG
from dibmg_monai.weights import average_weights, load_model, load_predictor, load_weights, model_info

BUNDLE = Path(__file__).parents[1] / "bundle"


def narrow(**changes: Any) -> DIBMG:
    return DIBMG(init_widths=(4, 8), residual_widths=(8, 8, 16, 16), **changes).eval()


def test_half_precision_weights_fill_a_float_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = narrow()
    torch.save(narrow().half().state_dict(), tmp_path / "half.pt")
    load_weights(network, tmp_path / "half.pt")
    assert all(parameter.dtype == torch.float32 for parameter in network.parameters())
    expected = torch.load(tmp_path / "half.pt", weights_only=True)["aggregate_block.weight"].float()
    assert torch.equal(network.aggregate_block.weight, expected)


@pytest.mark.parametrize(("key", "other"), [("net", "trainer"), ("model", "train_conf")], ids=["checkpoint", "FLARE"])
def test_a_checkpoint_and_a_global_model_will_do(tmp_path: Path, key: str, other: str) -> None:
    source, network = narrow(), narrow()
    state = source.state_dict()
    state["init_block1.bn.num_batches_tracked"] = torch.tensor(2.5, dtype=torch.float64)  # a mean of several sites'
    torch.save({key: state, other: {"epoch": 3}}, tmp_path / "saved.pt")
    load_weights(network, tmp_path / "saved.pt")
    assert torch.equal(network.init_block1.conv.weight, source.init_block1.conv.weight)


def test_an_average_is_that_of_every_weight(tmp_path: Path) -> None:
    networks, paths = [narrow() for _ in range(3)], [tmp_path / f"{index}.pt" for index in range(3)]
    for network, path in zip(networks, paths, strict=True):
        torch.save({"net": network.state_dict()}, path)
    assert main(["average", *map(str, paths), "--half", "--output", str(tmp_path / "mean.pt")]) == 0
    mean = load_weights(narrow(), tmp_path / "mean.pt").state_dict()
    for name, value in mean.items():
        expected = sum(network.state_dict()[name] for network in networks) / 3
        torch.testing.assert_close(value, expected.to(value.dtype), rtol=1e-3, atol=1e-3)


def test_an_average_of_different_networks_is_refused(tmp_path: Path) -> None:
    torch.save(narrow().state_dict(), tmp_path / "a.pt")
    torch.save(DIBMG(init_widths=(4, 4), residual_widths=(8, 8, 16, 16)).state_dict(), tmp_path / "b.pt")
    with pytest.raises(ModelError, match=r"b\.pt: its weights are those of another network than .*a\.pt's"):
        average_weights([tmp_path / "a.pt", tmp_path / "b.pt"])


def test_torchscript_comes_as_it_is(tmp_path: Path) -> None:
    network, image = narrow(), torch.rand(1, 4, 64, 64)
    torch.jit.script(network).save(tmp_path / "model.ts")
    loaded = load_model(tmp_path / "model.ts", network=narrow())
    torch.testing.assert_close(loaded(image), network(image))


class OfAnotherTask(torch.nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(channels, 3, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.conv(image)


@pytest.mark.parametrize(
    ("channels", "message"), [(1, "and takes no exam; class maps"), (4, r"and gives \(1, 3, 256, 256\); class maps")]
)
def test_torchscript_of_another_task(tmp_path: Path, channels: int, message: str) -> None:
    torch.jit.script(OfAnotherTask(channels)).save(tmp_path / "model.ts")
    with pytest.raises(ModelError, match=rf"model\.ts: is the model of another task, {message} \(1, 8, h, w\)"):
        load_model(tmp_path / "model.ts", network=narrow())


class Trap:
    def __reduce__(self) -> tuple:
        return print, ("code in a pickle was run",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"model\.pt: no such file; a PyTorch weights file"),
        (b"no weights at all", r"model\.pt: is no PyTorch weights file"),
        (b"", r"model\.pt: is no PyTorch weights file"),
        (pickle.dumps(Trap()), r"model\.pt: is no PyTorch weights file"),
        ([1, 2, 3], r"model\.pt: holds no state dict"),
        ({"other.weight": torch.zeros(1)}, r"model\.pt: its weights are those of another network"),
    ],
)
def test_what_is_no_weights_file(tmp_path: Path, capsys: pytest.CaptureFixture, content: object, message: str) -> None:
    path = tmp_path / "model.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(ModelError, match=message):
        load_model(path, network=narrow())
    assert capsys.readouterr().out == ""


def test_model_info_is_the_bundles_and_the_files() -> None:
    weights = BUNDLE / "models" / "model.pt"
    info = model_info(BUNDLE, weights)
    assert (info.name, info.version) == ("DIB-MG", "0.1.0")
    assert info.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is no bundle; a folder with configs/inference\.yaml is needed"):
        load_predictor(tmp_path)


def test_the_bundles_predictor_has_the_preprocessing_of_its_config() -> None:
    predictor = load_predictor(BUNDLE)
    assert predictor.preprocessing.image_size % predictor.network.stride == 0
    assert not predictor.network.training
