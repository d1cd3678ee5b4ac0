"""The shipped bundle as the MONAI model zoo checks a bundle: its files, commands and workflows, alone in a folder."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow

from dibmg_monai.errors import DibmgError
from dibmg_monai.exams.datalist import read_part
from dibmg_monai.outputs.scores import read_results

from .command_line import monai_bundle
from .conftest import BUNDLE, unwrapped
from .test_metadata import SCHEMA

LARGEST = 25 * 2**20  # bytes: the zoo takes no larger file
WEIGHTS = {"image_size": 64, "num_workers": 0, "device": "$torch.device('cpu')"}
TRAINING = {**WEIGHTS, "epochs": 2, "batch_size": 5, "init_path": str(BUNDLE / "models" / "model.pt")}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of nothing but the bundle's folder, and MONAI's schema where its command looks before it downloads."""
    root = tmp_path_factory.mktemp("zoo") / "models" / "dib_mg"
    shutil.copytree(BUNDLE, root)
    (root / "eval").mkdir()
    (root / "eval" / "schema.json").write_text(json.dumps(SCHEMA))
    return root


@pytest.fixture
def there(alone: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The copy, as the working directory; it has nothing of the checkout."""
    monkeypatch.chdir(alone)
    yield alone


def test_files_are_those_that_the_zoo_takes(alone: Path) -> None:
    files = {str(path.relative_to(alone)): path.stat().st_size for path in alone.rglob("*") if path.is_file()}
    assert files.keys() >= {"LICENSE", "configs/metadata.json", "configs/inference.yaml", "models/model.pt"}
    assert files.keys() >= {"configs/train.yaml", "configs/evaluate.yaml", "configs/logging.conf", "docs/README.md"}
    assert max(files.values()) < LARGEST
    assert not [name for name in files if name.startswith(("scripts/", "large_files"))]


def test_keys_are_those_that_the_zoo_expects(alone: Path) -> None:
    """So that other programs find them: the zoo's page for contributors."""
    train, inference = (
        ConfigParser(ConfigParser.load_config_file(alone / f"configs/{n}.yaml")) for n in ("train", "inference")
    )
    for key in ("bundle_root", "device", "network_def", "inferer", "output_dir"):
        assert key in inference
    for part, engine in (("train", "trainer"), ("validate", "evaluator")):
        for key in (
            engine,
            "dataset",
            "dataset#data",
            "handlers",
            "preprocessing",
            "postprocessing",
            "inferer",
            "key_metric",
        ):
            assert f"{part}#{key}" in train
    assert "train#trainer#max_epochs" in train
    (handler,) = (item for item in train["train#handlers"] if item["_target_"] == "ValidationHandler")
    assert handler["interval"] == "@val_interval"


@pytest.mark.parametrize(
    ("kind", "names", "settings"),
    [
        ("train", ["train", "film"], TRAINING),
        ("train", ["train", "film", "evaluate"], WEIGHTS),
        ("infer", ["evaluate"], WEIGHTS),
        ("infer", ["inference"], WEIGHTS),
    ],
    ids=["train", "train+evaluate", "evaluate", "inference"],
)
def test_workflows(
    alone: Path, exams: Path, tmp_path: Path, kind: str, names: list[str], settings: dict[str, object]
) -> None:
    """Initialized, checked, run and finalized, by the files that MONAI takes if it is told of no others."""
    configs = alone / "configs"
    workflow = ConfigWorkflow(
        [str(configs / f"{name}.yaml") for name in names],
        workflow_type=kind,
        meta_file=str(configs / "metadata.json"),
        logging_file=False,
        bundle_root=str(alone),
        dataset_dir=str(exams),
        output_dir=str(tmp_path / "out"),
        **settings,
    )
    workflow.initialize()
    assert workflow.check_properties() == []
    workflow.run()
    workflow.finalize()
    if names[-1] == "film":
        assert workflow.trainer.state.epoch == 2
        assert torch.load(tmp_path / "out" / "model.pt", weights_only=True).keys()
    else:
        assert len(read_results(tmp_path / "out" / "results.json")) == 5


def test_two_processes_by_one_merged_config(alone: Path, exams: Path, tmp_path: Path) -> None:
    """As the zoo tests several processes: configs and overrides written into one file, and torchrun on that."""
    parser = ConfigParser()
    parser.read_config([str(alone / "configs" / f"{name}.yaml") for name in ("train", "film", "multi_gpu_train")])
    parser.update({**TRAINING, "epochs": 1, "dataset_dir": str(exams), "output_dir": str(tmp_path / "out")})
    merged = tmp_path / "train_override.json"
    parser.export_config_file(parser.config, str(merged), indent=4)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nnodes=1", "--nproc_per_node=2"]
    configs = {"meta_file": "metadata.json", "logging_file": "logging.conf"}
    files = [word for name, file in configs.items() for word in (f"--{name}", str(alone / "configs" / file))]
    done = subprocess.run(
        [sys.executable, *launch, "-m", "monai.bundle", "run", "--config_file", str(merged), *files],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)["epoch"] == 1


# What keeps the documented commands short: small images, few epochs.
SHORT = ["--image_size", "64", "--num_workers", "0"]
SHORTER = {"train": ["--epochs", "1", "--batch_size", "5"], "evaluate": [], "inference": []}


def documented_commands() -> list[list[str]]:
    """The commands on the bundle's page, in its order."""
    page = (BUNDLE / "docs" / "README.md").read_text()
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    lines = "".join(text for language, text in blocks if not language).replace("\\\n", " ").splitlines()
    return [shlex.split(line) for line in lines if line.startswith(("python", "torchrun"))]


def test_every_documented_command_runs(there: Path, exams: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript", reason="needs the extra onnx")
    out = str(tmp_path / "out")
    ran = []
    for words in documented_commands():
        program, arguments = words[:3], [word.replace("O/", f"{out}/") for word in words[3:]]
        arguments = [
            {"D": str(exams), "O": out, "D/datalist.json": str(exams / "datalist.json")}.get(w, w) for w in arguments
        ]
        if program != ["python", "-m", "monai.bundle"] or "_trt" in " ".join(arguments):
            continue  # torchrun has tests of its own, as have the reports; TensorRT needs a GPU
        if arguments[0] == "run":
            names = re.findall(r"configs/(\w+)\.yaml", " ".join(arguments))
            arguments += [*SHORT, *(SHORTER["train"] if "evaluate" not in names and "train" in names else [])]
        monai_bundle(*arguments)
        ran.append(arguments[0])
    assert set(ran) == {"run", "verify_metadata", "verify_net_in_out", "ckpt_export", "onnx_export"}
    assert ran.count("run") >= 6
    assert {path.name for path in (there / "models").iterdir()} == {"model.pt", "model.ts", "model.onnx"}
    assert len(read_results(tmp_path / "out" / "test" / "results.json")) == 5
    for name in ("model.ts", "model.onnx"):
        monai_bundle(*arguments_for("inference", exams, tmp_path / name), "--model_path", f"models/{name}", *SHORT)
        assert len(read_results(tmp_path / name / "results.json")) == 5


def arguments_for(name: str, exams: Path, out: Path, *, bundle: Path = Path()) -> list[str]:
    where = ["--bundle_root", str(bundle), "--dataset_dir", str(exams), "--output_dir", str(out)]
    return ["run", "--config_file", str(bundle / "configs" / f"{name}.yaml"), *where]


def test_run_workflow_does_as_run(there: Path, exams: Path, tmp_path: Path) -> None:
    arguments = arguments_for("inference", exams, tmp_path / "run")
    monai_bundle(*arguments, *SHORT)
    monai_bundle(
        "run_workflow", "--workflow_type", "infer", *arguments_for("inference", exams, tmp_path / "other")[1:], *SHORT
    )
    run, other = ((tmp_path / name / "scores.csv").read_text() for name in ("run", "other"))
    assert run == other


def test_it_needs_nothing_but_the_package(alone: Path, exams: Path, tmp_path: Path) -> None:
    """In a process of its own, from a folder that has neither checkout nor bundle; and a wrong name is told there."""
    (tmp_path / "elsewhere").mkdir()
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    for more, code in ((SHORT, 0), (["--images_size", "64"], 1)):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "monai.bundle",
                *arguments_for("inference", exams, tmp_path / "out", bundle=alone),
                *more,
            ],
            cwd=tmp_path / "elsewhere",
            env={**environment, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    wrong = "error: --images_size: the configs have no 'images_size' at this place; there are image_size"
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == [wrong]
    scored = {item["exam_id"] for item in read_results(tmp_path / "out" / "results.json")}
    assert scored == {
        entry["exam_id"] for entry in read_part(exams / "datalist.json", dataset_dir=exams, part="testing")
    }


@pytest.mark.parametrize("name", ["inference", "evaluate", "train"])
def test_a_wrong_name_on_the_command_line(there: Path, exams: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(DibmgError, match=r"--bach_size: .* there are batch_size"), unwrapped():
        monai_bundle(*arguments_for(name, exams, tmp_path), "--bach_size", "2")


@pytest.mark.skipif("MODEL_ZOO" not in os.environ, reason="MODEL_ZOO names no checkout of Project-MONAI/model-zoo")
def test_the_zoos_own_script(alone: Path) -> None:
    """Unchanged; the schema is there already, all else needs no network."""
    models = alone.parent
    shutil.copy(Path(os.environ["MODEL_ZOO"]) / "models" / "model_info.json", models)
    script = [str(Path(os.environ["MODEL_ZOO"]) / "ci" / "verify_bundle.py"), "--b", alone.name, "--p", str(models)]
    done = subprocess.run([sys.executable, *script], cwd=models.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert find_spec("dibmg_monai")
