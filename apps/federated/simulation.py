"""The trainings to compare, each by the command that a user would type; what they say goes to a file."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from monai.bundle import ConfigParser

from dibmg_monai.errors import DibmgError, writing
from dibmg_monai.weights import write_state

JOB = Path(__file__).resolve().parent / "job"
BUNDLE = Path(__file__).resolve().parents[2] / "bundle"
GLOBAL_MODEL = "server/simulate_job/app_server/best_FL_global_model.pt"  # in FLARE's workspace
ERRORS = "server/log_error.txt"


def write_initial_weights(path: Path, *, job: Path = JOB, seed: int) -> Path:
    """The random weights that all trainings of a seed start from: FLARE's server would draw its own, unseeded."""
    torch.manual_seed(seed)
    config = ConfigParser(ConfigParser.load_config_file(_overlay(job)))
    write_state(config.get_parsed_content("network_def").state_dict(), path=path)
    return path


def train(data: Path, output: Path, *, initial: Path, job: Path = JOB) -> Path:
    """Train on the exams of one folder; the weights that did best on its validation part."""
    _run_bundle("train", job=job, dataset_dir=data, output_dir=output, init_path=initial)
    return output / "model.pt"


def evaluate(model: Path, data: Path, output: Path, *, job: Path = JOB) -> Path:
    """``results.json`` of the testing part of a folder's exams."""
    _run_bundle("evaluate", job=job, dataset_dir=data, output_dir=output, model_path=model)
    return output / "results.json"


def federate(sites: Path, workspace: Path, *, names: Sequence[str], initial: Path, job: Path = JOB) -> Path:
    """Train at all sites by FLARE's simulator, each in a process of its own.

    Args:
        sites: the folder with one folder for each site.
        workspace: of FLARE, made anew: a folder for the server and one for each site.
        names: of the sites.
        initial: the weights that the server sends first.
        job: FLARE's job folder.

    Returns:
        The global model that did best on the sites' validation parts.

    Raises:
        DibmgError: if a site failed, which ends the rounds; FLARE's exit code is 0 all the same.
    """
    simulator = [sys.executable, "-m", "nvflare.private.fed.app.simulator.simulator"]
    options = [str(job), "-w", str(workspace.resolve()), "-c", ",".join(names), "-t", str(len(names))]
    places = {"DIBMG_BUNDLE": BUNDLE, "DIBMG_SITES": sites.resolve(), "DIBMG_INITIAL": initial.resolve()}
    log = workspace.with_suffix(".log")
    code = _run([*simulator, *options], log=log, variables={name: str(path) for name, path in places.items()})
    model, errors = workspace / GLOBAL_MODEL, workspace / ERRORS
    if code != 0 or not model.is_file() or errors.stat().st_size > 0:
        raise DibmgError(f"{log}: FLARE did not finish all rounds; this log and {workspace}/*/log_error.txt say why")
    return model


def _run_bundle(config: str, *, job: Path, dataset_dir: Path, output_dir: Path, **overrides: Path) -> None:
    files = [str(BUNDLE / "configs" / f"{config}.yaml"), str(_overlay(job))]
    options = {"bundle_root": BUNDLE, "dataset_dir": dataset_dir, "output_dir": output_dir, **overrides}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", repr(files), *words]
    log = output_dir.with_suffix(".log")
    if _run(command, log=log) != 0:
        raise DibmgError(f"{log}: this run failed; the log says why")


def _overlay(job: Path) -> Path:
    return job / "app" / "config" / "phantoms.yaml"


def _run(command: Sequence[str], *, log: Path, variables: Mapping[str, str] | None = None) -> int:
    """Run a command on one thread: several run side by side."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **(variables or {})}
    with writing(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as file:
            return subprocess.run(command, env=environment, stdout=file, stderr=file, check=False).returncode
