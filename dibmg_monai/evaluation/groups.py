"""Cases parted into groups: by what the tables of Kim 2018 go by, or by any other column of a datalist."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.cases import Case
from dibmg_monai.exams.characteristics import CANCER, CHARACTERISTICS, UNKNOWN, characteristics_of
from dibmg_monai.exams.datalist import FEATURES

FEW_VALUES = 6  # numbers with no more different values than these are grades, not measurements: each is a level
MOST_LEVELS = 50


@dataclass(frozen=True)
class Grouping:
    """Cases parted by a column.

    Attributes:
        column: of the datalist.
        title: what tables call it.
        levels: level and the cases at it, in the order of the table; each has cases.
        unknown: cases of which the datalist does not say.
        overlapping: a case may be at several levels.
    """

    column: str
    title: str
    levels: tuple[tuple[str, tuple[Case, ...]], ...]
    unknown: tuple[Case, ...]
    overlapping: bool = False

    def rows(self) -> Iterator[tuple[str, tuple[Case, ...]]]:
        """The levels, and where there are any, the cases of which the datalist does not say."""
        yield from self.levels
        if self.levels and self.unknown:
            yield UNKNOWN, self.unknown


def grouping(cases: Sequence[Case], *, column: str) -> Grouping:
    """Part cases by a column.

    Age, density, features, type and size as in Kim 2018, the last three among cancers alone. Of other columns, texts
    and truth values are levels as they stand; numbers are levels if they have up to six values, else quarters.

    Raises:
        DatalistError: if the column has more than 50 levels.
    """
    if column == "features":
        return _features(cases)
    if column not in {item.column for item in CHARACTERISTICS}:
        numbers = [case.column(column) for case in cases if type(case.column(column)) in (int, float)]
        if numbers and len(numbers) == sum(case.column(column) is not None for case in cases):
            return _numbers(cases, column, values=numbers)
    (item,) = characteristics_of([column])
    asked = [case for case in cases if case.label in item.labels]
    return _parted(asked, column, title=item.name, level=lambda case: item.level(case.entry))


def _features(cases: Sequence[Case]) -> Grouping:
    """A cancer is at the level of each of its features; the paper counts so, too."""
    cancers = [case for case in cases if case.label == CANCER]
    shown = [(name, tuple(case for case in cancers if name in (case.column("features") or ()))) for name in FEATURES]
    unknown = tuple(case for case in cancers if not case.column("features"))
    return Grouping("features", "feature", tuple(level for level in shown if level[1]), unknown, overlapping=True)


def _numbers(cases: Sequence[Case], column: str, *, values: Sequence[float]) -> Grouping:
    """Grades as they are; measurements in four groups of about equal size, fewer where many are the same."""
    grades = sorted(set(values))
    cuts = grades if len(grades) <= FEW_VALUES else np.unique(np.quantile(values, [0.25, 0.5, 0.75])).tolist()
    names = [f"{cut:g}" for cut in cuts]
    if cuts is not grades:
        between = [f"> {low} to {high}" for low, high in pairwise(names)]
        names = [f"<= {names[0]}", *between, f"> {names[-1]}"]

    def level(case: Case) -> str:
        value = case.column(column)
        return UNKNOWN if value is None else names[int(np.searchsorted(cuts, value))]

    return _parted(cases, column, title=column, level=level, order=names)


def _parted(
    cases: Sequence[Case],
    column: str,
    *,
    title: str,
    level: Callable[[Case], str | None],
    order: Sequence[str] | None = None,
) -> Grouping:
    """Cases by their level, in a given or else the alphabet's order; those without one do not count."""
    members: dict[str | None, list[Case]] = {}
    for case in cases:
        members.setdefault(level(case), []).append(case)
    unknown = tuple(members.pop(UNKNOWN, ()))
    found = [name for name in (order or sorted(filter(None, members))) if name in members]
    if len(found) > MOST_LEVELS:
        raise DatalistError(f"column {column} has {len(found)} different values; up to {MOST_LEVELS} define groups")
    return Grouping(column, title, tuple((name, tuple(members[name])) for name in found), unknown)
