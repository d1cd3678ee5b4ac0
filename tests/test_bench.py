"""``make bench`` still runs: its cheap parts, on a small exam."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from dibmg_monai.exams.assembly import assemble
from dibmg_monai.inference import ModelInfo, Predictor
from dibmg_monai.network import DIBMG
from dibmg_monai.outputs.exam_files import WRITERS
from dibmg_monai.phantom import write_phantoms
from dibmg_monai.pixels.preprocessing import Preprocessing

BENCHMARKS = Path(__file__).parent / "benchmarks"
SIZE = 96


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantom")
    write_phantoms(folder, exams=1, rows=128)
    return folder / "dicom"


def test_stages(tmp_path: Path, study: Path) -> None:
    options = ["--quick", "--only", "stages", "--size", str(SIZE), "--study", study, "--output", tmp_path]
    command = [sys.executable, BENCHMARKS / "bench.py", *options, "--json", tmp_path / "tables.json"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (table,) = json.loads((tmp_path / "tables.json").read_text())["stages"]
    assert table["title"] in done.stdout
    stages = {row[0].removeprefix("· ").split(",")[0] for row in table["rows"]}
    assert stages >= {"header scan", "network", "json", *WRITERS}
    assert (tmp_path / "stages.png").exists()


def test_the_plain_script_finds_the_same(tmp_path: Path, study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import plain_script

    torch.manual_seed(0)
    network = DIBMG()
    nn.init.normal_(network.aggregate_block.weight, std=0.1)
    torch.save(network.state_dict(), tmp_path / "model.pt")
    plain_script.main(study, tmp_path, tmp_path / "model.pt", SIZE)
    plain = json.loads((tmp_path / "scores.json").read_text())
    (exam,) = assemble(study).exams
    preprocessing = Preprocessing(image_size=SIZE)
    result = Predictor(network, preprocessing=preprocessing, model=ModelInfo("plain", "0", "0"))(exam)
    assert plain["score"] == pytest.approx(result.score, abs=1e-3)
    assert plain["views"] == pytest.approx({view: found.score for view, found in result.views.items()}, abs=1e-3)
    assert 0.01 < result.score < 0.99


def test_what_is_measured_on_a_gpu_can_be_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the processor, in a smaller way: no compiler, no memory."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import cost
    import gpu

    monkeypatch.setattr(cost, "SHORT", 0)
    _, inference, training = gpu.tables("cpu", 32, 1, batches=(1, 2))
    assert [row[:2] for row in inference.rows] == [("float32", 1), ("float32", 2), ("bfloat16", 1), ("bfloat16", 2)]
    assert [row[0] for row in training.rows] == ["float32", "bfloat16", "bfloat16, checkpointing"]
    assert all(value > 0 for row in training.rows for value in row[1:3])
