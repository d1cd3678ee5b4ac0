"""Figures with 95 % confidence intervals."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2_contingency, norm, rankdata

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A figure from 0 to 1 with the bounds of its confidence interval, and how many cases it stands on.

    All three figures are nan where there is nothing to estimate from.
    """

    value: float
    low: float
    high: float
    cases: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f}, n = {self.cases})"


def proportion(hits: int, cases: int) -> Estimate:
    """A share with its Wilson interval (Wilson 1927, JASA 22:209)."""
    if cases == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    z = float(norm.ppf(0.5 + CONFIDENCE / 2))
    share, z2 = hits / cases, z * z / cases
    center = (share + z2 / 2) / (1 + z2)
    half = z * math.sqrt(share * (1 - share) / cases + z2 / (4 * cases)) / (1 + z2)
    return Estimate(share, center - half, center + half, cases)


def auc(scores: ArrayLike, labels: ArrayLike) -> Estimate:
    """Area under the ROC curve with its DeLong interval (DeLong et al. 1988, Biometrics 44:837).

    Args:
        scores: (n,), higher means more likely 1.
        labels: (n,), 0 or 1; with one class alone there is no estimate.
    """
    values, positive = np.asarray(scores, dtype=float), np.asarray(labels) == 1
    if positive.all() or not positive.any():
        return Estimate(math.nan, math.nan, math.nan, len(values))
    of_positives, of_negatives = _placements(values, positive)
    area = float(of_positives.mean())
    variance = _variance_of_mean(of_positives) + _variance_of_mean(of_negatives)
    half = float(norm.ppf(0.5 + CONFIDENCE / 2)) * math.sqrt(variance)
    return Estimate(area, max(0.0, area - half), min(1.0, area + half), len(values))


def mean_of(estimates: list[Estimate]) -> Estimate:
    """The plain mean of independent estimates, with the interval that their own intervals lead to."""
    if not estimates:
        return Estimate(math.nan, math.nan, math.nan, 0)
    value = float(np.mean([estimate.value for estimate in estimates]))
    half = math.sqrt(sum(((estimate.high - estimate.low) / 2) ** 2 for estimate in estimates)) / len(estimates)
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), sum(item.cases for item in estimates))


def chi_square(counts: ArrayLike) -> float:
    """p-value of Pearson's chi-square test of independence, without continuity correction as in Kim 2018.

    Args:
        counts: (groups, outcomes) of cases; groups and outcomes without any case are left out.

    Returns:
        In [0, 1]; nan if fewer than two groups or outcomes are left.
    """
    table = np.asarray(counts)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    return float(chi2_contingency(table, correction=False).pvalue) if min(table.shape) > 1 else math.nan


def _placements(values: NDArray, positive: NDArray) -> tuple[NDArray, NDArray]:
    """For each positive the share of negatives below it, for each negative that of positives above it; ties half."""
    ranks = rankdata(values)
    above = (ranks[positive] - rankdata(values[positive])) / (~positive).sum()
    below = 1 - (ranks[~positive] - rankdata(values[~positive])) / positive.sum()
    return above, below


def _variance_of_mean(values: NDArray) -> float:
    return float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0
