"""What exams are matched on and grouped by: each characteristic in a few levels, with the paper's cuts."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dibmg_monai.exams.datalist import FEATURES

UNKNOWN = "unknown"
CANCER, NORMAL = 1, 0
AGE_CUT_YEARS = 50  # Kim 2018, Table 1
SIZE_CUT_MM = 20  # Kim 2018, Table 1


@dataclass(frozen=True)
class Characteristic:
    """One thing that sets exams apart.

    Attributes:
        name: what tables call it.
        column: the key of datalist entries that it is read from.
        level: an entry's level; ``UNKNOWN``; or None where the question does not arise.
        labels: the labels of the exams that it is asked of.
    """

    name: str
    column: str
    level: Callable[[Mapping[str, Any]], str | None]
    labels: tuple[int, ...] = (CANCER, NORMAL)

    def is_known(self, entries: Iterable[Mapping[str, Any]]) -> bool:
        """Whether any of the entries has the column and says something by it."""
        return any(entry.get(self.column) is not None and self.level(entry) not in (None, UNKNOWN) for entry in entries)


def _known(column: str, word: Callable[[Any], str]) -> Callable[[Mapping[str, Any]], str]:
    return lambda entry: UNKNOWN if entry.get(column) is None else word(entry[column])


def _cut_at(cut: int, unit: str = "") -> Callable[[float], str]:
    return lambda value: f"{'>=' if value >= cut else '<'} {cut}{unit}"


def _yes_no(value: object) -> str:
    return "yes" if value else "no"


def _feature(feature: str) -> Characteristic:
    return Characteristic(feature, "features", _known("features", lambda found: _yes_no(feature in found)), (CANCER,))


def _plain(column: str) -> Characteristic:
    """A column as it stands: each value is a level."""

    def word(value: Any) -> str:
        if isinstance(value, bool):
            return _yes_no(value)
        return value if isinstance(value, str) else json.dumps(value, sort_keys=True)

    return Characteristic(column, column, _known(column, word))


def _invasive_size(entry: Mapping[str, Any]) -> str | None:
    """The size of the invasive part: noninvasive cancers have none."""
    return None if entry.get("invasive") is False else _known("size_mm", _cut_at(SIZE_CUT_MM, " mm"))(entry)


# In the order of Kim 2018, Table 1, which has two of the features. Benign is ours: the paper has no such exams.
CHARACTERISTICS = (
    _plain("density"),
    Characteristic("age", "age_years", _known("age_years", _cut_at(AGE_CUT_YEARS))),
    _plain("manufacturer"),
    *map(_feature, FEATURES),
    Characteristic(
        "type", "invasive", _known("invasive", lambda value: "invasive" if value else "noninvasive"), (CANCER,)
    ),
    Characteristic("size (invasive)", "size_mm", _invasive_size, (CANCER,)),
    Characteristic("benign", "benign", lambda entry: _yes_no(entry.get("benign")), (NORMAL,)),
)


def characteristics_of(columns: Iterable[str]) -> tuple[Characteristic, ...]:
    """The characteristics that columns hold: the paper's where it has them, else the column as it stands."""
    standard = {item.column for item in CHARACTERISTICS}
    return tuple(
        item
        for column in dict.fromkeys(columns)
        for item in (CHARACTERISTICS if column in standard else (_plain(column),))
        if item.column == column
    )


def standard_columns(entries: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The columns of ``CHARACTERISTICS`` that at least one entry has, in that order."""
    columns = dict.fromkeys(item.column for item in CHARACTERISTICS)
    return tuple(column for column in columns if any(entry.get(column) is not None for entry in entries))
