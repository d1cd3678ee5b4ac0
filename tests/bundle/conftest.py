"""A small bundle: the bundle's own configs, with a narrow network and its weights, and phantoms to run them on."""

import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import yaml
from monai.bundle import ConfigWorkflow

from dibmg_monai.errors import known_error
from dibmg_monai.exams.datalist import write_datalist
from dibmg_monai.network import DIBMG
from dibmg_monai.phantom import write_phantoms

BUNDLE = Path(__file__).parents[2] / "bundle"
NARROW = {"init_widths": [4, 4], "residual_widths": [4, 4, 8, 8], "pools": [2, 2, 2, 1, 1, 1]}
SMALL = {"image_size": 64, "num_workers": 0, "device": "$torch.device('cpu')"}
Configure = Callable[..., ConfigWorkflow]
LastWords = Callable[[Callable[[], object]], str]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same sums in all runs; and the configs' hook for errors does not outlive a test."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def exams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set: 10 exams for training, 5 for validation, 5 for testing; and ``broken.png``, which is no image."""
    folder = tmp_path_factory.mktemp("exams")
    parts = json.loads(write_phantoms(folder, exams=20, rows=96).read_text())
    by_label = sorted((entry for entries in parts.values() for entry in entries), key=lambda entry: entry["label"])
    mixed = [entry for pair in zip(by_label[:10], by_label[10:], strict=True) for entry in pair]
    parts = {"training": mixed[:10], "validation": mixed[10:15], "testing": mixed[15:]}
    write_datalist(parts, path=folder / "datalist.json")
    (folder / "broken.png").write_bytes(b"no image")
    return folder


@pytest.fixture
def broken(exams: Path, tmp_path: Path) -> Path:
    """The datalist of ``exams``, but the second exam of each part has a file that is no image."""
    parts = json.loads((exams / "datalist.json").read_text())
    for entries in parts.values():
        entries[1]["LCC"] = "broken.png"
    write_datalist(parts, path=tmp_path / "broken.json")
    return tmp_path / "broken.json"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small bundle's folder."""
    root = tmp_path_factory.mktemp("small") / "bundle"
    shutil.copytree(BUNDLE, root, ignore=shutil.ignore_patterns("models"))
    for path in (root / "configs").glob("*.yaml"):
        config = yaml.safe_load(path.read_text())
        config |= {key: value for key, value in SMALL.items() if key in config}
        if config.get("network_def", {}).get("_target_", "").endswith("DIBMG"):
            config["network_def"] |= NARROW
        path.write_text(yaml.safe_dump(config, sort_keys=False))
    torch.manual_seed(0)
    network = DIBMG(**NARROW)
    torch.nn.init.normal_(network.aggregate_block.weight)  # scores apart from 0.5
    (root / "models").mkdir()
    torch.save(network.state_dict(), root / "models" / "model.pt")
    return root


@contextmanager
def unwrapped() -> Iterator[None]:
    """Raises the error that a user is told, without what MONAI wraps around it."""
    try:
        yield
    except Exception as error:
        raise known_error(error) or error from None


@pytest.fixture
def last_words(capfd: pytest.CaptureFixture) -> LastWords:
    """``last_words(run)``: all that a program says that ends in an error of ``run``."""

    def listen(run: Callable[[], object]) -> str:
        monai, heard = logging.getLogger("monai.handlers.StatsHandler"), logging.StreamHandler(sys.stderr)
        monai.addHandler(heard)  # its own keeps to the stream of its first use
        try:
            run()
        except Exception:
            sys.excepthook(*sys.exc_info())
        finally:
            monai.removeHandler(heard)
        return "".join(capfd.readouterr())

    return listen


@pytest.fixture
def configure(bundle: Path, exams: Path, tmp_path: Path) -> Configure:
    """``configure("train", "film", epochs=2)``: the workflow of these configs, initialized, with overrides by name.

    It writes to ``tmp_path / "out"``.
    """

    def make(*names: str, workflow_type: str | None = None, **overrides: object) -> ConfigWorkflow:
        workflow = ConfigWorkflow(
            [str(bundle / "configs" / f"{name}.yaml") for name in names],
            logging_file=False,
            workflow_type=workflow_type or ("infer" if names[-1] in ("inference", "evaluate") else "train"),
            **{
                "bundle_root": str(bundle),
                "dataset_dir": str(exams),
                "output_dir": str(tmp_path / "out"),
                **overrides,
            },
        )
        workflow.initialize()
        return workflow

    return make
