"""What a score is worth at every threshold: ROC and precision-recall curves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dibmg_monai.evaluation.bootstrap import RESAMPLES, bootstrap_auc, bootstrap_average_precision
from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.statistics import auc, proportion
from dibmg_monai.evaluation.tables import Table


@dataclass(frozen=True)
class Curves:
    """Counts at each threshold, from above all scores down to the lowest.

    Attributes:
        thresholds: (k,) inf, then every different score; a case at or above the threshold is called positive.
        hits: (k,) positives called so.
        false_alarms: (k,) negatives called positive.
        positives: how many there are.
        negatives: how many there are.
    """

    thresholds: NDArray
    hits: NDArray
    false_alarms: NDArray
    positives: int
    negatives: int

    @property
    def sensitivity(self) -> NDArray:
        """(k,) also called recall; nan without positives."""
        return self.hits / (self.positives or np.nan)

    @property
    def specificity(self) -> NDArray:
        """(k,); nan without negatives."""
        return (self.negatives - self.false_alarms) / (self.negatives or np.nan)

    @property
    def precision(self) -> NDArray:
        """(k,) the share of positives among those called so; 1 where none is called."""
        called = self.hits + self.false_alarms
        return np.divide(self.hits, called, out=np.ones(len(called)), where=called > 0)


def curves(scores: ArrayLike, labels: ArrayLike) -> Curves:
    """Counts at every threshold.

    Args:
        scores: (n,), higher means more likely 1.
        labels: (n,), 0 or 1.
    """
    values, positive = np.asarray(scores, dtype=float), np.asarray(labels) == 1
    order = np.argsort(-values, kind="stable")
    values, positive = values[order], positive[order]
    lasts = np.flatnonzero(np.diff(values, append=-np.inf))
    return Curves(
        thresholds=np.r_[np.inf, values[lasts]],
        hits=np.r_[0, positive.cumsum()[lasts]],
        false_alarms=np.r_[0, (~positive).cumsum()[lasts]],
        positives=int(positive.sum()),
        negatives=int((~positive).sum()),
    )


def ranking_table(cases: Sequence[Case], *, resamples: int = RESAMPLES, seed: int = 0) -> Table:
    """AUC and average precision, with what chance would reach."""
    scores, labels, patients = scores_of(cases), labels_of(cases), [case.patient for case in cases]
    prevalence = proportion(int(labels.sum()), len(labels)).value
    drawn = bootstrap_auc(scores, labels, patients=patients, resamples=resamples, seed=seed)
    precision = bootstrap_average_precision(scores, labels, patients=patients, resamples=resamples, seed=seed)
    return Table(
        "ranking",
        "Ranking of the exams",
        ("figure", "interval", "estimate", "chance"),
        (
            ("AUC", "DeLong", auc(scores, labels), 0.5),
            ("AUC", "bootstrap", drawn, 0.5),
            ("average precision", "bootstrap", precision, prevalence),
        ),
        (
            f"Bootstrap: {resamples} draws of patients, those with and without cancer apart.",
            "Average precision, and what chance reaches, depend on the share of cancers in the set.",
        ),
    )
