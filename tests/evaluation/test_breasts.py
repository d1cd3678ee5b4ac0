"""Breasts: whose label is known, and which of two scores higher."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dibmg_monai.evaluation.breasts import breast_auc, breasts, breasts_table, sides_told
from tests.evaluation.cohorts import case

CASES = [
    case("right", 1, 0.9, right=0.8, left=0.3, cancer_side="R"),
    case("missed", 1, 0.9, right=0.8, left=0.2, cancer_side="L"),
    case("tie", 1, 0.9, right=0.4, left=0.4, cancer_side="L"),
    case("both", 1, 0.9, right=0.9, left=0.6, cancer_side="RL"),
    case("side not known", 1, 0.9, right=0.9, left=0.1),
    case("one breast", 1, 0.9, right=0.7, left=None, cancer_side="R"),
    case("normal", 0, 0.1, right=0.1, left=0.5),
]


def test_labels_of_breasts() -> None:
    assert [(breast.score, breast.label) for breast in breasts(CASES)] == [
        (0.8, 1), (0.3, 0), (0.8, 0), (0.2, 1), (0.4, 0), (0.4, 1), (0.9, 1), (0.6, 1), (0.7, 1), (0.1, 0), (0.5, 0),
    ]  # fmt: skip


def test_auc_over_breasts() -> None:
    found = breasts(CASES)
    expected = roc_auc_score([breast.label for breast in found], [breast.score for breast in found])
    estimate = breast_auc(CASES, resamples=200)
    assert estimate.value == pytest.approx(expected)
    assert estimate.cases == 11
    assert estimate.low < expected < estimate.high


def test_breasts_of_a_patient_are_drawn_together() -> None:
    """Where both breasts of a cancer score alike, the interval is that of patients, not of breasts."""
    rng = np.random.default_rng(0)
    levels = rng.normal(size=60)
    scores = 1 / (1 + np.exp(-levels))
    together = [case(f"{i}", 1, 0.5, right=s + 1e-6, left=s, cancer_side="R") for i, s in enumerate(scores)]
    found = breast_auc(together, resamples=500)
    assert found.high - found.low < 0.05  # alone, 60 breasts of either label have an interval of 0.2


def test_which_breast_scores_higher() -> None:
    assert sides_told(CASES) == (1, 3)
    table = breasts_table(CASES, resamples=20)
    higher = dict(zip(table.columns, table.rows[1], strict=True))
    assert (higher["hits"], higher["cases"], higher["estimate"].value, higher["chance"]) == (1, 3, 1 / 3, 0.5)
    assert "The side of 1 cancers is not known" in table.notes[0]


def test_without_cancers_there_is_nothing_to_tell() -> None:
    rows = breasts_table([CASES[-1]], resamples=20).rows
    assert np.isnan(rows[0][3].value) and np.isnan(rows[1][3].value)
