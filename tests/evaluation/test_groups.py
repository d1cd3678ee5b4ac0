"""Who is in which group."""

import pytest

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.groups import Grouping, grouping
from tests.evaluation.cohorts import case


def ids(groups: Grouping) -> dict[str, list[str]]:
    return {level: [member.exam_id for member in members] for level, members in groups.rows()}


def group(column: str, *values: object, label: int = 1, **known: object) -> dict[str, list[str]]:
    """Level -> numbers of the values that are at it; None is not known."""
    given = [{} if value is None else {column: value} for value in values]
    cases = [case(f"{index}", label, 0.5, **known, **columns) for index, columns in enumerate(given)]
    return ids(grouping(cases, column=column))


def test_cuts_and_levels_of_the_paper() -> None:
    assert group("age_years", 49.9, 50, None, 51) == {"< 50": ["0"], ">= 50": ["1", "3"], "unknown": ["2"]}
    assert group("size_mm", 19.9, 20) == {"< 20 mm": ["0"], ">= 20 mm": ["1"]}
    assert group("invasive", True, False) == {"invasive": ["0"], "noninvasive": ["1"]}
    assert group("density", "C", "A") == {"A": ["1"], "C": ["0"]}


def test_features_overlap() -> None:
    cases = [case("0", 1, 0.5, features=["mass", "calcification"]), case("1", 1, 0.5, features=["mass"])]
    cases += [case("none", 1, 0.5, features=[]), case("normal", 0, 0.5)]
    found = grouping(cases, column="features")
    assert found.overlapping
    assert ids(found) == {"mass": ["0", "1"], "calcification": ["0"], "unknown": ["none"]}


@pytest.mark.parametrize("column", ["features", "invasive", "size_mm"])
def test_some_questions_are_of_cancers_alone(column: str) -> None:
    assert ids(grouping([case("normal", 0, 0.5)], column=column)) == {}


def test_noninvasive_cancers_have_no_invasive_size() -> None:
    assert group("size_mm", 5, None, invasive=False) == {}


def test_other_columns() -> None:
    assert group("site", "b", "a", None) == {"a": ["1"], "b": ["0"], "unknown": ["2"]}
    assert group("screening", True, False) == {"no": ["1"], "yes": ["0"]}
    assert group("birads", 5, 10, 4, 5) == {"4": ["2"], "5": ["0", "3"], "10": ["1"]}  # in the order of numbers


def test_measurements_are_parted_in_quarters() -> None:
    found = group("thickness_mm", *range(1, 101))
    assert list(found) == ["<= 25.75", "> 25.75 to 50.5", "> 50.5 to 75.25", "> 75.25"]
    assert [len(members) for members in found.values()] == [25] * 4
    many_same = group("thickness_mm", *[0] * 70, *range(1, 31))
    assert {level: len(members) for level, members in many_same.items()} == {"<= 0": 70, "> 0 to 5.25": 5, "> 5.25": 25}


def test_too_many_levels() -> None:
    with pytest.raises(DatalistError, match="column note has 51 different values; up to 50 define groups"):
        group("note", *(f"text {index}" for index in range(51)))
