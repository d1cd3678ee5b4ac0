"""AUCs compared: against DeLong's definition, R's pROC and simulation."""

import numpy as np
import pytest
from scipy.stats import norm

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.comparison import (
    compare_independent,
    compare_paired,
    equal_aucs,
    models_table,
    sets_table,
)
from dibmg_monai.evaluation.statistics import Estimate, auc, delong
from tests.evaluation.cohorts import case, random_cases


def models(number: int, *, seed: int, digits: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """(2, n) scores of two models that see the same, and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, number)
    common = rng.normal(size=number) + labels
    return (common + rng.normal(size=(2, number)) * [[0.3], [0.8]]).round(digits), labels


def by_definition(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """DeLong et al. 1988, equations 3 to 5, pair by pair."""
    of_positives, of_negatives = [], []
    for values in scores:
        above = values[labels == 1][:, None] - values[labels == 0][None]
        wins = (above > 0) + 0.5 * (above == 0)
        of_positives.append(wins.mean(axis=1))
        of_negatives.append(wins.mean(axis=0))
    covariance = np.cov(of_positives) / (labels == 1).sum() + np.cov(of_negatives) / (labels == 0).sum()
    return np.mean(of_positives, axis=1), covariance


@pytest.mark.parametrize("digits", [0, 6])
def test_covariance_is_the_one_of_its_definition(digits: int) -> None:
    scores, labels = models(80, seed=0, digits=digits)
    for found, expected in zip(delong(scores, labels), by_definition(scores, labels), strict=True):
        assert found == pytest.approx(expected)


def test_paired_models() -> None:
    scores, labels = models(200, seed=1)
    areas, covariance = by_definition(scores, labels)
    deviation = (covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]) ** 0.5
    difference = areas[1] - areas[0]
    found = compare_paired(*scores, labels=labels)
    assert found.p == pytest.approx(2 * norm.sf(abs(difference) / deviation))
    assert (found.first, found.second) == (auc(scores[0], labels), auc(scores[1], labels))
    assert found.difference.value == pytest.approx(difference)
    assert found.difference.high == pytest.approx(difference + 1.959964 * deviation)


def test_independent_sets() -> None:
    (first, _), first_labels = models(150, seed=2)
    (_, second), second_labels = models(250, seed=3)
    found = compare_independent(first, first_labels, other_scores=second, other_labels=second_labels)
    variances = [
        delong(values[None], labels)[1].item() for values, labels in ((first, first_labels), (second, second_labels))
    ]
    z = (found.second.value - found.first.value) / sum(variances) ** 0.5
    assert found.p == pytest.approx(2 * norm.sf(abs(z)))
    assert found.difference.cases == 400


def test_grades_as_in_r() -> None:
    """Grades 1 to 5 of the World Federation of Neurosurgical Societies and outcome, in pROC's data set aSAH (Turck et
    al. 2010): pROC 1.18 gives an AUC of 0.8236789 and DeLong's interval as 0.7485-0.8988.
    """
    good, poor = [37, 20, 3, 8, 4], [2, 12, 1, 8, 18]
    grades = np.repeat([*range(5), *range(5)], [*good, *poor])
    found = auc(grades, np.repeat([0, 1], [sum(good), sum(poor)]))
    assert (found.value, found.low, found.high) == pytest.approx((0.8236789, 0.7485, 0.8988), abs=6e-5)


def test_p_is_uniform_where_nothing_differs() -> None:
    rng = np.random.default_rng(4)
    groups = [[(rng.normal(size=60) + labels, labels) for labels in rng.integers(0, 2, (3, 60))] for _ in range(500)]
    p = np.array([equal_aucs(three) for three in groups])
    assert 0.02 <= (p < 0.05).mean() <= 0.09
    assert 0.42 <= (p < 0.5).mean() <= 0.58


def test_where_there_is_no_test() -> None:
    scores, labels = models(40, seed=5)
    assert compare_paired(scores[0], scores[0], labels=labels).p == 1
    assert np.isnan(equal_aucs([(scores[0], labels)])) and np.isnan(equal_aucs([]))
    assert np.isnan(equal_aucs([(scores[0], labels), (labels, labels)]))  # all pairs in order: no variance
    one_positive = np.arange(40) == 0
    assert np.isnan(equal_aucs([(scores[0], labels), (scores[1], one_positive)]))


def test_groups_of_one_class_are_left_out() -> None:
    scores, labels = models(40, seed=6)
    groups = [(scores[0, :20], labels[:20]), (scores[0, 20:], labels[20:])]
    assert equal_aucs([*groups, (scores[1], np.ones(40))]) == equal_aucs(groups)


def test_tables() -> None:
    first, second = random_cases(60, seed=6), random_cases(50, seed=7)
    sets = sets_table({"validation": first, "test": second})
    assert [row[0] for row in sets.rows] == ["validation", "test", "difference"]
    assert isinstance(sets.rows[0][1], Estimate) and sets.rows[0][1].cases == 60
    paired = models_table({"ours": first, "peer": list(reversed(first))[:40]})
    assert paired.rows[0][1].cases == 40
    assert paired.rows[2][1].value == 0 and paired.rows[2][2] == 1
    with pytest.raises(DatalistError, match="ours and peer have scored no exam in common"):
        models_table({"ours": first, "peer": [case("other", 1, 0.5)]})
