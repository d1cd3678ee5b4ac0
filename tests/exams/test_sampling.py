"""Balanced sampling: a group says nothing about the label."""

import pytest

from dibmg_monai.exams.sampling import balanced_weights


def test_labels_are_even_within_groups_and_groups_keep_their_size() -> None:
    made_up = [("A", 1)] * 6 + [("A", 0)] * 2 + [("B", 1)] * 1 + [("B", 0)] * 3 + [("C", 1)] * 5
    entries = [{"institution": institution, "label": label} for institution, label in made_up]
    weights = balanced_weights(entries, within=["institution"])
    share = {key: 0.0 for key in set(made_up)}
    for key, weight in zip(made_up, weights, strict=True):
        share[key] += weight
    assert share["A", 1] == pytest.approx(share["A", 0])
    assert share["B", 1] == pytest.approx(share["B", 0])
    assert share["A", 0] / share["B", 0] == pytest.approx(8 / 4)
    assert share["C", 1] == 0
