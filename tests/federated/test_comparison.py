"""Figures side by side, and whether the federated network reached the pooled one."""

import csv
import json
import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from dibmg_monai.errors import DibmgError
from dibmg_monai.evaluation.headline import Headline
from dibmg_monai.exams.datalist import write_datalist
from tests.federated.conftest import APPLICATION

Scripts = dict[str, ModuleType]
EXAMS = [(site, number, int(number >= 10)) for site in ("a", "b") for number in range(20)]


@pytest.fixture
def program(scripts: Scripts) -> ModuleType:
    spec = spec_from_file_location("federated_program", APPLICATION / "__main__.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def figures(scripts: Scripts, folder: Path, *, good_at: str) -> Headline:
    """Those of a network that ranks the exams of these sites right, and all others the wrong way round."""
    entries = [
        {"exam_id": f"{site}{number}", "label": label, "RCC": "absent.dcm", "institution": site}
        for site, number, label in EXAMS
    ]
    view = {"score": 0.5, "peak_row": 0.0, "peak_column": 0.0, "peak_value": 0.0, "file": "absent.dcm", "map": None}
    results = [
        {
            "exam_id": f"{site}{number}",
            "score": 0.9 if label == (site in good_at) else 0.1,
            "breasts": {"R": None, "L": None},
            "views": {"RCC": view},
            "missing_views": [],
            "warnings": [],
            "model": {"name": "made up"},
        }
        for site, number, label in EXAMS
    ]
    folder.mkdir()
    write_datalist({"training": [], "validation": [], "testing": entries}, path=folder / "datalist.json")
    (folder / "results.json").write_text(json.dumps(results))
    return scripts["comparison"].read_figures(folder / "results.json", datalist=folder / "datalist.json")


def test_a_row_for_each_training_with_each_site(scripts: Scripts, tmp_path: Path) -> None:
    found = {good or "none": figures(scripts, tmp_path / f"good-at-{good}", good_at=good) for good in ("ab", "a", "")}
    table = scripts["comparison"].comparison_table(found)
    heads, *rows, note = scripts["comparison"].text_lines(table)
    assert note == "Of peaks placed at random on the image, nan are in the lesion."
    assert re.split(" {2,}", heads) == ["training", "all exams", "a", "b", "mean within sites", "peak in the lesion"]
    assert [line.split()[:5] for line in rows] == [
        ["ab", "1.000", "1.000", "1.000", "1.000"],
        ["a", "0.500", "1.000", "0.000", "0.500"],
        ["none", "0.000", "0.000", "0.000", "0.000"],
    ]
    table.write_csv(tmp_path / "comparison.csv")
    with (tmp_path / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["training"] for row in rows] == ["ab", "a", "none"]
    assert [row["b cases"] for row in rows] == ["20"] * 3


@pytest.mark.parametrize(("federated", "code", "said"), [("ab", 0, "within"), ("a", 1, "NOT within")])
def test_the_exit_code_says_whether_the_pooled_one_was_reached(
    scripts: Scripts, program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], federated: str, code: int, said: str,
) -> None:  # fmt: skip
    found = {
        "federated": figures(scripts, tmp_path / "federated", good_at=federated),
        "pooled": figures(scripts, tmp_path / "pooled", good_at="ab"),
    }
    monkeypatch.setattr(program, "simulate", lambda folder, seed: found)
    assert program.main(["--output", str(tmp_path), "--seeds", "3", "--margin", "0.05"]) == code
    auc = found["federated"].exam_auc.value
    assert f"federated {said} 0.05 of pooled: {auc:.3f} and 1.000\n" in capsys.readouterr().out


def test_what_stands_in_the_way_is_one_line(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(folder: Path, *, seed: int) -> None:
        raise DibmgError("train.log: this run failed; the log says why")

    monkeypatch.setattr(program, "simulate", fail)
    assert program.main(["--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "error: train.log: this run failed; the log says why\n"


def test_a_training_that_fails_names_its_log(scripts: Scripts, tmp_path: Path) -> None:
    with pytest.raises(DibmgError, match=r"out\.log: this run failed; the log says why"):
        scripts["simulation"].train(tmp_path, tmp_path / "out", initial=tmp_path / "absent.pt")
    assert "absent.pt: no such file" in (tmp_path / "out.log").read_text()
