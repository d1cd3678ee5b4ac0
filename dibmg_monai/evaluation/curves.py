"""What a score is worth at every threshold: ROC and precision-recall curves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dibmg_monai.evaluation.bootstrap import RESAMPLES, bootstrap_auc, bootstrap_average_precision, draws
from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.statistics import CONFIDENCE, auc, proportion
from dibmg_monai.evaluation.tables import Table

BAND_RESAMPLES = 500


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


def roc_band(
    cases: Sequence[Case], *, false_alarm_rates: NDArray, resamples: int = BAND_RESAMPLES, seed: int = 0
) -> tuple[NDArray, NDArray]:
    """Between which sensitivities the ROC curve lies at each false alarm rate: percentiles over patients.

    Args:
        cases: of both classes.
        false_alarm_rates: (k,) 0 to 1.
        resamples: how often patients are drawn.
        seed: of the draws.

    Returns:
        (k,) lowest and (k,) highest sensitivities.
    """
    scores, positive = scores_of(cases), labels_of(cases) == 1
    order = np.argsort(-scores, kind="stable")
    lasts = np.flatnonzero(np.diff(scores[order], append=-np.inf))
    owners = np.unique([case.patient for case in cases], return_inverse=True)[1]
    found = []
    for weights in draws(owners, positive, resamples=resamples, seed=seed):
        hits, false = (
            np.pad(np.where(of_class, weights, 0.0)[:, order].cumsum(axis=1)[:, lasts], ((0, 0), (1, 0)))
            for of_class in (positive, ~positive)
        )
        for rising, across in zip(hits, false, strict=True):
            if rising[-1] and across[-1]:
                found.append(np.interp(false_alarm_rates, across / across[-1], rising / rising[-1]))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(found, [tail, 1 - tail], axis=0)
    return low, high


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
