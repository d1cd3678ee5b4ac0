"""The Python in the documents runs as it stands there, from top to bottom of a page."""

import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from dibmg_monai.exams.datalist import exam_from_entry
from dibmg_monai.inference import ExamResult
from dibmg_monai.phantom import write_phantoms
from dibmg_monai.pooling import scores
from dibmg_monai.views import VIEWS
from dibmg_monai.weights import load_predictor

PROJECT = Path(__file__).parents[1]


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working directory with all that the pages name: the bundle, a study, exams in D."""
    monkeypatch.chdir(tmp_path)
    Path("bundle").symlink_to(PROJECT / "bundle")
    write_phantoms(tmp_path / "phantoms", exams=2, rows=128)
    studies = sorted((tmp_path / "phantoms" / "dicom").iterdir())
    Path("study").symlink_to(studies[0])
    (tmp_path / "D" / "a").mkdir(parents=True)
    for path in studies[1].iterdir():
        (tmp_path / "D" / "a" / path.name.lower()).symlink_to(path)
    yield tmp_path


def run_blocks(name: str) -> dict[str, Any]:
    """All Python of a page, in one namespace."""
    text = (PROJECT / name).read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks, f"{name} has no Python"
    namespace: dict[str, Any] = {}
    exec(compile("".join(blocks), name, "exec"), namespace)
    return namespace


def test_readme(page: Path, capsys: pytest.CaptureFixture) -> None:
    (result,) = run_blocks("README.md")["results"]
    assert isinstance(result, ExamResult)
    assert f"{result.exam.exam_id} {result.score}" in capsys.readouterr().out


def test_fine_tuning(page: Path) -> None:
    names = run_blocks("docs/fine_tuning.md")
    assert 0 < names["score"] < 1
    entry = {"exam_id": "a"} | {view: f"a/{view.lower()}.dcm" for view in VIEWS}
    accelerated = load_predictor("bundle")(exam_from_entry(entry, dataset_dir="D")).score
    assert names["score"] == pytest.approx(accelerated, abs=1e-5)  # the page's pipeline computes the network by PyTorch
    unreadable = names["pipeline"]({"exam_id": "a", "RCC": "a/none.dcm"})
    assert unreadable["score"].isnan().all()
    assert "none.dcm: " in str(names["refusal"](unreadable))


@pytest.mark.skipif(find_spec("onnxscript") is None, reason="needs the extra onnx")
def test_exports(page: Path) -> None:
    pytest.importorskip("monai.deploy.core", reason="needs the extra deploy")
    predictor = load_predictor("bundle")
    torch.onnx.export(
        predictor.network,
        (torch.zeros(1, 4, 304, 304),),
        "model.onnx",
        input_names=["image"],
        output_names=["maps"],
        verbose=False,
    )
    names = run_blocks("docs/exports.md")
    with torch.inference_mode():
        expected = scores(predictor.network(torch.full((1, 4, 304, 304), -1.0)), torch.ones(1, 4, dtype=torch.bool))
    for found in (names["exam_score"], torch.from_numpy(names["same_score"])):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)
    assert names["where"].shape == (1, 4, 19, 19)
