"""Figures and intervals against scikit-learn, scipy and the textbook."""

import numpy as np
import pytest
from scipy.stats import binomtest, chi2, chi2_contingency
from sklearn.metrics import roc_auc_score

from dibmg_monai.evaluation.statistics import Estimate, Interval, auc, chi_square, equality, mean_of, proportion


@pytest.mark.parametrize(("interval", "method"), [("wilson", "wilson"), ("clopper-pearson", "exact")])
@pytest.mark.parametrize(("hits", "cases"), [(0, 10), (3, 10), (10, 10), (471, 619)])
def test_proportions_have_their_intervals(hits: int, cases: int, interval: Interval, method: str) -> None:
    expected = binomtest(hits, cases).proportion_ci(method=method)
    found = proportion(hits, cases, interval=interval)
    assert (found.value, found.low, found.high) == pytest.approx((hits / cases, expected.low, expected.high))
    assert 0 <= found.low <= found.high <= 1


@pytest.mark.parametrize("digits", [1, 6])
def test_auc_with_and_without_ties(digits: int) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 200)
    scores = (rng.random(200) + 0.3 * labels).round(digits)
    assert auc(scores, labels).value == pytest.approx(roc_auc_score(labels, scores))


def test_delong_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], [60, 40])
    truth = 0.760250  # of two normals one standard deviation apart: the normal distribution at 1 / sqrt(2)
    runs = [auc(rng.normal(size=100) + labels, labels) for _ in range(1000)]
    covered = sum(run.low <= truth <= run.high for run in runs)
    assert 920 <= covered <= 970


def test_delong_variance_is_the_one_of_its_definition() -> None:
    rng = np.random.default_rng(2)
    labels = rng.integers(0, 2, 50)
    scores = rng.random(50).round(1)
    wins = (scores[labels == 1][:, None] > scores[labels == 0]) + 0.5 * (
        scores[labels == 1][:, None] == scores[labels == 0]
    )
    variance = wins.mean(1).var(ddof=1) / wins.shape[0] + wins.mean(0).var(ddof=1) / wins.shape[1]
    found = auc(scores, labels)
    assert (found.high - found.low) / 2 == pytest.approx(1.959964 * variance**0.5, rel=1e-5)


def test_nothing_to_estimate_from() -> None:
    assert np.isnan(auc([0.1, 0.2], [1, 1]).value)
    assert np.isnan(proportion(0, 0).low)
    assert np.isnan(mean_of([]).value)
    assert np.isnan(chi_square([[1, 2]])) and np.isnan(chi_square([[3, 0], [4, 0]]))


def test_one_case_of_a_class_has_an_area_and_no_interval() -> None:
    found = auc([0.1, 0.3, 0.2], [0, 0, 1])
    assert found.value == 0.5 and np.isnan(found.low) and np.isnan(found.high)


def test_chi_square_has_no_continuity_correction() -> None:
    counts = [[285, 54], [217, 63]]
    assert chi_square(counts) == pytest.approx(chi2_contingency(counts, correction=False).pvalue)
    assert chi_square([*counts, [0, 0]]) == chi_square(counts)


def test_estimates_of_one_value() -> None:
    values, variances = np.array([0.7, 0.8, 0.9]), np.array([0.01, 0.02, 0.03])
    mean = np.average(values, weights=1 / variances)
    expected = chi2.sf((((values - mean) ** 2) / variances).sum(), 2)
    assert equality(values, np.diag(variances)) == pytest.approx(expected)
    assert equality(np.array([0.7, 0.7]), np.diag([0.1, 0.1])) == 1
    assert np.isnan(equality(np.array([0.7, 0.8]), np.full((2, 2), 0.1)))  # they vary as one, and differ
    assert np.isnan(equality(np.array([0.7, 0.8]), np.diag([0.1, 0.0])))


def test_mean_of_independent_estimates() -> None:
    found = mean_of([Estimate(0.6, 0.5, 0.7, 10), Estimate(0.8, 0.7, 0.9, 20)])
    assert (found.value, found.low, found.cases) == pytest.approx((0.7, 0.7 - 0.1 / 2**0.5, 30))


def test_wilson_bounds_of_none_and_of_all_are_exact() -> None:
    assert [proportion(0, cases).low for cases in range(1, 60)] == [0.0] * 59
    assert [proportion(cases, cases).high for cases in range(1, 60)] == [1.0] * 59
