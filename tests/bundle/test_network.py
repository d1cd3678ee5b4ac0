"""The network as MONAI's own commands see it: checked against the metadata, and exported."""

from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser, ckpt_export, verify_net_in_out

from dibmg_monai.network import DIBMG
from dibmg_monai.weights import load_weights

from .conftest import BUNDLE, NARROW

CONFIGS = BUNDLE / "configs"


@pytest.mark.parametrize("name", ["inference", "evaluate", "train"])
def test_network_is_as_described(name: str) -> None:
    config, metadata = str(CONFIGS / f"{name}.yaml"), str(CONFIGS / "metadata.json")
    verify_net_in_out("network_def", meta_file=metadata, config_file=config, device="cpu")


def exported(root: Path, path: Path) -> torch.nn.Module:
    """The bundle's network and weights as TorchScript."""
    ckpt_export(
        "network_def",
        filepath=str(path),
        ckpt_file=str(root / "models" / "model.pt"),
        meta_file=str(root / "configs" / "metadata.json"),
        config_file=str(root / "configs" / "inference.yaml"),
    )
    return torch.jit.load(path).eval()


def test_exported_network_gives_the_same_maps(bundle: Path, tmp_path: Path) -> None:
    script = exported(bundle, tmp_path / "model.ts")
    eager = load_weights(DIBMG(**NARROW), bundle / "models" / "model.pt").eval()
    for size in (64, 96):
        images = torch.rand(2, 4, size, size) * 2 - 1
        with torch.no_grad():
            torch.testing.assert_close(script(images), eager(images))


def test_shipped_weights_can_be_exported(tmp_path: Path) -> None:
    script = exported(BUNDLE, tmp_path / "model.ts")
    config = ConfigParser(ConfigParser.load_config_file(CONFIGS / "inference.yaml"))
    eager = load_weights(config.get_parsed_content("network_def"), BUNDLE / "models" / "model.pt").eval()
    images = torch.rand(1, 4, 96, 96) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(script(images), eager(images))
