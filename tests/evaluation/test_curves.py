"""Curves against scikit-learn's."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

from dibmg_monai.evaluation.cases import labels_of, scores_of
from dibmg_monai.evaluation.curves import curves, ranking_table, roc_band
from tests.evaluation.cohorts import case, random_cases


@pytest.mark.parametrize("digits", [1, 6])
def test_roc_is_that_of_scikit_learn(digits: int) -> None:
    cases = random_cases(100)
    scores, labels = scores_of(cases).round(digits), labels_of(cases)
    false_alarms, sensitivity, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    found = curves(scores, labels)
    assert found.thresholds == pytest.approx(thresholds)
    assert found.sensitivity == pytest.approx(sensitivity)
    assert found.specificity == pytest.approx(1 - false_alarms)


@pytest.mark.parametrize("digits", [1, 6])
def test_precision_is_that_of_scikit_learn(digits: int) -> None:
    cases = random_cases(100)
    scores, labels = scores_of(cases).round(digits), labels_of(cases)
    precision, recall, thresholds = precision_recall_curve(labels, scores)
    found = curves(scores, labels)
    assert found.thresholds[:0:-1] == pytest.approx(thresholds)
    assert found.precision[::-1] == pytest.approx(precision)
    assert found.sensitivity[::-1] == pytest.approx(recall)


def test_one_class_alone() -> None:
    found = curves([0.1, 0.2], [1, 1])
    assert found.sensitivity.tolist() == [0, 0.5, 1]
    assert np.isnan(found.specificity).all()


def test_the_band_holds_the_curve() -> None:
    rates, cases = np.linspace(0, 1, 21), random_cases(300)
    low, high = roc_band(cases, false_alarm_rates=rates, resamples=200)
    false_alarms, sensitivity, _ = roc_curve(labels_of(cases), scores_of(cases))
    curve = np.interp(rates, false_alarms, sensitivity)
    assert (low <= curve + 1e-9).all() and (curve <= high + 1e-9).all()
    assert (np.diff(low) >= 0).all() and high[-1] == 1


def test_exams_of_a_patient_that_say_the_same_do_not_narrow_the_band() -> None:
    rates, cases = np.linspace(0, 1, 21), random_cases(60)
    thrice = [case(f"{item.exam_id} {copy}", item.label, item.score, patient_id=item.patient)
              for item in cases for copy in range(3)]  # fmt: skip
    bands = [roc_band(exams, false_alarm_rates=rates, resamples=50) for exams in (cases, thrice)]
    np.testing.assert_allclose(*bands)


def test_ranking_stands_beside_chance() -> None:
    cases = [*random_cases(80), *(case(f"n{index}", 0, 0.1) for index in range(20))]
    rows = ranking_table(cases, resamples=50).rows
    assert [row[0] for row in rows] == ["AUC", "AUC", "average precision"]
    assert rows[2][2].value == pytest.approx(average_precision_score(labels_of(cases), scores_of(cases)))
    assert [row[3] for row in rows] == [0.5, 0.5, labels_of(cases).mean()]
