"""Tables 3, 4 and 5 of Kim 2018 of any cases: sensitivity, specificity, accuracy and AUC, overall and by group."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats.contingency import expected_freq

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.bootstrap import RESAMPLES, bootstrap_auc
from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.comparison import equal_aucs
from dibmg_monai.evaluation.gee import gee
from dibmg_monai.evaluation.groups import Grouping, grouping
from dibmg_monai.evaluation.statistics import Interval, auc, chi_square, proportion
from dibmg_monai.evaluation.tables import Cell, Table

THRESHOLD = 0.5  # Kim 2018, Results
TABLE_3, TABLE_4, TABLE_5 = ("age_years", "manufacturer"), ("density",), ("features", "invasive", "size_mm")
FEATURES_COMPARED = ("mass", "calcification")  # Kim 2018, Table 5
SMALLEST_EXPECTED = 5  # cases in a cell, for Pearson's statistic to follow its distribution (Cochran 1954)
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Measure:
    """A share of cases called right: what those called right and all are called, and which labels they have."""

    name: str
    right: str
    all: str
    labels: tuple[int, ...]


SENSITIVITY = Measure("sensitivity", "detected", "cancers", (1,))
SPECIFICITY = Measure("specificity", "cleared", "non-cancers", (0,))
ACCURACY = Measure("accuracy", "correct", "exams", (0, 1))


@dataclass(frozen=True)
class Performance:
    """How well a set of cases is told apart, in the tables of Kim 2018.

    Attributes:
        cases: at least one.
        threshold: a score at or above it calls an exam cancer.
        interval: of sensitivity, specificity and accuracy.
        resamples: of the bootstrap of AUCs.
        seed: of its draws.
    """

    cases: Sequence[Case]
    threshold: float = THRESHOLD
    interval: Interval = "wilson"
    resamples: int = RESAMPLES
    seed: int = 0

    def tables(self, columns: Sequence[str] = ()) -> list[Table]:
        """Tables 3, 4 and 5, and one of further columns of the datalist if any are named.

        Raises:
            DatalistError: if no case has a column, or it has too many levels.
        """
        for column in columns:
            if all(case.column(column) is None for case in self.cases):
                raise DatalistError(f"no exam has the column {column!r}; a column of the datalist is needed")
        further = [column for column in dict.fromkeys(columns) if column not in (*TABLE_3, *TABLE_4, *TABLE_5)]
        tables = [
            self.table("table3_age_manufacturer", "age and manufacturer (as Kim 2018, Table 3)", columns=TABLE_3),
            self.table("table4_density", "density (as Kim 2018, Table 4)", columns=TABLE_4),
            self.cancer_table(),
        ]
        return [*tables, self.table("further_columns", ", ".join(further), columns=further)] if further else tables

    def table(self, name: str, by: str, *, columns: Sequence[str]) -> Table:
        """All measures and the AUC, overall and by the levels of columns."""
        measures = (SENSITIVITY, SPECIFICITY, ACCURACY)
        rows: list[Row] = [("all", None, *self._shares(self.cases, measures), *self._aucs(self.cases), None)]
        notes = [self._reading(), *_AUC_NOTES]
        for groups in (grouping(self.cases, column=column) for column in columns):
            notes += self._notes(groups, measures)
            tests = [self._p(groups, measure) for measure in measures]
            auc_test = _known(equal_aucs([(scores_of(members), labels_of(members)) for _, members in groups.levels]))
            if auc_test is None and len(groups.levels) > 1:
                notes.append(f"{groups.title}, AUC: no p; a level has too few exams, or all pairs in the right order.")
            for level, members in groups.rows():
                cells = (*self._shares(members, measures, tests), *self._aucs(members), auc_test)
                rows.append((groups.title, level, *cells))
                tests, auc_test = [], None  # they stand in the first row
        heads = ("group", "level", *_heads(*measures), "AUC", "AUC bootstrap", "AUC p")
        return Table(name, f"Performance by {by}", heads, tuple(rows), tuple(notes))

    def cancer_table(self) -> Table:
        """Sensitivity by feature, type and size of the cancer."""
        rows: list[Row] = [("all", None, *self._shares(self.cases, (SENSITIVITY,)), None)]
        notes = [self._reading(), *_FEATURE_NOTES]
        for groups in (grouping(self.cases, column=column) for column in TABLE_5):
            notes += self._notes(groups, (SENSITIVITY,))
            tests = [self._p(groups, SENSITIVITY)]
            compared = _known(self._gee(groups, FEATURES_COMPARED)) if groups.overlapping else None
            for level, members in groups.rows():
                rows.append((groups.title, level, *self._shares(members, (SENSITIVITY,), tests), compared))
                tests, compared = [], None  # they stand in the first row
        title = "Sensitivity by feature, type and size of the cancer (as Kim 2018, Table 5)"
        heads = ("group", "level", *_heads(SENSITIVITY), f"{' against '.join(FEATURES_COMPARED)} p")
        return Table("table5_cancers", title, heads, tuple(rows), tuple(notes))

    def _right(self, case: Case) -> bool:
        return (case.score >= self.threshold) == (case.label == 1)

    def _count(self, cases: Sequence[Case], measure: Measure) -> tuple[int, int]:
        """The cases called right, and all that a measure is about."""
        counted = [case for case in cases if case.label in measure.labels]
        return sum(map(self._right, counted)), len(counted)

    def _shares(
        self, cases: Sequence[Case], measures: Sequence[Measure], tests: Sequence[float | None] = ()
    ) -> Iterator[Cell]:
        for index, measure in enumerate(measures):
            right, counted = self._count(cases, measure)
            yield from (right, counted, proportion(right, counted, interval=self.interval))
            yield tests[index] if tests else None

    def _aucs(self, cases: Sequence[Case]) -> tuple[Cell, Cell]:
        scores, labels, patients = scores_of(cases), labels_of(cases), [case.patient for case in cases]
        drawn = bootstrap_auc(scores, labels, patients=patients, resamples=self.resamples, seed=self.seed)
        return auc(scores, labels), drawn

    def _p(self, groups: Grouping, measure: Measure) -> float | None:
        if groups.overlapping:
            return _known(self._gee(groups, [level for level, _ in groups.levels]))
        return _known(chi_square(self._counts(groups, measure)) if groups.levels else math.nan)

    def _counts(self, groups: Grouping, measure: Measure) -> list[tuple[int, int]]:
        """Right and wrong at each level."""
        counts = (self._count(members, measure) for _, members in groups.levels)
        return [(right, counted - right) for right, counted in counts]

    def _gee(self, groups: Grouping, levels: Sequence[str]) -> float:
        rows = [(self._right(case), level, case.patient) for level, members in groups.levels for case in members]
        hits, names, patients = zip(*(row for row in rows if row[1] in levels), strict=True) if rows else ((), (), ())
        return gee(np.array(hits, dtype=int), names, patients=patients)

    def _reading(self) -> str:
        interval = {"wilson": "Wilson", "clopper-pearson": "Clopper-Pearson"}[self.interval]
        return (
            f"Called cancer: exams with a score of {self.threshold:g} or more. Intervals: 95 %, {interval}. "
            "p: Pearson's chi-square between the levels, without continuity correction."
        )

    def _notes(self, groups: Grouping, measures: Sequence[Measure]) -> Iterator[str]:
        """What a reader has to know of one grouping."""
        if not groups.levels:
            yield f"{groups.title}: the datalist does not say."
            return
        if groups.unknown:
            yield f"{groups.title}: not known of {len(groups.unknown)} exams; they count in no p."
        if len(groups.levels) == 1:
            yield f"{groups.title}: one level, nothing to compare."
            return
        for measure in measures:
            if reason := self._doubt(groups, measure):
                yield f"{groups.title}, {measure.name}: {reason}"

    def _doubt(self, groups: Grouping, measure: Measure) -> str | None:
        counts = np.array(self._counts(groups, measure))
        counts = counts[counts.sum(axis=1) > 0]
        if self._p(groups, measure) is None:
            return f"no p; the {measure.all} of a level, or of all, are called the same, or only one level has any."
        if not groups.overlapping and expected_freq(counts).min() < SMALLEST_EXPECTED:
            return f"fewer than {SMALLEST_EXPECTED} cases are expected in a cell; p is a rough guide."
        return None


_AUC_NOTES = (
    "AUC: DeLong's interval (Biometrics 1988, 44:837); of an AUC of 0 or 1 it has no width. AUC bootstrap: percentiles "
    "over patients, those with and without cancer drawn apart. AUC p: chi-square on DeLong's variances.",
)
_FEATURE_NOTES = (
    "Feature: a cancer counts at each of its features; p is of a logistic regression with generalized estimating "
    "equations, patients as clusters, independence as working correlation, robust variance.",
    "Size: of the invasive part.",
)


def _heads(*measures: Measure) -> Iterator[str]:
    for measure in measures:
        yield from (measure.right, measure.all, measure.name, f"{measure.name} p")


def _known(p: float) -> float | None:
    return None if math.isnan(p) else p
