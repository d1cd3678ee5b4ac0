"""FROC: how many lesions are marked at how many false marks an image, the marks being the local maxima of the maps.

Chakraborty 1989, Med. Phys. 16:561. A mark in a lesion, tolerance included, is never false; a lesion counts once, with
its best mark. Lesions count view by view. Marks count from the highest value down.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dibmg_monai.evaluation.bootstrap import RESAMPLES, draws, percentile
from dibmg_monai.evaluation.localisation import COLUMNS, grouped_exams
from dibmg_monai.evaluation.located import LocatedView, Tolerance
from dibmg_monai.evaluation.statistics import Estimate
from dibmg_monai.evaluation.tables import Cell, Table

RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)  # false marks an image


@dataclass(frozen=True)
class FalseMarks:
    """Marks outside of lesions, counted in some images.

    Attributes:
        values: (marks,) falling.
        falseness: (marks,) how probable it is that each is false: 1, but for marks at random places.
        owners: (marks,) the number of the patient whose each is.
        images: (patients,) how many images of each patient count.
    """

    values: NDArray[np.float64]
    falseness: NDArray[np.float64]
    owners: NDArray[np.int64]
    images: NDArray[np.int64]

    def thresholds(self, rates: Sequence[float], *, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """(rates,) what marks have to exceed so that no more than these are false an image.

        Args:
            rates: false marks an image.
            weights: (patients,) how often each patient counts.
        """
        counts = (self.falseness * weights[self.owners]).cumsum()
        first_too_many = np.searchsorted(counts, np.array(rates) * (self.images @ weights), side="right")
        return np.append(self.values, -np.inf)[first_too_many]


class Froc:
    """The marks and the lesions of views.

    Args:
        views: those without a map do not count, nor those of cancers in which no lesion is known.
        normals_alone: count false marks in images of exams without cancer alone, not in all of these views.
    """

    def __init__(self, views: Sequence[LocatedView], *, normals_alone: bool = False) -> None:
        self.views = [view for view in views if view.dib is not None and (view.lesions or view.case.label == 0)]
        self._counted = np.array([not (view.lesions and normals_alone) for view in self.views], bool)
        patients, self._owners = np.unique([view.case.patient for view in self.views], return_inverse=True)
        self._everyone = np.ones(len(patients))
        marks = [_marks(view) for view in self.views]
        self._values = np.concatenate([np.empty(0), *(values for values, _ in marks)])
        self._of_view = np.repeat(np.arange(len(marks)), np.array([len(values) for values, _ in marks], int))
        self._is_hit = np.concatenate([np.empty(0, bool), *(hits.any(axis=1) for _, hits in marks)])
        best = [np.where(hits, values[:, None], -np.inf).max(axis=0, initial=-np.inf) for values, hits in marks]
        self._best = np.concatenate([np.empty(0), *best])  # (lesions,) value of the best mark in each
        lesions = np.array([len(view.lesions) for view in self.views], int)
        self._lesion_views = np.repeat(np.arange(len(marks)), lesions)

    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False marks an image, and the share of lesions found, at every threshold that finds one more; both rise.

        The first are nan where there is no image to count in.
        """
        thresholds = np.unique(self._best[np.isfinite(self._best)])[::-1]
        false = self._values[self._counted[self._of_view] & ~self._is_hit]
        marked = len(false) - np.searchsorted(np.sort(false), thresholds)
        found = len(self._best) - np.searchsorted(np.sort(self._best), thresholds)
        return marked / (self._counted.sum() or math.nan), found / len(self._best)

    def sensitivity(
        self, groups: Sequence[set[str]], *, rates: Sequence[float] = RATES, seed: int = 0
    ) -> list[list[Estimate]]:
        """The share of the lesions in groups of exams that is found, at some numbers of false marks an image.

        False marks are counted in all views, whatever the group. Intervals are by a bootstrap over patients.

        Args:
            groups: exam ids.
            rates: false marks an image.
            seed: of the bootstrap.

        Returns:
            For each group an estimate at each rate; nan without lesions, or without images to count false marks in.
        """
        members, owners = self._members(groups), self._owners[self._lesion_views]
        false = self._false_marks(~self._is_hit, np.ones(len(self._values)))

        def found(weights: NDArray[np.float64]) -> NDArray[np.float64]:
            hits = self._best > false.thresholds(rates, weights=weights)[:, None]
            return _shares(members * weights[owners], hits)

        if not (members.any() and self._counted.any()):
            return [[Estimate(math.nan, math.nan, math.nan, 0)] * len(rates) for _ in groups]
        with_lesion = np.bincount(owners, minlength=len(self._everyone)) > 0
        drawn = draws(np.arange(len(with_lesion)), with_lesion, resamples=RESAMPLES, seed=seed)
        resampled = np.array([found(weights) for some in drawn for weights in some])
        values = found(self._everyone)
        return [
            [
                _estimate(value, resampled[:, group, rate], owners=owners[chosen])
                for rate, value in enumerate(values[group])
            ]
            for group, chosen in enumerate(members)
        ]

    def chance(self, groups: Sequence[set[str]], *, rates: Sequence[float] = RATES) -> list[list[float]]:
        """As ``sensitivity`` on average, if the same marks were at random places of the breast.

        nan for all if it is not known of each view with lesions where the breast is.
        """
        members = self._members(groups)
        hit = np.array([view.share_of_breast(target) for view in self.views for target in view.targets])
        if np.isnan(hit).any() or not (members.any() and self._counted.any()):
            return [[math.nan] * len(rates) for _ in groups]
        hit_any = np.array([view.share_of_breast(view.target) if view.lesions else 0.0 for view in self.views])
        false = self._false_marks(np.ones(len(self._values), bool), 1 - hit_any[self._of_view])
        thresholds = false.thresholds(rates, weights=self._everyone)
        marks = np.array(
            [np.bincount(self._of_view[self._values > low], minlength=len(self.views)) for low in thresholds]
        )
        return _shares(members, 1 - (1 - hit) ** marks[:, self._lesion_views]).tolist()

    def _members(self, groups: Sequence[set[str]]) -> NDArray[np.bool_]:
        """(groups, lesions) which lesions are of the exams of each group."""
        exams = [self.views[index].case.exam_id for index in self._lesion_views]
        return np.array([[exam in group for exam in exams] for group in groups], bool)

    def _false_marks(self, chosen: NDArray[np.bool_], falseness: NDArray[np.float64]) -> FalseMarks:
        """Marks of the views that count."""
        marks = np.flatnonzero(chosen & self._counted[self._of_view])
        marks = marks[np.argsort(-self._values[marks], kind="stable")]
        images = np.bincount(self._owners[self._counted], minlength=len(self._everyone))
        return FalseMarks(self._values[marks], falseness[marks], self._owners[self._of_view[marks]], images)


def froc_table(views: Sequence[LocatedView], *, tolerance: Tolerance, columns: Sequence[str] = COLUMNS) -> Table:
    """Sensitivity for lesions at some numbers of false marks, an image and an image of an exam without cancer.

    Args:
        views: as for ``Froc``.
        tolerance: that they were read with.
        columns: of the datalist, to group lesions by.
    """
    frocs = [Froc(views), Froc(views, normals_alone=True)]
    groups = list(grouped_exams([view for view in frocs[0].views if view.lesions], columns))
    exams = [members for _, _, members in groups]
    figures = [of_groups for froc in frocs for of_groups in (froc.sensitivity(exams), froc.chance(exams))]
    rows: list[tuple[Cell, ...]] = [
        (group, level, rate, *(of_groups[index][at] for of_groups in figures))
        for index, (group, level, _) in enumerate(groups)
        for at, rate in enumerate(RATES)
    ]
    normals = sum(not view.lesions for view in frocs[0].views)
    notes = [
        f"Marks are the local maxima of the maps; one at most {tolerance} from a lesion finds it.",
        f"False marks are counted in {len(frocs[0].views)} images, {normals} of them of exams without cancer.",
        "Intervals: bootstrap over patients. Chance: the same marks at random places of the breast, on average.",
    ]
    if left_out := len(views) - len(frocs[0].views):
        notes.append(
            f"{left_out} views are left out: they have no map, their image is not there, or no lesion is known."
        )
    heads = ("sensitivity, per image", "chance, per image", "sensitivity, per normal image", "chance, per normal image")
    title = "FROC: lesions found at false marks an image"
    return Table("froc", title, ("group", "level", "false marks", *heads), tuple(rows), tuple(notes), percent=heads)


def _marks(view: LocatedView) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(marks,) values of a map's local maxima, and (marks, lesions) which lesions each is in."""
    marks = list(view.dib.maxima()) if view.dib is not None else []
    hits = [[target.contains(row, column) for target in view.targets] for row, column, _ in marks]
    return np.array([value for _, _, value in marks]), np.array(hits, bool).reshape(len(marks), len(view.targets))


def _shares(members: NDArray, hits: NDArray) -> NDArray[np.float64]:
    """(groups, rates) the mean of (rates, lesions) hits over the lesions of a group, by (groups, lesions) weights."""
    counts = members.sum(axis=1, keepdims=True)
    return np.divide(members @ hits.T, counts, out=np.full((len(members), len(hits)), math.nan), where=counts > 0)


def _estimate(value: float, resampled: NDArray[np.float64], *, owners: NDArray[np.int64]) -> Estimate:
    """A share of lesions, with no interval if they are of one patient."""
    if len(set(owners.tolist())) < 2:
        return Estimate(float(value), math.nan, math.nan, len(owners))
    return percentile(value, resampled, cases=len(owners))
