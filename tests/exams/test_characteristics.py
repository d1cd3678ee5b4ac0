from typing import Any

import pytest

from dibmg_monai.exams.characteristics import CHARACTERISTICS, UNKNOWN, characteristics_of, standard_columns


def levels(entry: dict[str, Any], *columns: str) -> dict[str, str | None]:
    """What each characteristic of some columns says of an entry."""
    return {item.name: item.level(entry) for item in characteristics_of(columns)}


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"age_years": 49.9}, {"age": "< 50"}),
        ({"age_years": 50}, {"age": ">= 50"}),
        ({"size_mm": 19.9}, {"size (invasive)": "< 20 mm"}),
        ({"size_mm": 20, "invasive": True}, {"size (invasive)": ">= 20 mm", "type": "invasive"}),
        ({"size_mm": 20, "invasive": False}, {"size (invasive)": None, "type": "noninvasive"}),
        ({"density": "C"}, {"density": "C"}),
        (
            {"features": ["mass", "calcification"]},
            {"mass": "yes", "calcification": "yes", "asymmetry": "no", "distortion": "no"},
        ),
        ({"benign": True}, {"benign": "yes"}),
    ],
)
def test_the_paper_s_cuts(entry: dict[str, Any], expected: dict[str, str | None]) -> None:
    assert levels(entry, *entry) == expected


def test_what_is_not_known() -> None:
    found = levels({"density": None}, *(item.column for item in CHARACTERISTICS))
    assert found.pop("benign") == "no"  # nobody writes down that a normal exam is not benign
    assert set(found.values()) == {UNKNOWN}


@pytest.mark.parametrize(
    ("value", "level"), [("x", "x"), (3, "3"), (True, "yes"), (False, "no"), (["a"], '["a"]'), (None, UNKNOWN)]
)
def test_other_columns_as_they_stand(value: Any, level: str) -> None:
    assert levels({"room": value}, "room") == {"room": level}


def test_columns_are_taken_once_and_in_their_order() -> None:
    assert list(levels({}, "room", "age_years", "room", "density")) == ["room", "age", "density"]
    assert standard_columns([{"age_years": 3, "room": 1}, {"density": "A", "size_mm": None}]) == (
        "density",
        "age_years",
    )


def test_what_is_known_at_all() -> None:
    (size,) = characteristics_of(["size_mm"])
    assert size.is_known([{}, {"size_mm": 3}])
    assert not size.is_known([{"size_mm": 3, "invasive": False}, {"size_mm": None}])
    (benign,) = characteristics_of(["benign"])
    assert not benign.is_known([{}])
    (maker,) = characteristics_of(["manufacturer"])
    assert not maker.is_known([{"manufacturer": UNKNOWN}])
