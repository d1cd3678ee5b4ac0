"""How much does the score need all four views? Each view, breast and projection left out, without a new inference.

Log-odds of an exam are the mean of those of the views that are there, so scores of results lead to the score of what is
left: exactly so for networks that look at each view for itself, as ours do. Scores were rounded to single precision:
log-odds above 16 are coarse, and those of a score of 1 count as 17.3.
"""

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from scipy.special import expit, logit

from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.comparison import compare_paired
from dibmg_monai.evaluation.tables import Cell, Table
from dibmg_monai.views import VIEWS, Laterality, Projection, View

LOWEST = float(np.finfo(np.float32).tiny)
HIGHEST = 1 - float(np.finfo(np.float32).epsneg) / 2  # what is above becomes 1 in single precision

LEFT_OUT: Mapping[str, tuple[View, ...]] = {
    **{view.value: (view,) for view in VIEWS},
    **{f"{side} breast": tuple(view for view in VIEWS if view.laterality is side) for side in Laterality},
    **{
        f"{projection} views": tuple(view for view in VIEWS if view.projection is projection)
        for projection in Projection
    },
}


Plan = Sequence[tuple[Case, Collection[str]]]  # exams, and the views that each is to lack


def score_without(case: Case, left_out: Collection[str]) -> float | None:
    """The exam's score, 0 to 1, if it lacked some views; None if it has none of them, or no other."""
    scores = {view: found["score"] for view, found in case.result["views"].items()}
    rest = [score for view, score in scores.items() if view not in left_out]
    if not rest or len(rest) == len(scores):
        return None
    return float(expit(logit(np.clip(rest, LOWEST, HIGHEST)).mean()))


def absent_views_table(cases: Sequence[Case], *, seed: int = 0) -> Table:
    """AUC with and without each view, breast and projection, and without the breast that has the cancer.

    Args:
        cases: exams with results.
        seed: of the breast that exams without cancer lack where cancers lack that of the cancer, or the other.
    """
    rows = [_row(name, [(case, views) for case in cases]) for name, views in LEFT_OUT.items()]
    drawn = np.random.default_rng(seed).choice(list(Laterality), len(cases))
    sides = [case.column("cancer_side") if case.label == 1 else side for case, side in zip(cases, drawn, strict=True)]
    one_sided = [(case, side) for case, side in zip(cases, sides, strict=True) if side in set(Laterality)]
    for name, of_cancer in (("cancer's breast", True), ("other breast", False)):
        rows.append(
            _row(name, [(case, [view for view in VIEWS if (view[0] == side) == of_cancer]) for case, side in one_sided])
        )
    certain = sum(found["score"] > HIGHEST for case in cases for found in case.result["views"].values())
    notes = (
        "Exams that have what is left out and anything else; the difference by DeLong's test, exams as independent.",
        "Cancer's breast, other breast: one-sided cancers; exams without cancer lack one breast, drawn at random.",
        *([f"{certain} view scores are 1 to the last digit; they count as {HIGHEST:.9f}."] if certain else []),
    )
    heads = ("left out", "exams", "AUC with it", "AUC without", "change", "p", "mean absolute change of score")
    return Table("absent_views", "Absent views", heads, tuple(rows), notes)


def _row(name: str, plan: Plan) -> tuple[Cell, ...]:
    left = [(case, score) for case, views in plan if (score := score_without(case, views)) is not None]
    scores, cases = np.array([score for _, score in left]), [case for case, _ in left]
    found = compare_paired(scores_of(cases), scores, labels=labels_of(cases))
    shift = float(np.abs(scores - scores_of(cases)).mean()) if left else math.nan
    p = None if math.isnan(found.p) else found.p
    return name, len(left), found.first, found.second, found.difference, p, shift
