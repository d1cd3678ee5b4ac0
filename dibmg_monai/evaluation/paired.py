"""Two models on the same exams, hit by hit: who finds what the other does not?"""

from collections.abc import Iterator, Mapping, Sequence

from scipy.stats import binomtest

from dibmg_monai.evaluation.breasts import side_told
from dibmg_monai.evaluation.cases import Case
from dibmg_monai.evaluation.located import LocatedView
from dibmg_monai.evaluation.statistics import Interval, proportion
from dibmg_monai.evaluation.tables import Cell, Table

Pairs = Sequence[tuple[bool, bool]]  # whether the first model and the second hit, case by case


def hits_table(
    models: Mapping[str, Sequence[Case]],
    *,
    views: Sequence[LocatedView],
    threshold: float,
    interval: Interval = "wilson",
) -> Table:
    """Detected cancers, cleared exams, sides told and peaks in lesions of two models, on what both have scored.

    Args:
        models: name -> cases, of two models.
        views: of the first one's cases; those without lesions do not count.
        threshold: a score at or above it calls an exam cancer.
        interval: of the shares.
    """
    (name, cases), (other_name, other) = models.items()
    by_id = {case.exam_id: case for case in other}
    both = [(case, by_id[case.exam_id]) for case in cases if case.exam_id in by_id]
    figures: dict[str, Pairs] = {
        "sensitivity": [(a.score >= threshold, b.score >= threshold) for a, b in both if a.label == 1],
        "specificity": [(a.score < threshold, b.score < threshold) for a, b in both if a.label == 0],
        "cancer's breast scores higher": [
            (side, other_side)
            for a, b in both
            if (side := side_told(a)) is not None and (other_side := side_told(b)) is not None
        ],
        "peak in lesion": list(_peaks(views, by_id)),
    }
    rows = tuple((what, *_cells(pairs, interval=interval)) for what, pairs in figures.items())
    return Table(
        "hits_of_two_models",
        "Hits of two models on the same exams",
        ("figure", name, other_name, f"{name} alone", f"{other_name} alone", "p"),
        rows,
        ("p: McNemar's test, exact: of the cases in which one model alone hits, is it as often either?",),
    )


def mcnemar(first_alone: int, second_alone: int) -> float | None:
    """Exact p-value of McNemar's test; None if the models hit the same cases."""
    apart = first_alone + second_alone
    return float(binomtest(first_alone, apart).pvalue) if apart else None


def _peaks(views: Sequence[LocatedView], others: Mapping[str, Case]) -> Iterator[tuple[bool, bool]]:
    for view in views:
        found = others[view.case.exam_id].result["views"].get(view.view) if view.case.exam_id in others else None
        if view.lesions and found is not None:
            peak = found["peak_row"], found["peak_column"]
            yield view.target.contains(*view.peak), view.target.contains(*peak)


def _cells(pairs: Pairs, *, interval: Interval) -> tuple[Cell, ...]:
    first, second = (proportion(sum(pair[index] for pair in pairs), len(pairs), interval=interval) for index in (0, 1))
    alone = sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
    return first, second, *alone, mcnemar(*alone)
