"""Is one set easier than another, is one model better than another? AUCs compared."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.statistics import Estimate, Z, auc, delong, equality
from dibmg_monai.evaluation.tables import Table

DELONG = "DeLong et al. 1988, Biometrics 44:837. Exams count as independent."


@dataclass(frozen=True)
class AucComparison:
    """Two AUCs, how much the second exceeds the first, and the p-value of the test that they are the same."""

    first: Estimate
    second: Estimate
    difference: Estimate
    p: float


def compare_independent(
    scores: ArrayLike, labels: ArrayLike, *, other_scores: ArrayLike, other_labels: ArrayLike
) -> AucComparison:
    """AUCs of two sets that share no case: chi-square test with DeLong's variances, as between the sets of Kim 2018.

    Args:
        scores: (n,), higher means more likely 1.
        labels: (n,), 0 or 1.
        other_scores: (m,) of the second set.
        other_labels: (m,) of the second set.
    """
    sets = [(scores, labels), (other_scores, other_labels)]
    moments = [delong(np.asarray(values, dtype=float)[None], known) for values, known in sets]
    areas = np.concatenate([areas for areas, _ in moments])
    covariance = np.diag([covariance[0, 0] for _, covariance in moments])
    first, second = (auc(*item) for item in sets)
    return _comparison(first, second, areas, covariance, cases=first.cases + second.cases)


def compare_paired(scores: ArrayLike, other_scores: ArrayLike, *, labels: ArrayLike) -> AucComparison:
    """AUCs of two models on the same cases: DeLong's test.

    Args:
        scores: (n,) of the first model, higher means more likely 1.
        other_scores: (n,) of the second model, in the same order.
        labels: (n,), 0 or 1.
    """
    both = np.array([scores, other_scores], dtype=float)
    first, second = (auc(values, labels) for values in both)
    return _comparison(first, second, *delong(both, labels), cases=first.cases)


def equal_aucs(groups: Sequence[tuple[ArrayLike, ArrayLike]]) -> float:
    """p-value of the chi-square test that groups of (scores, labels) without a common case have the same AUC.

    Groups of one class have no AUC and are left out.

    Returns:
        In [0, 1]; nan for fewer than two groups, and where DeLong gives a group no variance: one case of a class, or
        all pairs in the right order.
    """
    moments = [delong(np.asarray(scores, dtype=float)[None], labels) for scores, labels in groups]
    known = [(areas[0], covariance[0, 0]) for areas, covariance in moments if not np.isnan(areas[0])]
    return equality(np.array([area for area, _ in known]), np.diag([variance for _, variance in known]))


def sets_table(sets: Mapping[str, Sequence[Case]]) -> Table:
    """The AUC of a model on two sets of patients, name -> cases, compared as in Kim 2018."""
    (name, cases), (other_name, other) = sets.items()
    found = compare_independent(
        scores_of(cases), labels_of(cases), other_scores=scores_of(other), other_labels=labels_of(other)
    )
    return _table("auc_of_two_sets", "AUC of two sets", {name: found.first, other_name: found.second}, found)


def models_table(models: Mapping[str, Sequence[Case]]) -> Table:
    """The AUC of two models, name -> cases, on the exams that both have scored.

    Raises:
        DatalistError: if they have no exam in common.
    """
    (name, cases), (other_name, other) = models.items()
    by_id = {case.exam_id: case for case in other}
    pairs = [(case, by_id[case.exam_id]) for case in cases if case.exam_id in by_id]
    if not pairs:
        raise DatalistError(f"{name} and {other_name} have scored no exam in common; the same exams are needed")
    first, second = zip(*pairs, strict=True)
    found = compare_paired(scores_of(first), scores_of(second), labels=labels_of(first))
    title = "AUC of two models on the same exams"
    return _table("auc_of_two_models", title, {name: found.first, other_name: found.second}, found)


def _comparison(first: Estimate, second: Estimate, areas: NDArray, covariance: NDArray, *, cases: int) -> AucComparison:
    difference = float(areas[1] - areas[0])
    half = Z * math.sqrt(max(0.0, covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]))
    bounds = Estimate(difference, difference - half, difference + half, cases)
    return AucComparison(first, second, bounds, equality(areas, covariance))


def _table(name: str, title: str, aucs: Mapping[str, Estimate], found: AucComparison) -> Table:
    rows = [(label, estimate, None) for label, estimate in aucs.items()]
    p = None if math.isnan(found.p) else found.p
    return Table(name, title, ("what", "AUC", "p"), (*rows, ("difference", found.difference, p)), (DELONG,))
