"""Scores without some views, from the scores of the views, are those of inference without them."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dibmg_monai.evaluation.absent_views import LEFT_OUT, absent_views_table, score_without
from dibmg_monai.evaluation.cases import Case
from dibmg_monai.evaluation.comparison import compare_paired
from dibmg_monai.evaluation.statistics import auc
from dibmg_monai.exams.datalist import exam_from_entry, read_part
from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ModelInfo, Predictor
from dibmg_monai.network import DIBMG
from dibmg_monai.outputs.scores import ResultsWriter, read_results
from dibmg_monai.phantom import write_phantoms
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.views import VIEWS


def case(exam_id: str, *, label: int, logits: dict[str, float], **entry: Any) -> Case:
    """A case by the log-odds of its views, scores rounded to single precision as in results."""

    def score(*values: float) -> float:
        return torch.tensor(values).mean().sigmoid().item()

    views = {view: {"score": score(value)} for view, value in logits.items()}
    result = {"exam_id": exam_id, "score": score(*logits.values()), "views": views}
    return Case(result, {"exam_id": exam_id, "label": label, **entry})


def rows_of(cases: list[Case], **options: Any) -> dict[str, dict[str, Any]]:
    table = absent_views_table(cases, **options)
    return {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}


@pytest.fixture
def cases() -> list[Case]:
    """One-sided cancers that show in their breast alone."""
    rng = np.random.default_rng(0)
    found = []
    for index in range(80):
        label, side = index % 2, "RL"[index // 2 % 2]
        logits = {view: rng.normal() + 3 * (label and view[0] == side) for view in VIEWS}
        found.append(case(f"{index}", label=label, logits=logits, **({"cancer_side": side} if label else {})))
    return found


def test_scores_are_those_of_inference_without_the_views(tmp_path: Path) -> None:
    datalist = write_phantoms(tmp_path, exams=2, rows=64)
    torch.manual_seed(0)
    network = DIBMG(init_widths=(4, 8), residual_widths=(8, 8, 8, 8))
    torch.nn.init.normal_(network.aggregate_block.weight, std=1.0)
    predict = Predictor(network, preprocessing=Preprocessing(image_size=64), model=ModelInfo("test", "0", "0"))
    (entry, *_) = read_part(datalist, dataset_dir=tmp_path, part="training")
    exam = exam_from_entry(entry, dataset_dir=tmp_path)
    writer = ResultsWriter(tmp_path / "out")
    writer.add(predict(exam), maps={})
    (result,) = read_results(tmp_path / "out" / "results.json")
    assert len({found["score"] for found in result["views"].values()}) == 4
    for count in (1, 2, 3):
        for left_out in itertools.combinations(VIEWS, count):
            rest = {view: file for view, file in exam.files.items() if view not in left_out}
            expected = predict(Exam("rest", exam.root, rest)).score
            assert score_without(Case(result, entry), left_out) == pytest.approx(expected, abs=1e-6)


def test_nothing_to_leave_out_or_nothing_left() -> None:
    exam = case("a", label=1, logits={"RCC": 1.0, "RMLO": 2.0})
    assert score_without(exam, ["LCC"]) is None
    assert score_without(exam, ["RCC", "RMLO", "LCC"]) is None
    assert score_without(exam, ["RMLO", "LCC"]) == pytest.approx(1 / (1 + math.exp(-1)))


def test_what_is_left_out() -> None:
    assert {name: tuple(views) for name, views in LEFT_OUT.items()} == {
        **{view: (view,) for view in VIEWS},
        "R breast": ("RCC", "RMLO"),
        "L breast": ("LCC", "LMLO"),
        "CC views": ("RCC", "LCC"),
        "MLO views": ("RMLO", "LMLO"),
    }


def test_auc_with_and_without(cases: list[Case]) -> None:
    labels, scores = [item.label for item in cases], [item.score for item in cases]
    without = [score_without(item, ["LCC"]) for item in cases]
    found = rows_of(cases)["LCC"]
    expected = compare_paired(scores, without, labels=labels)
    assert (found["exams"], found["AUC with it"], found["AUC without"]) == (80, auc(scores, labels), expected.second)
    assert (found["change"], found["p"]) == (expected.difference, expected.p)
    assert found["mean absolute change of score"] == pytest.approx(np.abs(np.subtract(scores, without)).mean())


def test_only_exams_that_have_it_and_more_count(cases: list[Case]) -> None:
    cases[0] = case("left", label=0, logits={"LCC": 1.0, "LMLO": 1.0})
    found = rows_of(cases)
    assert (found["RCC"]["exams"], found["LCC"]["exams"]) == (79, 80)
    assert (found["R breast"]["exams"], found["L breast"]["exams"], found["CC views"]["exams"]) == (79, 79, 80)


def test_without_the_cancers_breast_nothing_is_found(cases: list[Case]) -> None:
    cases.append(case("both", label=1, logits=dict.fromkeys(VIEWS, 3.0), cancer_side="RL"))
    cases.append(case("unknown", label=1, logits=dict.fromkeys(VIEWS, 3.0)))
    found = rows_of(cases)
    cancer, other = found["cancer's breast"], found["other breast"]
    assert cancer["exams"] == other["exams"] == 80
    assert cancer["AUC without"].low < 0.5 < cancer["AUC without"].high
    assert other["AUC without"].value > cancer["AUC with it"].value > 0.9
    assert rows_of(cases, seed=1)["cancer's breast"]["AUC without"] != cancer["AUC without"]
    assert rows_of(cases) == found


def test_scores_of_0_and_1_stay_finite_and_are_counted() -> None:
    sure = case("sure", label=1, logits={"RCC": 30.0, "RMLO": 30.0, "LCC": -200.0, "LMLO": 0.0})
    assert [found["score"] for found in sure.result["views"].values()] == [1, 1, 0, 0.5]
    assert score_without(sure, ["LCC", "LMLO"]) == pytest.approx(1 - 2**-25, abs=1e-12)
    assert score_without(sure, ["RCC", "RMLO", "LMLO"]) == pytest.approx(np.finfo(np.float32).tiny)
    table = absent_views_table([sure, case("other", label=0, logits=dict.fromkeys(VIEWS, -1.0))])
    assert table.notes[-1] == "2 view scores are 1 to the last digit; they count as 0.999999970."


def test_without_exams_of_both_labels_there_is_no_auc() -> None:
    found = rows_of([case("a", label=1, logits=dict.fromkeys(VIEWS, 1.0), cancer_side="R")])
    assert math.isnan(found["RCC"]["AUC without"].value)
    assert found["RCC"]["p"] is None
    lonely = rows_of([case("a", label=1, logits={"RCC": 1.0})])
    assert lonely["RCC"]["exams"] == 0
    assert math.isnan(lonely["RCC"]["mean absolute change of score"])
