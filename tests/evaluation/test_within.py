"""AUC within groups of columns."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dibmg_monai.evaluation.within import auc_within_table
from tests.evaluation.cohorts import case


def test_groups_and_their_mean() -> None:
    rng = np.random.default_rng(0)
    labels, sites = rng.integers(0, 2, 90), np.repeat(["A", "B", "C"], [40, 40, 10])
    scores = 0.5 * rng.random(90) + 0.5 * (sites == "A")
    cases = [
        case(f"{index}", int(label), float(score), institution=str(site))
        for index, (label, score, site) in enumerate(zip(labels, scores, sites, strict=True))
    ]
    table = auc_within_table(cases, columns=["institution", "digitizer"])
    expected = [roc_auc_score(labels[sites == site], scores[sites == site]) for site in "AB"]
    assert [row[0] for row in table.rows] == ["A unknown", "B unknown", "mean"]
    assert [row[3].value for row in table.rows] == pytest.approx([*expected, np.mean(expected)])
    assert table.rows[0][1:3] == (labels[:40].sum(), 40 - labels[:40].sum())
    assert "10 exams are in groups with fewer than 10 exams of a class, which have no AUC." in table.notes


def test_no_group_is_large_enough() -> None:
    rows = auc_within_table([case("a", 1, 0.5, institution="A")], columns=["institution"]).rows
    assert len(rows) == 1 and np.isnan(rows[0][3].value)
