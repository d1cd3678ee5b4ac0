"""Calibration against scikit-learn, and against a temperature that is known."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as expected_log_loss

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.calibration import (
    brier,
    calibration_error,
    calibration_table,
    fit_temperature,
    log_loss,
    reliability,
    reliability_table,
    with_temperature,
)
from tests.evaluation.cohorts import case, random_cases


def overconfident(number: int, *, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores whose logits are a number of times what the labels were drawn with."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=1.5, size=number)
    labels = (rng.random(number) < 1 / (1 + np.exp(-logits))).astype(int)
    return 1 / (1 + np.exp(-temperature * logits)), labels


def test_bins_are_those_of_scikit_learn() -> None:
    scores, labels = overconfident(1000, temperature=2)
    shares, means = calibration_curve(labels, scores, n_bins=10, strategy="quantile")
    found = reliability(scores, labels, bins=10)
    assert [part.share.value for part in found] == pytest.approx(shares)
    assert [part.mean_score for part in found] == pytest.approx(means)
    assert [part.share.cases for part in found] == [100] * 10
    assert calibration_error(found) == pytest.approx(np.abs(shares - means).mean())


def test_cases_of_one_score_stay_together() -> None:
    found = reliability([0.1, 0.5, 0.5, 0.5, 0.9, 0.9], [0, 1, 0, 0, 1, 1], bins=3)
    assert [(part.lowest, part.highest, part.positives, part.share.cases) for part in found] == [
        (0.1, 0.1, 0, 1),
        (0.5, 0.5, 1, 3),
        (0.9, 0.9, 2, 2),
    ]
    assert [part.share.cases for part in reliability([0.5] * 4, [0, 1, 0, 1], bins=10)] == [4]


def test_scores_are_those_of_scikit_learn() -> None:
    scores, labels = overconfident(300, temperature=2)
    assert brier(scores, labels).score == pytest.approx(brier_score_loss(labels, scores))
    assert log_loss(scores, labels) == pytest.approx(expected_log_loss(labels, scores))
    assert np.isfinite(log_loss([0.0, 1.0], [1, 0]))


def test_the_parts_of_the_brier_score_are_the_whole_where_scores_are_grades() -> None:
    rng = np.random.default_rng(1)
    scores = np.repeat([0.1, 0.3, 0.6, 0.9], 50)
    found = brier(scores, rng.integers(0, 2, 200), bins=4)
    assert found.score == pytest.approx(found.reliability - found.resolution + found.uncertainty)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_is_found_again(temperature: float) -> None:
    scores, labels = overconfident(20000, temperature=temperature)
    found = fit_temperature(scores, labels)
    assert found == pytest.approx(temperature, rel=0.05)
    cooled = with_temperature(scores, temperature=found)
    assert log_loss(cooled, labels) <= log_loss(scores, labels)
    assert (np.diff(cooled[np.argsort(scores)]) >= 0).all()


def test_the_ends_of_the_temperatures() -> None:
    assert fit_temperature([0.4, 0.45, 0.6, 0.7], [0, 0, 1, 1]) < 0.05
    assert fit_temperature([0.6, 0.7, 0.4, 0.2], [0, 0, 1, 1]) == pytest.approx(100, rel=0.01)


def test_the_temperature_of_another_set_is_offered() -> None:
    def cases(prefix: str, seed: int) -> list:
        drawn = zip(*overconfident(2000, temperature=3, seed=seed), strict=True)
        return [case(f"{prefix}{index}", int(label), float(score)) for index, (score, label) in enumerate(drawn)]

    validation, test = cases("v", 2), cases("t", 3)
    table = calibration_table(test, fit_on=validation)
    as_they_are, offered = (dict(zip(table.columns, row, strict=True)) for row in table.rows)
    assert (as_they_are["temperature"], offered["temperature"]) == (1.0, pytest.approx(3, rel=0.15))
    assert offered["ECE"] < as_they_are["ECE"] / 3
    assert offered["Brier"] < as_they_are["Brier"]
    assert len(calibration_table(test).rows) == 1
    with pytest.raises(DatalistError, match="fitted on 2000 exams that it is measured on"):
        calibration_table(test, fit_on=test)


def test_reliability_as_a_table() -> None:
    table = reliability_table(random_cases(100), bins=5)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["exams"] for row in rows] == [20] * 5
    assert [row["share of cancers"].value for row in rows] == [row["cancers"] / 20 for row in rows]
