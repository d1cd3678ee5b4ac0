"""Balanced sampling: a group says nothing about the label."""

import pytest

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.sampling import balanced_weights, share


def test_labels_are_even_within_groups_and_groups_keep_their_size() -> None:
    made_up = [("A", 1)] * 6 + [("A", 0)] * 2 + [("B", 1)] * 1 + [("B", 0)] * 3 + [("C", 1)] * 5
    entries = [{"institution": institution, "label": label} for institution, label in made_up]
    weights = balanced_weights(entries, within=["institution"])
    shares = {key: 0.0 for key in set(made_up)}
    for key, weight in zip(made_up, weights, strict=True):
        shares[key] += weight
    assert shares["A", 1] == pytest.approx(shares["A", 0])
    assert shares["B", 1] == pytest.approx(shares["B", 0])
    assert shares["A", 0] / shares["B", 0] == pytest.approx(8 / 4)
    assert shares["C", 1] == 0


@pytest.mark.parametrize("processes", [1, 2, 3, 5])
def test_shares_are_all_exams_once(processes: int) -> None:
    entries = [{"exam_id": str(number)} for number in range(5)]
    shares = [share(entries, process=process, processes=processes) for process in range(processes)]
    assert sorted(entry["exam_id"] for part in shares for entry in part) == list("01234")
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_no_process_without_an_exam() -> None:
    with pytest.raises(DatalistError, match="2 exams for 3 processes; at least one exam for each is needed"):
        share([{}, {}], process=0, processes=3)
