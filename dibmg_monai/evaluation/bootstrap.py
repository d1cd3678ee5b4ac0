"""Intervals that know which exams are of one patient: patients are drawn, with all that is theirs.

Percentile bootstrap over patients (Rutter 2000, Acad. Radiol. 7:413), within patients with and without a cancer: how
many there are of either was set when the cases were collected (Robin et al. 2011, BMC Bioinformatics 12:77 draw cases
and controls apart, too).
"""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dibmg_monai.evaluation.statistics import CONFIDENCE, Estimate

RESAMPLES = 2000
WEIGHTS_AT_ONCE = 2_000_000
Statistic = Callable[[NDArray, NDArray, NDArray], NDArray]


def bootstrap_auc(
    scores: ArrayLike, labels: ArrayLike, *, patients: Sequence[str], resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Area under the ROC curve with its patient-clustered bootstrap interval.

    Args:
        scores: (n,), higher means more likely 1.
        labels: (n,), 0 or 1; with one class alone there is no estimate, with one patient of a class no interval.
        patients: (n,), whose each case is.
        resamples: how often patients are drawn.
        seed: of the draws.
    """
    return _bootstrap(_areas, scores, labels, patients=patients, resamples=resamples, seed=seed)


def bootstrap_average_precision(
    scores: ArrayLike, labels: ArrayLike, *, patients: Sequence[str], resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """Mean of the precision at every threshold, weighted by the gain in recall; arguments as in ``bootstrap_auc``."""
    return _bootstrap(_average_precisions, scores, labels, patients=patients, resamples=resamples, seed=seed)


def bootstrap_mean(
    values: ArrayLike, *, patients: Sequence[str], resamples: int = RESAMPLES, seed: int = 0
) -> Estimate:
    """The mean of (n,) values with its patient-clustered bootstrap interval; further arguments as ``bootstrap_auc``."""
    items = np.asarray(values, dtype=float)
    if len(items) == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    owners = np.unique(np.asarray(patients), return_inverse=True)[1]
    if owners.max() == 0:
        return Estimate(float(items.mean()), math.nan, math.nan, len(items))
    drawn = draws(owners, np.ones(len(items), bool), resamples=resamples, seed=seed)
    return percentile(
        items.mean(), np.concatenate([weights @ items / weights.sum(axis=1) for weights in drawn]), cases=len(items)
    )


def percentile(value: float, found: NDArray, *, cases: int) -> Estimate:
    """A figure with the interval that it had (resamples,) times in; nan, where nothing was drawn, does not count."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(found, [tail, 1 - tail])
    return Estimate(float(value), float(low), float(high), cases)


def _bootstrap(
    statistic: Statistic, scores: ArrayLike, labels: ArrayLike, *, patients: Sequence[str], resamples: int, seed: int
) -> Estimate:
    """A statistic of scores in ascending order, and whether each is of a positive, under (draws, n) weights."""
    order = np.argsort(np.asarray(scores, dtype=float), kind="stable")
    values, positive = np.asarray(scores, dtype=float)[order], np.asarray(labels)[order] == 1
    owners = np.unique(np.asarray(patients), return_inverse=True)[1][order]
    if positive.all() or not positive.any():
        return Estimate(math.nan, math.nan, math.nan, len(values))
    value = float(statistic(values, positive, np.ones((1, len(values))))[0])
    if min(len(np.unique(owners[positive])), len(np.unique(owners[~positive]))) < 2:
        return Estimate(value, math.nan, math.nan, len(values))
    drawn = draws(owners, positive, resamples=resamples, seed=seed)
    found = np.concatenate([statistic(values, positive, weights) for weights in drawn])
    return percentile(value, found, cases=len(values))


def draws(owners: NDArray, positive: NDArray, *, resamples: int = RESAMPLES, seed: int = 0) -> Iterator[NDArray]:
    """How often each of n things is drawn when patients are: (some resamples, n) at a time, so that memory is bounded.

    Args:
        owners: (n,), the number of the patient, from 0 on, whose each is.
        positive: (n,), bool; patients with any such are drawn apart from the others.
        resamples: how often patients are drawn.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    with_cancer = np.bincount(owners, weights=positive) > 0
    strata = [np.flatnonzero(with_cancer), np.flatnonzero(~with_cancer)]
    at_once = max(1, WEIGHTS_AT_ONCE // len(owners))
    for start in range(0, resamples, at_once):
        drawn = np.zeros((min(at_once, resamples - start), len(with_cancer)))
        for stratum in strata:
            if len(stratum) > 0:
                shares = np.full(len(stratum), 1 / len(stratum))
                drawn[:, stratum] = rng.multinomial(len(stratum), shares, size=len(drawn))
        yield drawn[:, owners]


def _areas(values: NDArray, positive: NDArray, weights: NDArray) -> NDArray:
    """The share of pairs that are in the right order; ties count half. nan where a class was not drawn."""
    of_negatives = np.where(positive, 0.0, weights)
    up_to = np.pad(of_negatives.cumsum(axis=1), ((0, 0), (1, 0)))
    before, after = (np.searchsorted(values, values[positive], side=side) for side in ("left", "right"))
    below = (up_to[:, before] + up_to[:, after]) / 2
    pairs = weights[:, positive].sum(axis=1) * up_to[:, -1]
    return _ratio((weights[:, positive] * below).sum(axis=1), pairs)


def _average_precisions(values: NDArray, positive: NDArray, weights: NDArray) -> NDArray:
    """Every distinct value is a threshold, cases at or above it are called positive."""
    starts = np.flatnonzero(np.diff(values, prepend=-np.inf))
    called = weights[:, ::-1].cumsum(axis=1)[:, ::-1][:, starts]
    of_positives = np.where(positive, weights, 0.0)
    hits = of_positives[:, ::-1].cumsum(axis=1)[:, ::-1][:, starts]
    gains = -np.diff(hits, axis=1, append=0.0)
    precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
    return _ratio((gains * precision).sum(axis=1), hits[:, 0])


def _ratio(counts: NDArray, of: NDArray) -> NDArray:
    return np.divide(counts, of, out=np.full(len(counts), math.nan), where=of > 0)
