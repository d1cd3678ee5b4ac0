"""Figures and intervals against scikit-learn, scipy and the textbook."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from dibmg_monai.evaluation.statistics import Estimate, auc, mean_of, proportion


@pytest.mark.parametrize(("hits", "cases"), [(0, 10), (3, 10), (10, 10), (471, 619)])
def test_proportions_have_wilson_intervals(hits: int, cases: int) -> None:
    expected = binomtest(hits, cases).proportion_ci(method="wilson")
    found = proportion(hits, cases)
    assert (found.value, found.low, found.high) == pytest.approx((hits / cases, expected.low, expected.high))


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


def test_mean_of_independent_estimates() -> None:
    found = mean_of([Estimate(0.6, 0.5, 0.7, 10), Estimate(0.8, 0.7, 0.9, 20)])
    assert (found.value, found.low, found.cases) == pytest.approx((0.7, 0.7 - 0.1 / 2**0.5, 30))
