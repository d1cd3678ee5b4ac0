"""Figures with 95 % confidence intervals, and the tests that compare them."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta, chi2, chi2_contingency, norm, rankdata

CONFIDENCE = 0.95
Z = float(norm.ppf(0.5 + CONFIDENCE / 2))

Interval = Literal["wilson", "clopper-pearson"]


@dataclass(frozen=True)
class Estimate:
    """A figure with the bounds of its confidence interval, and how many cases it stands on.

    All three figures are nan where there is nothing to estimate from; the bounds alone where there is too little to
    say how sure the figure is.
    """

    value: float
    low: float
    high: float
    cases: int

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f}-{self.high:.3f}, n = {self.cases})"


@dataclass(frozen=True)
class Share(Estimate):
    """An estimate that is a count of cases over all of them."""

    @property
    def hits(self) -> int:
        """The cases counted."""
        return round(self.value * self.cases) if self.cases else 0


def proportion(hits: int, cases: int, *, interval: Interval = "wilson") -> Share:
    """A share with its Wilson (1927, JASA 22:209) or Clopper-Pearson (1934, Biometrika 26:404) interval."""
    if cases == 0:
        return Share(math.nan, math.nan, math.nan, 0)
    bounds = _wilson if interval == "wilson" else _clopper_pearson
    return Share(hits / cases, *bounds(hits, cases), cases)


def _wilson(hits: int, cases: int) -> tuple[float, float]:
    share, z2 = hits / cases, Z * Z / cases
    center = (share + z2 / 2) / (1 + z2)
    half = Z * math.sqrt(share * (1 - share) / cases + z2 / (4 * cases)) / (1 + z2)
    return (center - half if hits > 0 else 0.0), (center + half if hits < cases else 1.0)


def _clopper_pearson(hits: int, cases: int) -> tuple[float, float]:
    tail = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, hits, cases - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, cases - hits)) if hits < cases else 1.0
    return low, high


def auc(scores: ArrayLike, labels: ArrayLike) -> Estimate:
    """Area under the ROC curve with its DeLong interval (DeLong et al. 1988, Biometrics 44:837).

    Args:
        scores: (n,), higher means more likely 1.
        labels: (n,), 0 or 1; with one class alone there is no estimate, with one case of a class no interval.
    """
    areas, covariance = delong(np.asarray(scores, dtype=float)[None], labels)
    return bounded(float(areas[0]), variance=float(covariance[0, 0]), cases=np.size(labels))


def delong(scores: NDArray, labels: ArrayLike) -> tuple[NDArray, NDArray]:
    """Areas under the ROC curves of several models on the same cases, and how they vary together.

    DeLong et al. 1988, Biometrics 44:837, by ranks (Sun and Xu 2014, IEEE Signal Process. Lett. 21:1389).

    Args:
        scores: (models, n), higher means more likely 1.
        labels: (n,), 0 or 1.

    Returns:
        (models,) areas and their (models, models) covariance; nan with one class alone, the covariance also with one
        case of a class.
    """
    positive = np.asarray(labels) == 1
    smaller_class = min(int(positive.sum()), int((~positive).sum()))
    models = len(scores)
    unknown = np.full((models, models), math.nan)
    if smaller_class == 0:
        return unknown[0], unknown
    above, below = zip(*(_placements(values, positive) for values in scores), strict=True)
    areas = np.mean(above, axis=1)
    if smaller_class == 1:
        return areas, unknown
    of_positives, of_negatives = (np.cov(part).reshape(models, models) / len(part[0]) for part in (above, below))
    return areas, of_positives + of_negatives


def bounded(area: float, *, variance: float, cases: int) -> Estimate:
    """An estimate between 0 and 1 with the normal interval that its variance leads to."""
    half = Z * math.sqrt(variance)
    if math.isnan(half):
        return Estimate(area, math.nan, math.nan, cases)
    return Estimate(area, max(0.0, area - half), min(1.0, area + half), cases)


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


def equality(values: NDArray, covariance: NDArray) -> float:
    """p-value of the chi-square test (Wald) that estimates have one true value.

    Args:
        values: (k,) estimates, roughly normal.
        covariance: (k, k) theirs; diagonal if they are independent.

    Returns:
        In [0, 1]; nan for fewer than two estimates, or where one has no variance or their differences have none and
        yet are not 0.
    """
    if len(values) < 2 or not np.isfinite(covariance).all() or (np.diag(covariance) <= 0).any():
        return math.nan
    contrast = np.hstack([np.ones((len(values) - 1, 1)), -np.eye(len(values) - 1)])
    differences, spread = contrast @ values, contrast @ covariance @ contrast.T
    if np.allclose(differences, 0):
        return 1.0
    if np.linalg.matrix_rank(spread) < len(spread):
        return math.nan
    return float(chi2.sf(differences @ np.linalg.solve(spread, differences), len(spread)))


def _placements(values: NDArray, positive: NDArray) -> tuple[NDArray, NDArray]:
    """For each positive the share of negatives below it, for each negative that of positives above it; ties half."""
    ranks = rankdata(values)
    above = (ranks[positive] - rankdata(values[positive])) / (~positive).sum()
    below = 1 - (ranks[~positive] - rankdata(values[~positive])) / positive.sum()
    return above, below
