import sys

import pytest
import torch

from dibmg_monai.acceleration.accelerate import accelerate
from dibmg_monai.acceleration.skipping import SkippingNetwork
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
