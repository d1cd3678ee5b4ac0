"""Tables in words."""

import math

import pytest

from dibmg_monai.evaluation.statistics import Estimate, proportion
from dibmg_monai.evaluation.tables import Cell, Table
from dibmg_monai.evaluation.wording import Words, lines, worded, words

NAN = math.nan


@pytest.mark.parametrize(
    ("cell", "options", "expected"),
    [
        (None, {}, ""),
        ("GE", {}, "GE"),
        (12, {}, "12"),
        (NAN, {}, "\N{EN DASH}"),
        (0.0512, {}, "0.051"),
        (0.0, {}, "0.000"),
        (0.00034, {}, "0.0003"),
        (0.0061, {"percent": True}, "0.6 %"),
        (54.44, {"column": "testing %"}, "54.4"),
        (0.3098, {"column": "sensitivity p"}, "0.3098"),
        (1e-7, {"column": "p"}, "<0.0001"),
        (0.5, {"column": "group"}, "0.500"),
        (Estimate(0.661, 0.585, 0.737, 205), {}, "0.661 (0.585 to 0.737, n = 205)"),
        (Estimate(-0.04, -0.091, 0.012, 9), {}, "-0.040 (-0.091 to 0.012, n = 9)"),
        (Estimate(0.055, 0.039, 0.071, 82), {"percent": True}, "5.5 % (3.9 to 7.1 %, n = 82)"),
        (Estimate(0.6, NAN, NAN, 6), {}, "0.600 (no interval, n = 6)"),
        (proportion(468, 619), {}, "75.6 % (72.1 to 78.8 %, 468 of 619)"),
        (proportion(0, 0), {}, "\N{EN DASH}"),
    ],
)
def test_cells(cell: Cell, options: dict, expected: str) -> None:
    assert str(words(cell, **options)) == expected


def test_counts_that_a_share_says_are_not_shown_twice() -> None:
    columns = ("level", "detected", "cancers", "sensitivity", "sensitivity p", "exams")
    table = Table("t", "T", columns, (("A", 3, 4, proportion(3, 4), 0.25, 9), ("B", 1, 2, proportion(1, 2), None, 9)))
    found = worded(table)
    assert [column.head for column in found] == ["level", "sensitivity", "p", "exams"]
    assert [column.is_text for column in found] == [True, False, False, False]
    assert found[1].cells[0] == Words("75.0 %", "30.1 to 95.4 %", "3 of 4")
    other = Table("t", "T", columns[1:4], ((3, 5, proportion(3, 4)),))
    assert len(worded(other)) == 3


def test_lines() -> None:
    table = Table("t", "Title", ("name", "figure"), (("a", 1.0), ("long", 0.25)), ("A note.",))
    assert list(lines(table)) == ["Title", "name  figure", "a      1.000", "long   0.250", "A note.", ""]
    assert list(lines(Table("t", "Title", ("a", "b"), ()))) == ["Title", "a  b", ""]
