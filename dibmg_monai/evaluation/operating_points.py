"""Thresholds chosen on one set for a sensitivity or specificity, and what they do on another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.curves import curves
from dibmg_monai.evaluation.statistics import Interval, proportion
from dibmg_monai.evaluation.tables import Cell, Table


@dataclass(frozen=True)
class Wanted:
    """A sensitivity or specificity that a threshold is to reach, 0 to 1."""

    measure: Literal["sensitivity", "specificity"]
    share: float

    def __str__(self) -> str:
        return f"{self.measure} {self.share:g}"


def threshold_for(wanted: Wanted, *, cases: Sequence[Case]) -> float:
    """The threshold that reaches what is wanted at the least cost to the other.

    For a sensitivity the highest score that, called cancer with all above it, reaches it. For a specificity the lowest
    one; where the highest score of all is a false alarm too many, the next number above it.

    Raises:
        DatalistError: if the cases are all of one class.
    """
    counts = curves(scores_of(cases), labels_of(cases))
    if min(counts.positives, counts.negatives) == 0:
        raise DatalistError(
            f"{wanted}: the set has {counts.positives} cancers and {counts.negatives} others; both are needed"
        )
    thresholds = np.r_[np.nextafter(counts.thresholds[1], np.inf), counts.thresholds[1:]]
    if wanted.measure == "sensitivity":
        return float(thresholds[np.argmax(counts.sensitivity >= wanted.share)])
    return float(thresholds[np.flatnonzero(counts.specificity >= wanted.share)[-1]])


def operating_points_table(
    sets: Mapping[str, Sequence[Case]], *, wanted: Sequence[Wanted], interval: Interval = "wilson"
) -> Table:
    """Thresholds chosen on the first set, and their sensitivity and specificity on all.

    Args:
        sets: name -> cases. Those after the first show how the thresholds transfer.
        wanted: what the thresholds are to reach.
        interval: of the shares.

    Raises:
        DatalistError: if the first set has cases of one class alone.
    """
    chosen_on, *others = sets
    rows = []
    for point in wanted:
        threshold = threshold_for(point, cases=sets[chosen_on])
        for name, cases in sets.items():
            rows.append((str(point), threshold, name, *_shares(cases, threshold, interval=interval)))
    shares = ("detected", "cancers", "sensitivity", "cleared", "non-cancers", "specificity")
    transfer = f" Their transfer to {', '.join(others)} is what to expect of them." if others else ""
    return Table(
        "operating_points",
        f"Operating points chosen on {chosen_on}",
        ("wanted", "threshold", "set", *shares),
        tuple(rows),
        (
            "Called cancer: exams with a score of the threshold or more.",
            f"On {chosen_on} itself the figures flatter, as the thresholds were chosen there.{transfer}",
        ),
    )


def _shares(cases: Sequence[Case], threshold: float, *, interval: Interval) -> Iterator[Cell]:
    scores, labels = scores_of(cases), labels_of(cases)
    for right, of_class in (((scores >= threshold), labels == 1), ((scores < threshold), labels == 0)):
        hits, counted = int((right & of_class).sum()), int(of_class.sum())
        yield from (hits, counted, proportion(hits, counted, interval=interval))
