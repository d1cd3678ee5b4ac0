import sys

import pytest
import torch

from dibmg_monai.acceleration.accelerate import accelerate
from dibmg_monai.acceleration.skipping import SkippingNetwork
from dibmg_monai.errors import DibmgError
from dibmg_monai.network import DIBMG
from dibmg_monai.peer import ResNet18CAM
from tests.acceleration.test_skipping import IMAGES, exam, trained


def test_choice() -> None:
    assert isinstance(accelerate(trained()), SkippingNetwork)
    assert isinstance(accelerate(trained(), amp=True), DIBMG)
    assert isinstance(accelerate(ResNet18CAM()), ResNet18CAM)


@torch.inference_mode()
def test_without_onnx_runtime(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    network, images = trained(), exam(*IMAGES["left edge"])
    expected = accelerate(network)(images)
    monkeypatch.delitem(sys.modules, "dibmg_monai.acceleration.onnx_stages", raising=False)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    torch.testing.assert_close(accelerate(network)(images), expected, rtol=1e-4, atol=1e-4)
    assert "onnxruntime is not installed" in caplog.text


@torch.inference_mode()
def test_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a compiler that only captures the graph: the real one takes a minute, even for this."""
    asked: dict[str, object] = {}

    def capture(module: torch.nn.Module, **options: object) -> None:
        asked.update(options)
        compile_module(module, backend="eager", fullgraph=True)

    compile_module = torch.nn.Module.compile
    monkeypatch.setattr(torch.nn.Module, "compile", capture)
    network, images = trained(), exam(*IMAGES["left edge"], size=32)
    expected = trained()(images)
    torch.testing.assert_close(accelerate(network, compiled=True)(images), expected, rtol=1e-4, atol=1e-4)
    assert asked == {"mode": "reduce-overhead", "dynamic": False}


def test_wrong_switches() -> None:
    with pytest.raises(DibmgError, match="compiled is 'no'; True or False is needed"):
        accelerate(trained(), compiled="no")  # type: ignore[arg-type]
    with pytest.raises(DibmgError, match="amp is 'no'; True or False is needed"):
        accelerate(trained(), amp="no")  # type: ignore[arg-type]
