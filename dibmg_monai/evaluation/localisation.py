"""Does the map show where the cancer is? Figures for views whose lesions are known, each beside what chance reaches."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dibmg_monai.evaluation.bootstrap import bootstrap_mean
from dibmg_monai.evaluation.groups import grouping
from dibmg_monai.evaluation.located import LocatedView, Tolerance
from dibmg_monai.evaluation.maps import CellMap, strongest, thresholded
from dibmg_monai.evaluation.statistics import proportion
from dibmg_monai.evaluation.tables import Cell, Table

COLUMNS = ("features", "size_mm", "density")
TOP_SHARE = 0.02  # of the image: about what a large lesion covers
PATIENTS = "Intervals: bootstrap over patients."

Summary = Callable[[NDArray[np.float64], Sequence[str]], Cell]  # of (n,) values of views, and their patients
Shown = Callable[[CellMap], NDArray[np.bool_]]  # the cells that a map points out


@dataclass(frozen=True)
class Figure:
    """A figure of a view with lesions, nan where it is not known, and how a table sums it up."""

    name: str
    of: Callable[[LocatedView], float]
    summary: Summary


def pointing_table(views: Sequence[LocatedView], *, tolerance: Tolerance, columns: Sequence[str] = COLUMNS) -> Table:
    """The pointing game (Zhang et al. 2018, IJCV 126:1084): how often the map's peak lies in a lesion.

    Args:
        views: those without lesions do not count.
        tolerance: that they were read with.
        columns: of the datalist, to group by.
    """
    figures = (
        Figure("peak in lesion", lambda view: view.target.contains(*view.peak), _share),
        Figure("chance on the image", lambda view: view.share_of_image(view.target), _mean),
        Figure("chance in the breast", lambda view: view.share_of_breast(view.target), _mean),
    )
    notes = (
        f"A hit is a peak at most {tolerance} from a lesion of its view. Wilson intervals: views count as independent.",
        "Chance is the part of the image, or of the breast, in which a peak would be a hit.",
    )
    title = "Pointing game: the map's peak in a lesion"
    return _shares_table("pointing", title, views, figures=figures, columns=columns, notes=notes)


def energy_table(views: Sequence[LocatedView], *, columns: Sequence[str] = COLUMNS) -> Table:
    """Which part of a map's positive evidence lies in the lesions (Wang et al. 2020, CVPR Workshops, section 4.3).

    Args:
        views: those without lesions or map do not count.
        columns: of the datalist, to group by.
    """
    figures = (
        Figure("energy in lesions", _energy, _interval),
        Figure("chance on the image", lambda view: view.share_of_image(view.lesion), _mean),
        Figure("chance in the breast", lambda view: view.share_of_breast(view.lesion), _mean),
    )
    notes = (
        f"Energy is positive log-odds times area, on the image; a map without any counts as 0. {PATIENTS}",
        "Chance is the part of the image, or of the breast, that lesions cover: what even evidence would reach.",
    )
    title = "Energy: the part of the map's positive evidence in lesions"
    return _shares_table("energy", title, views, figures=figures, columns=columns, notes=notes)


def overlap_table(
    views: Sequence[LocatedView],
    *,
    columns: Sequence[str] = COLUMNS,
    above: Sequence[float] = (0.0,),
    top_shares: Sequence[float] = (TOP_SHARE,),
) -> Table:
    """Dice and IoU of the lesions and of the cells that the map points out.

    Args:
        views: those without lesions or map do not count.
        columns: of the datalist, to group by.
        above: cells of log-odds above each of these;
        top_shares: and the strongest cells, as many as cover each of these parts of the image.
    """
    cells: dict[str, Shown] = {f"log-odds above {low:g}": _above(low) for low in above}
    cells |= {f"strongest {100 * share:.3g} % of the image": _strongest(share) for share in top_shares}
    figures = {name: _overlap_figures(shown) for name, shown in cells.items()}
    notes = (
        f"Areas are exact to parts of pixels. {PATIENTS}",
        "Random: the same area at random places of the breast, on average. Whole breast: all of it pointed out.",
        *_left_out(views),
    )
    return Table(
        "overlap",
        "Overlap of the lesions and of what the map points out",
        ("cells", *_heads(_overlap_figures(_above(0)))),
        tuple((name, *row) for name, of_cells in figures.items() for row in _rows(views, of_cells, columns)),
        notes,
    )


def _above(low: float) -> Shown:
    return lambda dib: thresholded(dib.values, above=low)


def _strongest(share: float) -> Shown:
    return lambda dib: strongest(dib, share=share)


def _energy(view: LocatedView) -> float:
    if view.dib is None:
        return math.nan
    evidence = view.dib.values.clip(min=0)
    total = float((evidence * view.dib.areas()).sum())
    return float((evidence * view.dib.areas(view.lesion)).sum()) / total if total > 0 else 0.0


def _overlap_figures(shown: Shown) -> tuple[Figure, ...]:
    def area(view: LocatedView) -> float:
        return math.nan if view.dib is None else float(view.dib.areas()[shown(view.dib)].sum())

    def common(view: LocatedView) -> float:
        return math.nan if view.dib is None else float(view.dib.areas(view.lesion)[shown(view.dib)].sum())

    def dice(view: LocatedView) -> float:
        return 2 * common(view) / (area(view) + view.lesion.area)

    def random_dice(view: LocatedView) -> float:
        drawn = min(1.0, area(view) / view.breast_area)
        return 2 * drawn * view.area_in_breast(view.lesion) / (area(view) + view.lesion.area)

    def breast_dice(view: LocatedView) -> float:
        return 2 * view.area_in_breast(view.lesion) / (view.breast_area + view.lesion.area)

    return (
        Figure("Dice", dice, _interval),
        Figure("Dice, random", random_dice, _mean),
        Figure("Dice, whole breast", breast_dice, _mean),
        Figure("IoU", lambda view: _iou(dice(view)), _interval),
        Figure("IoU, whole breast", lambda view: _iou(breast_dice(view)), _mean),
    )


def _iou(dice: float) -> float:
    """Intersection over union of two areas with this Dice coefficient."""
    return dice / (2 - dice)


def _shares_table(
    name: str,
    title: str,
    views: Sequence[LocatedView],
    *,
    figures: Sequence[Figure],
    columns: Sequence[str],
    notes: Sequence[str],
) -> Table:
    """A table of figures that are all shares."""
    rows, percent = tuple(_rows(views, figures, columns)), tuple(figure.name for figure in figures)
    return Table(name, title, _heads(figures), rows, (*notes, *_left_out(views)), percent)


def _heads(figures: Sequence[Figure]) -> tuple[str, ...]:
    return ("group", "level", *(figure.name for figure in figures))


def _rows(
    views: Sequence[LocatedView], figures: Sequence[Figure], columns: Sequence[str]
) -> Iterator[tuple[Cell, ...]]:
    """A row for all views with lesions, and one for each level of the columns."""
    views = [view for view in views if view.lesions]
    values = [np.array([figure.of(view) for view in views], float) for figure in figures]
    patients = np.array([view.case.patient for view in views], object)
    for group, level, exams in grouped_exams(views, columns):
        chosen = np.array([view.case.exam_id in exams for view in views], bool)
        summed = (
            figure.summary(of_views[chosen], list(patients[chosen]))
            for figure, of_views in zip(figures, values, strict=True)
        )
        yield group, level, *summed


def grouped_exams(views: Sequence[LocatedView], columns: Sequence[str]) -> Iterator[tuple[str, str, set[str]]]:
    """Group, level and the exams at it: first all, then the levels of each column."""
    cases = list({view.case.exam_id: view.case for view in views}.values())
    yield "all", "", {case.exam_id for case in cases}
    for column in columns:
        groups = grouping(cases, column=column)
        yield from ((groups.title, level, {case.exam_id for case in members}) for level, members in groups.levels)


def _share(values: NDArray[np.float64], _: Sequence[str]) -> Cell:
    return proportion(int(values.sum()), len(values))


def _interval(values: NDArray[np.float64], patients: Sequence[str]) -> Cell:
    known = ~np.isnan(values)
    return bootstrap_mean(values[known], patients=list(np.array(patients, object)[known]))


def _mean(values: NDArray[np.float64], _: Sequence[str]) -> Cell:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else math.nan


def _left_out(views: Sequence[LocatedView]) -> Iterator[str]:
    views = [view for view in views if view.lesions]
    if no_map := sum(view.dib is None for view in views):
        yield f"{no_map} of {len(views)} views have no map (inference with outputs [map] writes them)."
    if no_breast := sum(view.breast is None for view in views):
        yield f"In {no_breast} of {len(views)} views the breast is not known: the image is not there, or shows none."
