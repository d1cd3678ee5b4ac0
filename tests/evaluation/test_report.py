"""The report counts what it says it counts."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import roc_auc_score

from dibmg_monai.__main__ import main
from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.report import report
from dibmg_monai.exams.json_file import write_json

MODEL = {"name": "test", "version": "0", "sha256": "0"}


def result(exam_id: str, score: float, *, right: float = 0.5, left: float | None = 0.5, peak: tuple = (0, 0)) -> dict:
    view = {"score": right, "peak_row": peak[0], "peak_column": peak[1], "peak_value": 1.0, "file": "x", "map": None}
    breasts = {"R": right, "L": left}
    shared = {"missing_views": [], "warnings": [], "model": MODEL}
    return {"exam_id": exam_id, "score": score, "breasts": breasts, "views": {"RCC": view}, **shared}


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    mask = np.zeros((20, 10), np.uint8)
    mask[5:10, 2:4] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return tmp_path


def test_auc_is_taken_over_all_and_within_groups() -> None:
    rng = np.random.default_rng(0)
    labels, sites = rng.integers(0, 2, 90), np.repeat(["A", "B", "C"], [40, 40, 10])
    scores = rng.random(90) + 0.5 * (sites == "A")
    results = [result(f"{index}", score) for index, score in enumerate(scores)]
    entries = [
        {"exam_id": f"{index}", "label": int(label), "institution": site}
        for index, (label, site) in enumerate(zip(labels, sites, strict=True))
    ]
    found = report(results, entries, dataset_dir=Path(), within=["institution"])
    assert found.exam_auc.value == pytest.approx(roc_auc_score(labels, scores))
    assert set(found.auc_within) == {"A", "B"}  # C has too few
    expected = [roc_auc_score(labels[sites == site], scores[sites == site]) for site in "AB"]
    assert [estimate.value for estimate in found.auc_within.values()] == pytest.approx(expected)
    assert found.mean_auc_within.value == pytest.approx(np.mean(expected))


def test_sides_and_peaks(masks: Path) -> None:
    lesion = {"malignant_masks": {"RCC": "mask.png"}}
    cases = [
        (result("hit", 0.9, right=0.8, left=0.2, peak=(9.4, 2.5)), {"cancer_side": "R", **lesion}),
        (result("miss", 0.8, right=0.8, left=0.2, peak=(10.0, 2.0)), {"cancer_side": "L", **lesion}),
        (result("tie", 0.8, right=0.5, left=0.5), {"cancer_side": "L"}),
        (result("both", 0.8, right=0.8, left=0.2), {"cancer_side": "RL"}),
        (result("absent", 0.8, left=None), {"cancer_side": "R"}),
    ]
    entries = [{"exam_id": item["exam_id"], "label": 1, **known} for item, known in cases]
    found = report([item for item, _ in cases], entries, dataset_dir=masks)
    assert (found.cancer_side_higher.value, found.cancer_side_higher.cases) == (pytest.approx(1 / 3), 3)
    assert (found.peak_in_mask.value, found.peak_in_mask.cases) == (0.5, 2)
    assert found.peak_chance == pytest.approx(10 / 200)


def test_a_mask_of_another_image_is_refused(masks: Path) -> None:
    entries = [{"exam_id": "a", "label": 1, "malignant_masks": {"RCC": "mask.png"}}]
    with pytest.raises(DatalistError, match=r"mask\.png: has 20 x 10 pixels, but the peak of RCC in a is at row 40"):
        report([result("a", 0.5, peak=(40, 3))], entries, dataset_dir=masks)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    entries = [{"exam_id": f"{index}", "label": index % 2, "RCC": "x"} for index in range(6)]
    write_json({"testing": entries}, path=tmp_path / "datalist.json")
    write_json([result(f"{index}", 0.1 * index) for index in range(6)], path=tmp_path / "results.json")
    options = ["--results", f"{tmp_path}/results.json", "--datalist", f"{tmp_path}/datalist.json"]
    assert main(["report", *options, "--output", f"{tmp_path}/out"]) == 0
    assert "exam AUC                      0.667" in capsys.readouterr().out
    assert (tmp_path / "out" / "tables.json").is_file()
    write_json([result("other", 0.5)], path=tmp_path / "results.json")
    assert main(["report", *options, "--output", f"{tmp_path}/out"]) == 2
    assert "error: no exam of the results has a label in the datalist" in capsys.readouterr().err
