"""The bundle by MONAI's command line, in processes of its own: killed, by two processes, with wrong input."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import ignite.distributed as idist
import pytest
import torch

from dibmg_monai.exams.datalist import write_datalist

from .conftest import Configure

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def command(bundle: Path, exams: Path, tmp_path: Path) -> list[str]:
    """``monai.bundle run`` of the small bundle, to be followed by ``--config_file`` and more."""
    where = ["--bundle_root", str(bundle), "--dataset_dir", str(exams), "--output_dir", str(tmp_path / "out")]
    return ["-m", "monai.bundle", "run", *where]


def config_files(bundle: Path, *names: str) -> list[str]:
    return ["--config_file", str([str(bundle / "configs" / f"{name}.yaml") for name in names])]


def test_a_killed_training_can_be_resumed(
    configure: Configure, command: list[str], bundle: Path, tmp_path: Path
) -> None:
    endless = [*config_files(bundle, "train"), "--epochs", "100000", "--batch_size", "4"]
    checkpoint = tmp_path / "out" / "checkpoint.pt"
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen([sys.executable, *command, *endless], env=ENVIRONMENT, stdout=log, stderr=log)
        while process.poll() is None and not checkpoint.exists():
            time.sleep(0.05)
        time.sleep(0.5)  # into another epoch
        process.kill()
        assert process.wait() == -signal.SIGKILL, (tmp_path / "log").read_text()
    epochs = torch.load(checkpoint, weights_only=True)["epoch"] + 2
    configure("train", epochs=epochs, batch_size=4, resume=True).run()
    configure("train", epochs=epochs, batch_size=4, output_dir=str(tmp_path / "unbroken")).run()
    for name in ("checkpoint.pt", "model.pt"):
        resumed, unbroken = (torch.load(tmp_path / run / name, weights_only=True) for run in ("out", "unbroken"))
        torch.testing.assert_close(resumed, unbroken, rtol=0, atol=0)


def torchrun(processes: int, *command: str) -> subprocess.CompletedProcess[str]:
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
    return subprocess.run(
        [sys.executable, *launch, *command], env=ENVIRONMENT, capture_output=True, text=True, timeout=120, check=False
    )


def test_two_processes(configure: Configure, command: list[str], bundle: Path, tmp_path: Path) -> None:
    """They end, though one validates two exams and the other three, and leave one model: the one they measured."""
    options = ["--epochs", "3", "--batch_size", "2", "--validate#dataloader#batch_size", "1"]
    options += ["--checkpointing", "True", "--cache_dir", str(tmp_path / "cache")]
    done = torchrun(2, *command, *config_files(bundle, "train", "multi_gpu_train"), *options)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "checkpoint.pt",
        "model.pt",
        "model.yaml",
        "tensorboard",
    }
    checkpoint = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)
    assert checkpoint["epoch"] == 3
    best = str(tmp_path / "out" / "model.pt")
    alone = configure("evaluate", part="validation", model_path=best, remove_background=False)
    alone.run()
    assert checkpoint["best"]["value"] == pytest.approx(alone.evaluator.state.metrics["auc"])


@pytest.mark.parametrize(("name", "processes"), [("evaluate", 2), ("inference", 3)])
def test_several_processes_write_what_one_writes(
    configure: Configure, command: list[str], bundle: Path, broken: Path, tmp_path: Path, name: str, processes: int
) -> None:
    """Byte for byte, with five exams, one of which cannot be read; an interrupted run has left a part."""
    configure(name, datalist=str(broken), part="testing", output_dir=str(tmp_path / "alone")).run()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.part7.json").write_text("[\n]\n")
    options = ["--datalist", str(broken), "--part", "testing"]
    done = torchrun(processes, *command, *config_files(bundle, name, "multi_gpu_inference"), *options)
    assert done.returncode == 0, done.stderr
    alone, several = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
        for folder in (tmp_path / "alone", tmp_path / "out")
    )
    assert several.keys() == alone.keys()
    assert {path.name for path in alone} >= {"results.json", "scores.csv", "refused.json"}
    for path in alone.keys() - {path for path in alone if path.suffix == ".gz"}:  # those have the time in their heads
        assert several[path] == alone[path], path
    if name == "evaluate":
        figures = [float(figure) for figure in re.findall(r"auc: ([\d.]+)", done.stdout + done.stderr)]
        workflow = configure(name, datalist=str(broken), part="testing", output_dir=str(tmp_path / "again"))
        workflow.run()
        assert figures and figures == pytest.approx([workflow.evaluator.state.metrics["auc"]] * len(figures), abs=1e-4)


def test_more_processes_than_exams(command: list[str], bundle: Path, exams: Path, tmp_path: Path) -> None:
    parts = json.loads((exams / "datalist.json").read_text())
    write_datalist({"testing": parts["testing"][:1]}, path=tmp_path / "one.json")
    options = ["--datalist", str(tmp_path / "one.json")]
    done = torchrun(2, *command, *config_files(bundle, "inference", "multi_gpu_inference"), *options)
    assert done.returncode != 0
    assert "error: 1 exams for 2 processes; at least one exam for each is needed" in done.stderr


def test_several_processes_have_the_properties_that_monai_expects(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_PORT", "0")
    try:
        workflow = configure("train", "multi_gpu_train", epochs=1, batch_size=4)
        assert workflow.check_properties() == []
        workflow.run()
    finally:
        idist.finalize()
    assert (tmp_path / "out" / "model.pt").is_file()


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("evaluate", ["--datalist", "missing.json"], "error: missing.json: cannot be read"),
        ("train", [], "broken.png: is neither a DICOM nor a PNG file"),
    ],
)
def test_wrong_input_is_one_line_without_traceback(
    command: list[str], bundle: Path, broken: Path, name: str, wrong: list[str], message: str
) -> None:
    options = ["--datalist", str(broken), "--num_workers", "1", *wrong]
    done = subprocess.run(
        [sys.executable, *command, *config_files(bundle, name), *options],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("error: "))
    assert message in line
    assert done.stderr.splitlines()[-1].strip() in ("", line)
