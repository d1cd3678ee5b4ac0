"""Bootstrap intervals against a bootstrap one draw at a time, and against what clusters do to them."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from dibmg_monai.evaluation.bootstrap import bootstrap_auc, bootstrap_average_precision, bootstrap_mean
from dibmg_monai.evaluation.statistics import auc

STATISTICS = {bootstrap_auc: roc_auc_score, bootstrap_average_precision: average_precision_score}


def draw(number: int, *, seed: int, digits: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, number)
    return (rng.normal(size=number) + labels).round(digits), labels


@pytest.mark.parametrize("bootstrap", STATISTICS)
@pytest.mark.parametrize("digits", [0, 6])
def test_value_is_the_one_of_the_sample(bootstrap, digits: int) -> None:
    scores, labels = draw(100, seed=0, digits=digits)
    found = bootstrap(scores, labels, patients=[str(index) for index in range(100)], resamples=10)
    assert found.value == pytest.approx(STATISTICS[bootstrap](labels, scores))
    assert found.cases == 100


@pytest.mark.parametrize("bootstrap", STATISTICS)
def test_interval_is_that_of_drawing_patients(bootstrap) -> None:
    """Of each stratum as many patients as it has, with all exams of theirs."""
    scores, labels = draw(120, seed=1, digits=1)
    owners = np.arange(120) // 3
    found = bootstrap(scores, labels, patients=[f"p{owner}" for owner in owners], resamples=4000)
    with_cancer = [owner for owner in range(40) if labels[owners == owner].any()]
    without = [owner for owner in range(40) if owner not in with_cancer]
    rng, drawn = np.random.default_rng(2), []
    for _ in range(1500):
        chosen = [*rng.choice(with_cancer, len(with_cancer)), *rng.choice(without, len(without))]
        exams = np.concatenate([np.flatnonzero(owners == owner) for owner in chosen])
        drawn.append(STATISTICS[bootstrap](labels[exams], scores[exams]))
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.012)


def test_independent_exams_have_delongs_interval() -> None:
    scores, labels = draw(800, seed=3)
    found, expected = bootstrap_auc(scores, labels, patients=[str(index) for index in range(800)]), auc(scores, labels)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.004)


def test_copies_of_exams_make_no_interval_narrower() -> None:
    scores, labels = draw(100, seed=4)
    patients = [str(index) for index in range(100)]
    once = bootstrap_auc(scores, labels, patients=patients)
    four_times = bootstrap_auc(np.tile(scores, 4), np.tile(labels, 4), patients=patients * 4)
    assert (four_times.low, four_times.high) == pytest.approx((once.low, once.high))


def test_the_seed_decides() -> None:
    scores, labels = draw(50, seed=5)
    patients = [str(index) for index in range(50)]
    runs = [bootstrap_auc(scores, labels, patients=patients, resamples=50, seed=seed) for seed in (0, 0, 1)]
    assert runs[0] == runs[1] != runs[2]


def test_too_little_to_draw_from() -> None:
    assert np.isnan(bootstrap_auc([0.1, 0.2], [1, 1], patients=["a", "b"]).value)
    one_patient = bootstrap_auc([0.1, 0.2, 0.3], [0, 0, 1], patients=["a", "b", "c"])
    assert one_patient.value == 1 and np.isnan(one_patient.low) and np.isnan(one_patient.high)


def test_patients_with_both_classes_alone() -> None:
    """As breasts of one-sided cancers are."""
    found = bootstrap_auc([0.9, 0.1, 0.8, 0.2, 0.3, 0.4], [1, 0] * 3, patients=["a", "a", "b", "b", "c", "c"])
    assert found.value == pytest.approx(8 / 9)
    assert found.low < found.value < found.high


def test_the_mean_of_independent_values_has_the_interval_of_the_normal_distribution() -> None:
    values = np.random.default_rng(0).normal(3, 1, 400)
    found = bootstrap_mean(values, patients=[f"{index}" for index in range(400)], resamples=5000)
    half = 1.96 * values.std(ddof=1) / 20
    assert (found.value, found.cases) == (pytest.approx(values.mean()), 400)
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_the_mean_of_pairs_of_equal_values_is_as_sure_as_that_of_one_of_each() -> None:
    values = np.random.default_rng(1).normal(size=100)
    patients = [f"{index}" for index in range(100)]
    alone, pairs = (
        bootstrap_mean(values, patients=patients),
        bootstrap_mean(np.r_[values, values], patients=patients * 2),
    )
    assert (pairs.low, pairs.high, pairs.cases) == (pytest.approx(alone.low), pytest.approx(alone.high), 200)
    assert np.isnan(bootstrap_mean([1.0, 2.0], patients=["a", "a"]).low)
    assert np.isnan(bootstrap_mean([], patients=[]).value)
