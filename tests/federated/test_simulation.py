"""Two tiny sites under FLARE's simulator: what arrives, how it is averaged, and what stays where it is."""

import json
import re
import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml

from dibmg_monai.errors import DibmgError
from dibmg_monai.network import DIBMG
from dibmg_monai.views import VIEWS
from dibmg_monai.weights import load_weights, read_state
from tests.federated.conftest import JOB

pytest.importorskip(
    "monai_nvflare", reason="needs NVIDIA FLARE, which has an environment of its own: make test-federated"
)

ROUNDS = 2
STEPS = {"a": 3, "b": 6}  # of 4 exams each, in a round
# Every Python process notes the DICOM files that it opens under the name of its FLARE client; the server has none.
WITNESS = """
import os, sys
notes = os.open({notes!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
words = open("/proc/self/cmdline").read().split("\\0")
who = words[words.index("--client") + 1] if "--client" in words else "server"
def hook(event, arguments):
    if event == "open" and str(arguments[0]).endswith(".dcm"):
        os.write(notes, f"{{who}} {{arguments[0]}}\\n".encode())
sys.addaudithook(hook)
"""


@dataclass(frozen=True)
class Simulated:
    """A finished simulation; ``opened``: client -> the DICOM files that its processes opened."""

    sites: Path
    workspace: Path
    initial: Path
    model: Path
    opened: dict[str, set[str]]


@pytest.fixture(scope="module")
def tiny_job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The job with two sites, two rounds and small images."""
    job = tmp_path_factory.mktemp("tiny") / "job"
    shutil.copytree(JOB, job)
    for path, changes in (
        (job / "meta.json", {"min_clients": 2}),
        (job / "app/config/config_fed_server.json", {"min_clients": 2, "num_rounds": ROUNDS}),
    ):
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    overlay = job / "app/config/phantoms.yaml"
    changes = {"image_size": 48, "batch_size": 4, "epochs": ROUNDS, "device": "cpu"}
    overlay.write_text(yaml.safe_dump(yaml.safe_load(overlay.read_text()) | changes))
    return job


@pytest.fixture(scope="module")
def simulated(
    scripts: dict[str, ModuleType], two_sites: Path, tiny_job: Path, tmp_path_factory: pytest.TempPathFactory
) -> Simulated:
    folder = tmp_path_factory.mktemp("simulated")
    (folder / "witness").mkdir()
    notes = folder / "notes.txt"
    (folder / "witness" / "sitecustomize.py").write_text(WITNESS.format(notes=str(notes)))
    simulation = scripts["simulation"]
    initial = simulation.write_initial_weights(folder / "initial.pt", job=tiny_job, seed=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "witness"))
        model = simulation.federate(two_sites, folder / "workspace", names=["a", "b"], initial=initial, job=tiny_job)
    opened = defaultdict(set)
    for line in notes.read_text().splitlines():
        who, _, file = line.partition(" ")
        opened[who].add(file)
    return Simulated(two_sites, folder / "workspace", initial, model, dict(opened))


def test_a_site_opens_its_own_images_and_the_server_none(simulated: Simulated) -> None:
    assert set(simulated.opened) == {"a", "b"}
    for name, files in simulated.opened.items():
        own = json.loads((simulated.sites / name / "datalist.json").read_text())
        used = own["training"] + own["validation"]
        assert files == {str(simulated.sites / name / entry[view]) for entry in used for view in VIEWS}


def test_nothing_of_an_exam_reaches_the_server(simulated: Simulated) -> None:
    files = [path for path in (simulated.workspace / "server").rglob("*") if path.is_file()]
    assert any(path.suffix == ".pt" for path in files)
    for path in files:
        assert not re.search(rb"phantom-\d|PHANTOM-\d|\.dcm", path.read_bytes()), path
        assert path.suffix in (".pt", ".json", ".yaml", ".txt"), path


def test_the_global_model_is_the_mean_by_exams_of_what_the_sites_trained(simulated: Simulated) -> None:
    """Running averages of batch normalization and all else; a site's weight is its steps, of equally many exams."""
    last = read_state(simulated.model.with_name("FL_global_model.pt"))["model"]
    local = {name: read_state(simulated.workspace / name / "trained" / "checkpoint.pt")["net"] for name in STEPS}
    moved = read_state(simulated.initial)
    for name, value in last.items():
        parts = [local[site][name].double() * steps / sum(STEPS.values()) for site, steps in STEPS.items()]
        torch.testing.assert_close(value.double(), sum(parts), rtol=1e-4, atol=1e-6, msg=name)
    assert not torch.equal(last["init_block1.bn.running_mean"], moved["init_block1.bn.running_mean"])
    assert not torch.equal(local["a"]["aggregate_block.weight"], local["b"]["aggregate_block.weight"])


def test_the_best_global_model_is_a_bundles_weights_file(simulated: Simulated, tiny_job: Path) -> None:
    network = DIBMG(init_widths=(8, 8), residual_widths=(16,) * 4, stem_stride=3, pools=(1,) * 6)
    best = load_weights(network, simulated.model).state_dict()
    for name in STEPS:  # with two rounds there is one to choose from, that after the first
        received = read_state(simulated.workspace / name / "received" / "model.pt")
        config = yaml.safe_load((simulated.workspace / name / "received" / "model.yaml").read_text())
        assert (config["image_size"], config["network_def"]["stem_stride"]) == (48, 3)
        choices = (best, read_state(simulated.initial))  # whichever did better on this site's validation part
        assert any(
            all(torch.equal(received[key], choice[key]) for key in received if "tracked" not in key)
            for choice in choices
        )


def test_a_site_that_fails_stops_the_job(
    scripts: dict[str, ModuleType], two_sites: Path, tiny_job: Path, tmp_path: Path
) -> None:
    sites = tmp_path / "sites"
    shutil.copytree(two_sites, sites)
    entry = json.loads((sites / "b" / "datalist.json").read_text())["training"][0]
    (sites / "b" / entry["LCC"]).write_bytes(b"no image")
    simulation = scripts["simulation"]
    initial = simulation.write_initial_weights(tmp_path / "initial.pt", job=tiny_job, seed=0)
    with pytest.raises(DibmgError, match=r"workspace\.log: FLARE did not finish all rounds"):
        simulation.federate(sites, tmp_path / "workspace", names=["a", "b"], initial=initial, job=tiny_job)
    errors = (tmp_path / "workspace" / "b" / "log_error.txt").read_text()
    assert re.search(r"LCC\.dcm: is neither a DICOM nor a PNG file", errors)
