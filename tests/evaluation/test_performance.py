"""The tables of the paper: with its own counts, and with cases at random against scikit-learn."""

import warnings
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.paper import PERFORMANCE
from dibmg_monai.evaluation.performance import Performance
from dibmg_monai.evaluation.reproduction import ODD_P, agrees
from dibmg_monai.evaluation.tables import Table
from tests.evaluation.cohorts import cancers_with_one_feature, case, cohort_of_the_paper, random_cases

COUNTS = {
    "sensitivity": ("detected", "cancers"),
    "specificity": ("cleared", "non-cancers"),
    "accuracy": ("correct", "exams"),
}


def tables(cases: list[Case], *columns: str, **options: Any) -> dict[str, Table]:
    made = Performance(cases, resamples=20, **options).tables(columns)
    return {table.name: table for table in made}


def rows(table: Table) -> dict[tuple[Any, Any], dict[str, Any]]:
    named = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return {(row["group"], row["level"]): row for row in named}


@pytest.mark.parametrize("dataset", ["validation", "test"])
def test_cohorts_with_the_papers_counts_have_its_figures_and_p_values(dataset: str) -> None:
    made = {int(name[5]): rows(table) for name, table in tables(cohort_of_the_paper(dataset)).items()}
    checked = 0
    for part in PERFORMANCE:
        if part.dataset != dataset or part.variable == "feature":
            continue
        for measure, shares in part.shares.items():
            for level, share in shares.items():
                row = made[part.table][part.variable, None if part.variable == "all" else level]
                assert tuple(row[name] for name in COUNTS[measure]) == (share.hits, share.cases)
                assert 100 * row[measure].value == pytest.approx(float(share.percent), abs=0.1)
            if measure in part.p and (part.table, dataset, part.variable, measure) not in ODD_P:
                of_group = (row for row in made[part.table].values() if row["group"] == part.variable)
                (p,) = {row[f"{measure} p"] for row in of_group} - {None}
                assert agrees(p, part.p[measure])
                checked += 1
    assert checked == {"validation": 11, "test": 8}[dataset]


@pytest.mark.parametrize(("dataset", "printed"), [("validation", "0.0385"), ("test", "0.0076")])
def test_features_of_cancers_that_show_one_have_the_papers_p(dataset: str, printed: str) -> None:
    found = rows(tables(cancers_with_one_feature(dataset))["table5_cancers"])
    assert agrees(found["feature", "mass"]["sensitivity p"], printed)
    assert agrees(found["feature", "mass"]["mass against calcification p"], printed)


def test_figures_are_those_of_scikit_learn() -> None:
    cases = [case(item.exam_id, item.label, item.score, age_years=40 + index % 20, density="ABCD"[index % 4])
             for index, item in enumerate(random_cases(200))]  # fmt: skip
    younger = [item for item in cases if item.entry["age_years"] < 50]
    made = rows(tables(cases, threshold=0.6)["table3_age_manufacturer"])
    for row, members in ((made["all", None], cases), (made["age", "< 50"], younger)):
        labels, scores = labels_of(members), scores_of(members)
        assert row["sensitivity"].value == pytest.approx(recall_score(labels, scores >= 0.6))
        assert row["specificity"].value == pytest.approx(recall_score(labels, scores >= 0.6, pos_label=0))
        assert row["accuracy"].value == pytest.approx(accuracy_score(labels, scores >= 0.6))
        assert row["AUC"].value == pytest.approx(roc_auc_score(labels, scores))
        assert row["AUC bootstrap"].value == pytest.approx(row["AUC"].value)
    assert made["age", "< 50"]["AUC p"] is not None and made["age", ">= 50"]["AUC p"] is None


def test_a_score_at_the_threshold_is_called_cancer() -> None:
    found = rows(tables([case("a", 1, 0.5), case("b", 0, 0.5)])["table4_density"])["all", None]
    assert (found["detected"], found["cleared"]) == (1, 0)


def test_intervals_are_as_asked() -> None:
    cases = random_cases(60)
    for interval, method in (("wilson", "wilson"), ("clopper-pearson", "exact")):
        made = tables(cases, interval=interval)["table5_cancers"]
        row = rows(made)["all", None]
        expected = binomtest(row["detected"], row["cancers"]).proportion_ci(method=method)
        assert (row["sensitivity"].low, row["sensitivity"].high) == pytest.approx((expected.low, expected.high))
        assert {"wilson": "Wilson", "clopper-pearson": "Clopper-Pearson"}[interval] in made.notes[0]


def test_exams_that_nothing_is_known_of_are_shown_and_not_tested() -> None:
    known = [case(item.exam_id, item.label, item.score, density="AB"[index % 2])
             for index, item in enumerate(random_cases(80))]  # fmt: skip
    alone = tables(known)["table4_density"]
    together = tables([*known, *(case(f"x{index}", 1, 0.9) for index in range(7))])["table4_density"]
    assert rows(together)["density", "unknown"]["cancers"] == 7
    assert rows(together)["density", "A"] == rows(alone)["density", "A"]
    assert "density: not known of 7 exams; they count in no p." in together.notes


def test_columns_of_the_users_own() -> None:
    cases = [case(item.exam_id, item.label, item.score, thickness_mm=index, site="ab"[index % 2])
             for index, item in enumerate(random_cases(80))]  # fmt: skip
    found = rows(tables(cases, "site", "thickness_mm", "site")["further_columns"])
    assert [level for group, level in found if group == "site"] == ["a", "b"]
    assert [found["thickness_mm", level]["exams"] for group, level in found if group == "thickness_mm"] == [20] * 4
    with pytest.raises(DatalistError, match="no exam has the column 'sight'"):
        tables(cases, "sight")


def test_a_cancer_with_two_features_counts_at_both() -> None:
    rng = np.random.default_rng(0)
    shown = (["mass"], ["calcification"], ["mass", "calcification"], ["distortion"])
    cases = [case(f"{index}", 1, float(rng.random()), features=shown[index % 4]) for index in range(80)]
    found = rows(tables(cases)["table5_cancers"])
    assert [found["feature", name]["cancers"] for name in ("mass", "calcification", "distortion")] == [40, 40, 20]
    row = found["feature", "mass"]
    assert row["sensitivity p"] != row["mass against calcification p"]


def test_where_there_is_no_p_a_note_says_so_and_nothing_else_does(capfd: pytest.CaptureFixture) -> None:
    cases = [case(f"m{index}", 1, 0.9, features=["mass"], invasive=True) for index in range(9)]
    cases += [case(f"c{index}", 1, 0.9 * (index % 2), features=["calcification"], invasive=True) for index in range(9)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = tables(cases)
    table = made["table5_cancers"]
    assert rows(table)["feature", "mass"]["sensitivity p"] is None
    assert any(note.startswith("feature, sensitivity: no p") for note in table.notes)
    assert "type: one level, nothing to compare." in table.notes
    assert "size (invasive): the datalist does not say." in table.notes
    assert "density: the datalist does not say." in made["table4_density"].notes
    assert np.isnan(rows(made["table4_density"])["all", None]["AUC"].value)
    assert capfd.readouterr() == ("", "")


def test_few_cases_make_p_a_rough_guide() -> None:
    cases = [case(f"{index}", 1, 0.9 * (index % 3 > 0), density="AB"[index % 2]) for index in range(12)]
    notes = tables(cases)["table4_density"].notes
    assert "density, sensitivity: fewer than 5 cases are expected in a cell; p is a rough guide." in notes
    assert "density, AUC: no p; a level has too few exams, or all pairs in the right order." in notes
