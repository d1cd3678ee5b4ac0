"""The few figures that say most of what a model is worth."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dibmg_monai.evaluation.breasts import sides_told
from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.located import LocatedView, Tolerance
from dibmg_monai.evaluation.statistics import Estimate, Interval, auc, mean_of, proportion
from dibmg_monai.evaluation.within import auc_within

SIDE_CHANCE = 0.5


@dataclass(frozen=True)
class Headline:
    """What a model is worth on a set of exams.

    Attributes:
        exam_auc: over all exams.
        threshold: a score at or above it calls an exam cancer.
        sensitivity: the share of cancers called so.
        specificity: the share of other exams not called so.
        auc_within: group -> AUC of the exams in it: free of what tells the groups apart.
        mean_auc_within: their plain mean.
        cancer_side_higher: in one-sided cancers, how often the cancer's breast scores higher; chance is 0.5.
        peak_in_mask: over views whose lesions are known, how often the map's peak lies in one.
        peak_chance: the same for a peak placed at random on the image; nan without such views.
        tolerance: how far from the lesion a peak still counts as in it.
    """

    exam_auc: Estimate
    threshold: float
    sensitivity: Estimate
    specificity: Estimate
    auc_within: Mapping[str, Estimate]
    mean_auc_within: Estimate
    cancer_side_higher: Estimate
    peak_in_mask: Estimate
    peak_chance: float
    tolerance: Tolerance

    def lines(self) -> Iterator[str]:
        """One figure a line, with 95 % confidence intervals."""
        yield f"exam AUC                      {_text(self.exam_auc)}"
        for group, estimate in self.auc_within.items():
            yield f"  within {group:20} {_text(estimate)}"
        if self.auc_within:
            yield f"mean AUC within groups        {_text(self.mean_auc_within)}"
        yield f"sensitivity at {self.threshold:<15g}{_text(self.sensitivity)}"
        yield f"specificity at {self.threshold:<15g}{_text(self.specificity)}"
        yield f"cancer's side scores higher   {_text(self.cancer_side_higher, chance=SIDE_CHANCE)}"
        allowed = f"; tolerance {self.tolerance}" if self.tolerance.distance else ""
        yield f"peak in the lesion's mask     {_text(self.peak_in_mask, chance=self.peak_chance)}{allowed}"


def headline(
    cases: Sequence[Case],
    *,
    views: Sequence[LocatedView],
    threshold: float,
    within: Sequence[str] = (),
    tolerance: Tolerance,
    interval: Interval = "wilson",
) -> Headline:
    """The figures of some exams.

    Args:
        cases: exams with results.
        views: of these exams, as ``read_views`` gives them.
        threshold: a score at or above it calls an exam cancer.
        within: columns of the datalist that define groups to take AUCs within.
        tolerance: that the views were read with.
        interval: of shares.
    """
    groups = auc_within(cases, columns=within) if within else {}
    scores, labels = scores_of(cases), labels_of(cases)
    detected, cleared = scores[labels == 1] >= threshold, scores[labels == 0] < threshold
    with_lesions = [view for view in views if view.lesions]
    hits = sum(view.target.contains(*view.peak) for view in with_lesions)
    chances = [view.share_of_image(view.target) for view in with_lesions]
    return Headline(
        exam_auc=auc(scores, labels),
        threshold=threshold,
        sensitivity=proportion(int(detected.sum()), len(detected), interval=interval),
        specificity=proportion(int(cleared.sum()), len(cleared), interval=interval),
        auc_within=groups,
        mean_auc_within=mean_of(list(groups.values())),
        cancer_side_higher=proportion(*sides_told(cases), interval=interval),
        peak_in_mask=proportion(hits, len(with_lesions), interval=interval),
        peak_chance=sum(chances) / len(chances) if chances else math.nan,
        tolerance=tolerance,
    )


def _text(estimate: Estimate, *, chance: float | None = None) -> str:
    if math.isnan(estimate.value):
        return "not measured"
    return f"{estimate}" if chance is None else f"{estimate}; chance {chance:.3f}"
