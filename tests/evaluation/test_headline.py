"""The figures that say most count what they say they count."""

import numpy as np
import pytest
from sklearn.metrics import recall_score, roc_auc_score

from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.headline import Headline, headline
from dibmg_monai.evaluation.located import LocatedView, Tolerance
from tests.evaluation.cohorts import case, random_cases
from tests.evaluation.scenes import box, dib, located


def measured(
    cases: list[Case], *, views: tuple[LocatedView, ...] = (), tolerance: float = 0, **options: object
) -> Headline:
    return headline(cases, views=views, threshold=0.6, tolerance=Tolerance(tolerance), **options)


def test_auc_is_taken_over_all_and_within_groups() -> None:
    rng = np.random.default_rng(0)
    labels, sites = rng.integers(0, 2, 90), np.repeat(["A", "B", "C"], [40, 40, 10])
    scores = (rng.random(90) + (sites == "A")) / 2
    cases = [
        case(f"{index}", int(label), float(score), institution=str(site))
        for index, (label, score, site) in enumerate(zip(labels, scores, sites, strict=True))
    ]
    found = measured(cases, within=["institution"])
    assert found.exam_auc.value == pytest.approx(roc_auc_score(labels, scores))
    assert set(found.auc_within) == {"A", "B"}  # C has too few
    expected = [roc_auc_score(labels[sites == site], scores[sites == site]) for site in "AB"]
    assert [estimate.value for estimate in found.auc_within.values()] == pytest.approx(expected)
    assert found.mean_auc_within.value == pytest.approx(np.mean(expected))


def test_shares_at_the_threshold() -> None:
    cases = random_cases(80)
    found, labels, called = measured(cases), labels_of(cases), scores_of(cases) >= 0.6
    assert found.sensitivity.value == pytest.approx(recall_score(labels, called))
    assert found.specificity.value == pytest.approx(recall_score(labels, called, pos_label=0))


def test_sides_and_peaks() -> None:
    cases = [
        case("hit", 1, 0.9, right=0.8, left=0.2, cancer_side="R"),
        case("miss", 1, 0.9, right=0.8, left=0.2, cancer_side="L"),
    ]
    hit, miss = located(dib(r3c10=5.0), box(15, 50, 5, 5)), located(dib(r3c10=5.0), box(60, 50, 5, 5), exam_id="b")
    views = (hit, miss, located(dib(r3c10=5.0), exam_id="normal"))
    found = measured(cases, views=views)
    assert (found.cancer_side_higher.value, found.cancer_side_higher.cases) == (0.5, 2)
    assert (found.peak_in_mask.value, found.peak_in_mask.cases) == (0.5, 2)
    assert found.peak_chance == pytest.approx(25 / 80**2)
    assert list(measured(cases, views=views, tolerance=5).lines())[-1].endswith("; chance 0.004; tolerance 5 px")


def test_lines_say_what_was_not_measured() -> None:
    found = list(measured([case("a", 0, 0.7)]).lines())
    assert found == [
        "exam AUC                      not measured",
        "sensitivity at 0.6            not measured",
        "specificity at 0.6            0.000 (0.000-0.793, n = 1)",
        "cancer's side scores higher   not measured",
        "peak in the lesion's mask     not measured",
    ]
