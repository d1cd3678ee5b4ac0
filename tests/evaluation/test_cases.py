"""Results and datalist entries meet in cases."""

import pytest

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.cases import labels_of, match_cases, scores_of

RESULTS = [{"exam_id": "a", "score": 0.25}, {"exam_id": "b", "score": 1}, {"exam_id": "c", "score": 0.5}]


def test_exams_with_result_and_label_are_cases() -> None:
    entries = [
        {"exam_id": "b", "label": 0},
        {"exam_id": "a", "label": 1, "patient_id": "p", "birads": 4},
        {"exam_id": "c"},
        {"exam_id": "without result", "label": 1},
    ]
    cases = match_cases(RESULTS, entries)
    assert [case.exam_id for case in cases] == ["b", "a"]
    assert (scores_of(cases).tolist(), labels_of(cases).tolist()) == ([1.0, 0.25], [0, 1])
    assert (cases[1].patient, cases[1].column("birads"), cases[1].column("density")) == ("p", 4, None)


def test_exams_without_patient_stand_alone() -> None:
    first, second = match_cases(RESULTS, [{"exam_id": "a", "label": 1}, {"exam_id": "b", "label": 0}])
    assert first.patient != second.patient


@pytest.mark.parametrize(
    ("results", "message"),
    [
        ([], "no exam of the results has a label"),
        ([*RESULTS, RESULTS[0]], "the results have two of exam a; one each is needed"),
        ([{"exam_id": "a", "score": None}], "the score of exam a is None; a number, 0 to 1, is needed"),
        ([{"exam_id": "a", "score": float("nan")}], "the score of exam a is nan; a number"),
        ([{"exam_id": "a", "score": 1.5}], r"the score of exam a is 1\.5; a number"),
    ],
)
def test_what_cannot_be_matched(results: list[dict], message: str) -> None:
    with pytest.raises(DatalistError, match=message):
        match_cases(results, [{"exam_id": "a", "label": 1}])
