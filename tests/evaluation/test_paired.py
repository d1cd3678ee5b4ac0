"""Two models, hit by hit."""

import pytest
from scipy.stats import binom

from dibmg_monai.evaluation.cases import Case
from dibmg_monai.evaluation.paired import hits_table, mcnemar
from dibmg_monai.evaluation.statistics import proportion
from dibmg_monai.evaluation.tables import Table
from tests.evaluation.cohorts import case
from tests.evaluation.scenes import box, dib, located


def table(cases: list[Case], others: list[Case], **options: object) -> Table:
    return hits_table({"ours": cases, "theirs": others}, threshold=0.5, **{"views": [], **options})


def row(found: Table, name: str) -> list:
    return next(list(cells[1:]) for cells in found.rows if cells[0] == name)


def test_mcnemar_is_a_coin_toss_among_the_cases_apart() -> None:
    assert mcnemar(6, 0) == pytest.approx(2 * 0.5**6)
    assert mcnemar(8, 3) == pytest.approx(2 * binom.cdf(3, 11, 0.5))
    assert mcnemar(0, 0) is None


def test_hits_of_both_and_of_one_alone() -> None:
    ours = [case(f"{index}", 1, 0.9, right=0.9, left=0.1, cancer_side="R") for index in range(6)]
    ours += [case("normal", 0, 0.4), case("not scored by both", 1, 0.9)]
    theirs = [
        case(f"{index}", 1, 0.9 if index < 2 else 0.1, right=0.1, left=0.9, cancer_side="R") for index in range(6)
    ]
    theirs += [case("normal", 0, 0.6)]
    found = table(ours, theirs)
    assert row(found, "sensitivity") == [proportion(6, 6), proportion(2, 6), 4, 0, pytest.approx(0.125)]
    assert row(found, "specificity") == [proportion(1, 1), proportion(0, 1), 1, 0, pytest.approx(1)]
    assert row(found, "cancer's breast scores higher")[:4] == [proportion(6, 6), proportion(0, 6), 6, 0]
    assert found.columns == ("figure", "ours", "theirs", "ours alone", "theirs alone", "p")


def test_peaks_are_compared_where_lesions_are_known() -> None:
    lesion = box(15, 50, 5, 5)
    views = [located(dib(r3c10=5.0), lesion, exam_id="a"), located(dib(r9c9=5.0), lesion, exam_id="b")]
    views.append(located(dib(r3c10=5.0), exam_id="normal"))
    others = [case(name, 1, 0.5) for name in ("a", "b", "normal")]
    for other in others:
        other.result["views"]["RCC"] = {"peak_row": 16.0, "peak_column": 51.0}
    found = table(others, others, views=views)
    assert row(found, "peak in lesion")[:4] == [proportion(1, 2), proportion(2, 2), 0, 1]
