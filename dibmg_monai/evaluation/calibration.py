"""Do scores mean what they say? Reliability, Brier score, and a temperature that is offered, never applied."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.statistics import Estimate, proportion
from dibmg_monai.evaluation.tables import Cell, Table

BINS = 10
SMALLEST_SCORE = 1e-7  # and 1 minus it: scores of 0 and 1 have no logit
TEMPERATURES = (0.01, 100.0)  # between which one is looked for


@dataclass(frozen=True)
class Bin:
    """Cases of similar score: the bounds and the mean of their scores, how many are positive, and which share."""

    lowest: float
    highest: float
    mean_score: float
    positives: int
    share: Estimate


@dataclass(frozen=True)
class Brier:
    """The mean squared difference of score and label, and its parts: reliability - resolution + uncertainty (Murphy
    1973, J. Appl. Meteor. 12:595). The parts are of the bins' mean scores, so they leave out what varies within a bin.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float


def reliability(scores: ArrayLike, labels: ArrayLike, *, bins: int = BINS) -> tuple[Bin, ...]:
    """Cases in order of their score, in bins of equal number; cases of one score stay together.

    Args:
        scores: (n,), in [0, 1].
        labels: (n,), 0 or 1.
        bins: how many; fewer where scores are the same.
    """
    order = np.argsort(np.asarray(scores), kind="stable")
    values, positive = np.asarray(scores, dtype=float)[order], np.asarray(labels)[order] == 1
    cuts = np.searchsorted(values, values[np.arange(1, bins) * len(values) // bins])
    parts = zip(np.split(values, np.unique(cuts)), np.split(positive, np.unique(cuts)), strict=True)
    return tuple(_bin(part, known) for part, known in parts if len(part) > 0)


def _bin(scores: NDArray, positive: NDArray) -> Bin:
    hits, bounds = int(positive.sum()), (float(scores[0]), float(scores[-1]))
    return Bin(*bounds, float(scores.mean()), hits, proportion(hits, len(scores)))


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: the mean distance of score and share of positives, over cases."""
    cases = [part.share.cases for part in bins]
    return float(np.average([abs(part.mean_score - part.share.value) for part in bins], weights=cases))


def brier(scores: ArrayLike, labels: ArrayLike, *, bins: int = BINS) -> Brier:
    """The Brier score with its decomposition over the bins of ``reliability``; arguments as there."""
    parts, prevalence = reliability(scores, labels, bins=bins), float(np.mean(np.asarray(labels)))
    cases = [part.share.cases for part in parts]
    shares, means = ([part.share.value for part in parts], [part.mean_score for part in parts])
    return Brier(
        score=float(np.mean((np.asarray(scores) - np.asarray(labels)) ** 2)),
        reliability=float(np.average((np.array(means) - shares) ** 2, weights=cases)),
        resolution=float(np.average((np.array(shares) - prevalence) ** 2, weights=cases)),
        uncertainty=prevalence * (1 - prevalence),
    )


def log_loss(scores: ArrayLike, labels: ArrayLike) -> float:
    """The mean negative log-likelihood of the labels."""
    likelihood = np.where(np.asarray(labels) == 1, _inside(scores), 1 - _inside(scores))
    return float(-np.log(likelihood).mean())


def with_temperature(scores: ArrayLike, *, temperature: float) -> NDArray:
    """Scores whose logits are divided by a temperature: above 1 they are less sure. Their order stays."""
    inside = _inside(scores)
    return 1 / (1 + np.exp(-np.log(inside / (1 - inside)) / temperature))


def fit_temperature(scores: ArrayLike, labels: ArrayLike) -> float:
    """The temperature at which labels are likeliest (Guo et al. 2017, ICML).

    Args:
        scores: (n,), in [0, 1], of a set that no figures are taken from: validation.
        labels: (n,), 0 or 1.

    Returns:
        From 0.01, where all labels are on the right side, to 100, where scores say nothing.
    """

    def loss(log_temperature: float) -> float:
        return log_loss(with_temperature(scores, temperature=math.exp(log_temperature)), labels)

    bounds = tuple(map(math.log, TEMPERATURES))
    return math.exp(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-8}).x)


def calibration_table(
    cases: Sequence[Case], *, fit_on: Sequence[Case] | None = None, name_of_fit: str = "validation", bins: int = BINS
) -> Table:
    """Calibration of the scores as they are, and as a temperature would make them.

    Args:
        cases: to measure.
        fit_on: other cases, to fit the temperature on; without them none is offered.
        name_of_fit: what they are called.
        bins: of the calibration error and the decomposition.

    Raises:
        DatalistError: if an exam to fit on is also one to measure.
    """
    scores, labels = scores_of(cases), labels_of(cases)
    rows = [_row("as they are", 1.0, scores, labels, bins=bins)]
    rarer = "It holds for the share of cancers in this set; where they are rarer, scores are too high."
    notes = [_bins_note(bins), rarer]
    if fit_on is not None:
        shared = {case.exam_id for case in cases} & {case.exam_id for case in fit_on}
        if shared:
            raise DatalistError(f"the temperature would be fitted on {len(shared)} exams that it is measured on")
        temperature = fit_temperature(scores_of(fit_on), labels_of(fit_on))
        warmed = with_temperature(scores, temperature=temperature)
        rows.append(_row(f"with the temperature of {name_of_fit}", temperature, warmed, labels, bins=bins))
        notes.append("The temperature is an offer: results keep the model's scores.")
    heads = ("mean score", "share of cancers", "ECE", "Brier", "reliability", "resolution", "uncertainty", "log loss")
    columns = ("scores", "temperature", "exams", *heads)
    return Table("calibration", "Calibration", columns, tuple(rows), tuple(notes), percent=("share of cancers",))


def reliability_table(cases: Sequence[Case], *, bins: int = BINS) -> Table:
    """The reliability curve, bin by bin."""
    parts = reliability(scores_of(cases), labels_of(cases), bins=bins)
    rows = tuple(
        (part.lowest, part.highest, part.mean_score, part.positives, part.share.cases, part.share) for part in parts
    )
    heads = ("lowest score", "highest score", "mean score", "cancers", "exams", "share of cancers")
    return Table("reliability", "Reliability of the scores", heads, rows, (_bins_note(bins),))


def _row(title: str, temperature: float, scores: NDArray, labels: NDArray, *, bins: int) -> tuple[Cell, ...]:
    parts = brier(scores, labels, bins=bins)
    error = calibration_error(reliability(scores, labels, bins=bins))
    means = (float(scores.mean()), float(labels.mean()))
    squares = (parts.score, parts.reliability, parts.resolution, parts.uncertainty)
    return (title, temperature, len(scores), *means, error, *squares, log_loss(scores, labels))


def _bins_note(bins: int) -> str:
    return f"{bins} bins of equally many exams, in order of their score; exams of one score stay in one bin."


def _inside(scores: ArrayLike) -> NDArray:
    return np.clip(np.asarray(scores, dtype=float), SMALLEST_SCORE, 1 - SMALLEST_SCORE)
