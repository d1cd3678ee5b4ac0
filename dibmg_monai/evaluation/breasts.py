"""Breasts for themselves: does the breast with the cancer score higher?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dibmg_monai.evaluation.bootstrap import RESAMPLES, bootstrap_auc
from dibmg_monai.evaluation.cases import Case
from dibmg_monai.evaluation.statistics import Estimate, Interval, proportion
from dibmg_monai.evaluation.tables import Table
from dibmg_monai.views import Laterality


@dataclass(frozen=True)
class Breast:
    """A breast with a score, whose state is known: 1 cancer, 0 not."""

    score: float
    label: int
    patient: str


def breasts(cases: Sequence[Case]) -> list[Breast]:
    """The breasts that have a score. Those of a cancer whose side the datalist does not say are left out."""
    return [breast for case in cases for breast in _breasts_of(case)]


def _breasts_of(case: Case) -> Iterator[Breast]:
    sides = case.column("cancer_side") if case.label == 1 else ""
    for side in Laterality:
        score = case.result["breasts"].get(side)
        if sides is not None and score is not None:
            yield Breast(score, int(side in sides), case.patient)


def breast_auc(cases: Sequence[Case], *, resamples: int = RESAMPLES, seed: int = 0) -> Estimate:
    """Area under the ROC curve over breasts; its interval draws patients, whose breasts stay together."""
    found = breasts(cases)
    return bootstrap_auc(
        [breast.score for breast in found],
        [breast.label for breast in found],
        patients=[breast.patient for breast in found],
        resamples=resamples,
        seed=seed,
    )


def side_told(case: Case) -> bool | None:
    """Whether a one-sided cancer's breast scores higher than the other; equal scores are misses.

    None for other exams, and if a breast has no score.
    """
    pair = sorted(_breasts_of(case), key=lambda breast: breast.label)
    if [breast.label for breast in pair] != [0, 1]:
        return None
    other, cancer = pair
    return cancer.score > other.score


def sides_told(cases: Sequence[Case]) -> tuple[int, int]:
    """In how many one-sided cancers the cancer's breast scores higher than the other, and of how many."""
    told = [side for case in cases if (side := side_told(case)) is not None]
    return sum(told), len(told)


def breasts_table(
    cases: Sequence[Case], *, interval: Interval = "wilson", resamples: int = RESAMPLES, seed: int = 0
) -> Table:
    """AUC over breasts, and how often the cancer's breast scores higher, each beside chance."""
    found = breasts(cases)
    hits, one_sided = sides_told(cases)
    cancers = sum(breast.label for breast in found)
    area = breast_auc(cases, resamples=resamples, seed=seed)
    left_out = sum(case.label == 1 and case.column("cancer_side") is None for case in cases)
    unknown = f" The side of {left_out} cancers is not known; they are left out." if left_out else ""
    return Table(
        "breasts",
        "Breasts",
        ("figure", "hits", "cases", "estimate", "chance"),
        (
            (f"AUC over breasts, {cancers} with cancer", None, len(found), area, 0.5),
            ("cancer's breast scores higher", hits, one_sided, proportion(hits, one_sided, interval=interval), 0.5),
        ),
        (f"AUC: bootstrap over patients. Scores higher: of cancers in one breast; ties are misses.{unknown}",),
    )
