"""Thresholds reach what was wanted, at the least cost."""

import numpy as np
import pytest

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.cases import labels_of, scores_of
from dibmg_monai.evaluation.operating_points import Wanted, operating_points_table, threshold_for
from tests.evaluation.cohorts import case, random_cases


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0])
def test_thresholds_are_the_best_of_all(share: float) -> None:
    cases = random_cases(120)
    scores, labels = scores_of(cases), labels_of(cases)
    candidates = [*scores, 1.1]
    enough = [at for at in candidates if (scores[labels == 1] >= at).mean() >= share]
    for_sensitivity = threshold_for(Wanted("sensitivity", share), cases=cases)
    assert (scores[labels == 0] < for_sensitivity).mean() == max((scores[labels == 0] < at).mean() for at in enough)
    assert (scores[labels == 1] >= for_sensitivity).mean() >= share
    enough = [at for at in candidates if (scores[labels == 0] < at).mean() >= share]
    for_specificity = threshold_for(Wanted("specificity", share), cases=cases)
    assert (scores[labels == 1] >= for_specificity).mean() == max((scores[labels == 1] >= at).mean() for at in enough)
    assert (scores[labels == 0] < for_specificity).mean() >= share


def test_ties_are_not_parted() -> None:
    cases = [case("a", 1, 0.5), case("b", 0, 0.5), case("c", 0, 0.2)]
    assert threshold_for(Wanted("sensitivity", 1), cases=cases) == 0.5
    assert threshold_for(Wanted("specificity", 0.5), cases=cases) == 0.5
    above_all = threshold_for(Wanted("specificity", 1), cases=cases)
    assert above_all == np.nextafter(0.5, 1)


def test_transfer_to_another_set() -> None:
    chosen_on = [case("a", 1, 0.8), case("b", 1, 0.4), case("c", 0, 0.5), case("d", 0, 0.1)]
    other = [case("e", 1, 0.6), case("f", 1, 0.3), case("g", 0, 0.45)]
    wanted = [Wanted("sensitivity", 1), Wanted("specificity", 1)]
    table = operating_points_table({"validation": chosen_on, "test": other}, wanted=wanted)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [(row["wanted"], row["set"]) for row in rows] == [
        ("sensitivity 1", "validation"),
        ("sensitivity 1", "test"),
        ("specificity 1", "validation"),
        ("specificity 1", "test"),
    ]
    assert [row["threshold"] for row in rows] == [0.4, 0.4, 0.8, 0.8]
    assert [(row["detected"], row["cancers"]) for row in rows] == [(2, 2), (1, 2), (1, 2), (0, 2)]
    assert [(row["cleared"], row["non-cancers"]) for row in rows] == [(1, 2), (0, 1), (2, 2), (1, 1)]
    assert rows[1]["sensitivity"].value == 0.5


def test_one_class_chooses_nothing() -> None:
    with pytest.raises(DatalistError, match=r"sensitivity 0\.9: the set has 1 cancers and 0 others; both are needed"):
        threshold_for(Wanted("sensitivity", 0.9), cases=[case("a", 1, 0.5)])
