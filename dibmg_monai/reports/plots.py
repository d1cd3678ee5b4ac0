"""The curves of a report as SVG, drawn with matplotlib."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from dibmg_monai.evaluation.calibration import Bin
from dibmg_monai.evaluation.curves import Curves
from dibmg_monai.evaluation.statistics import Estimate
from dibmg_monai.evaluation.wording import words
from dibmg_monai.reports.section import Figure

# Okabe and Ito's colors, which the color-blind can tell apart.
BLUE, ORANGE, GREEN, GRAY = "#0072b2", "#d55e00", "#009e73", "#777777"
COLORS = (BLUE, ORANGE, GREEN)
SIDE_INCHES = 4.2
POINTS: dict[str, Any] = {"marker": "o", "markersize": 4, "linewidth": 1.2, "capsize": 2.5}
Band = tuple[NDArray, NDArray, NDArray]  # where, lowest, highest


def roc(curves: Mapping[str, Curves], *, aucs: Mapping[str, Estimate], band: Band, threshold: float) -> Figure:
    """ROC curves by name; the first one has a band and a point at the threshold.

    Args:
        curves: name -> counts with both classes.
        aucs: name -> area.
        band: false alarm rates, and between which sensitivities the first curve lies.
        threshold: of the point.
    """
    with _axes() as (canvas, axes):
        axes.plot((0, 1), (0, 1), color=GRAY, linewidth=0.8, linestyle="--", label="chance")
        across, low, high = band
        axes.fill_between(across, low, high, color=BLUE, alpha=0.15, linewidth=0, label="95 % band")
        for color, (name, found) in zip(COLORS, curves.items(), strict=False):
            label = f"{name}: AUC {aucs[name].value:.3f}"
            axes.plot(1 - found.specificity, found.sensitivity, color=color, linewidth=1.6, label=label)
        first = next(iter(curves.values()))
        sensitivity, specificity = _at(first, threshold)
        axes.plot(1 - specificity, sensitivity, "o", color=BLUE, label=f"threshold {threshold:g}")
        _unit_square(axes, "1 - specificity", "sensitivity")
        axes.legend(loc="lower right")
        texts = ", ".join(f"{name}: AUC {words(area)}" for name, area in aucs.items())
        alt = f"ROC curves. {texts}. At {threshold:g}: {sensitivity:.1%} sensitivity, {specificity:.1%} specificity."
        return _figure(canvas, "ROC curve", alt)


def precision_recall(curves: Mapping[str, Curves], *, threshold: float) -> Figure:
    """Precision-recall curves by name, with the precision of chance."""
    with _axes() as (canvas, axes):
        first = next(iter(curves.values()))
        share = first.positives / (first.positives + first.negatives)
        axes.axhline(share, color=GRAY, linewidth=0.8, linestyle="--", label="chance")
        for color, (name, found) in zip(COLORS, curves.items(), strict=False):
            axes.step(found.sensitivity, found.precision, where="pre", color=color, linewidth=1.6, label=name)
        at = _index(first, threshold)
        point = first.sensitivity[at], first.precision[at]
        axes.plot(*point, "o", color=BLUE, label=f"threshold {threshold:g}")
        _unit_square(axes, "sensitivity (recall)", "precision")
        axes.legend(loc="best")
        alt = f"Precision-recall curve. At {threshold:g}: {point[0]:.1%} recall, {point[1]:.1%} precision; "
        return _figure(canvas, "Precision-recall curve", f"{alt}chance {share:.1%}.")


def histogram(scores: NDArray, labels: NDArray, *, threshold: float) -> Figure:
    """How often which score is given to exams (n,) with label 1 and 0."""
    with _axes() as (canvas, axes):
        edges = np.linspace(0, 1, 26).tolist()
        groups = {"cancers": (scores[labels == 1], ORANGE), "non-cancers": (scores[labels == 0], BLUE)}
        for name, (values, color) in groups.items():
            axes.hist(values, edges, color=color, alpha=0.5, label=f"{name}, n = {len(values)}")
        axes.axvline(threshold, color="black", linewidth=0.8, linestyle=":", label=f"threshold {threshold:g}")
        axes.set(xlabel="score", ylabel="exams", xlim=(0, 1))
        axes.legend(loc="best")
        medians = ", ".join(
            f"{name}: median {np.median(values):.3f}" for name, (values, _) in groups.items() if len(values)
        )
        return _figure(canvas, "Scores", f"Histogram of scores. {medians}.")


def reliability(bins: Sequence[Bin], warmed: Sequence[Bin] | None = None) -> Figure:
    """The share of cancers over the mean score, bin by bin; and with a temperature, if there is one."""
    with _axes() as (canvas, axes):
        axes.plot((0, 1), (0, 1), color=GRAY, linewidth=0.8, linestyle="--", label="as said")
        for parts, color, label in ((bins, BLUE, "scores as they are"), (warmed, ORANGE, "with the temperature")):
            if parts:
                means, shares = [part.mean_score for part in parts], [part.share for part in parts]
                values = [share.value for share in shares]
                axes.errorbar(means, values, yerr=_arms(shares), **POINTS, linestyle="-", color=color, label=label)
        _unit_square(axes, "mean score of the bin", "share of cancers in the bin")
        axes.legend(loc="upper left")
        points = "; ".join(f"score {part.mean_score:.3f}, cancers {part.share.value:.1%}" for part in bins)
        return _figure(canvas, "Reliability curve", f"Reliability curve. {points}.")


def froc(curve: tuple[NDArray, NDArray], *, chance: tuple[Sequence[float], Sequence[float]]) -> Figure:
    """Lesions found over false marks an image.

    Args:
        curve: false marks an image, and the share of lesions found; both rise.
        chance: the same by chance, at some numbers of false marks; the last one ends the figure.
    """
    false_marks, found = curve
    last = chance[0][-1]
    with _axes() as (canvas, axes):
        ends = np.r_[0, false_marks, np.inf].clip(max=2 * last), np.r_[0, found, found.max(initial=0)]
        axes.step(*ends, where="post", color=BLUE, linewidth=1.6, label="marks of the map")
        axes.plot(*chance, color=GRAY, marker=".", linewidth=0.8, linestyle="--", label="chance")
        axes.set(xlabel="false marks an image", ylabel="lesions found", xlim=(0, last), ylim=(0, 1.02))
        axes.legend(loc="best")
        shown = found[false_marks <= last]
        alt = f"FROC curve. Up to {last:g} false marks an image, {shown.max(initial=0):.1%} of the lesions are found; "
        return _figure(canvas, "FROC curve", f"{alt}by chance {words(float(chance[1][-1]), percent=True)}.")


def forest(aucs: Mapping[str, Estimate]) -> Figure:
    """AUCs with intervals, one below the other; those without an interval are a point."""
    with _axes(height=0.9 + 0.27 * len(aucs)) as (canvas, axes):
        names, shown = list(aucs)[::-1], list(aucs.values())[::-1]
        values = [area.value for area in shown]
        axes.errorbar(values, range(len(shown)), xerr=_arms(shown), **POINTS, linestyle="", color=BLUE)
        axes.axvline(0.5, color=GRAY, linewidth=0.8, linestyle="--")
        axes.set(xlim=(-0.03, 1.03), ylim=(-0.7, len(names) - 0.3), xlabel="AUC; chance 0.5")
        axes.set_yticks(range(len(names)), names)
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        return _figure(canvas, "AUC by group", f"AUCs. {'; '.join(f'{name}: {words(aucs[name])}' for name in aucs)}.")


@contextmanager
def _axes(*, height: float = SIDE_INCHES) -> Iterator[tuple[Canvas, Axes]]:
    style = matplotlib.rc_context(
        {
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": "#444444",
            "legend.frameon": False,
            "svg.hashsalt": "dibmg",  # the same figure is the same file
        }
    )
    with style:
        canvas = Canvas(figsize=(SIDE_INCHES * 1.1, height), layout="constrained")
        yield canvas, canvas.add_subplot()


def _figure(canvas: Canvas, title: str, alt: str) -> Figure:
    file = BytesIO()
    canvas.savefig(file, format="svg", metadata={"Date": None})
    return Figure(title, alt, f"data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}")


def _unit_square(axes: Axes, across: str, up: str) -> None:
    axes.set(xlabel=across, ylabel=up, xlim=(-0.01, 1.01), ylim=(-0.01, 1.02), aspect="equal")
    axes.grid(color="#eeeeee", linewidth=0.6)


def _arms(estimates: Sequence[Estimate]) -> NDArray:
    """(2, n) from figures down and up to the bounds of their intervals; 0 without any."""
    arms = [(item.value - item.low, item.high - item.value) for item in estimates]
    return np.nan_to_num(np.array(arms, dtype=float).T).clip(min=0)


def _index(found: Curves, threshold: float) -> int:
    """Of the lowest threshold of the curve that is not below this one."""
    return int(np.flatnonzero(found.thresholds >= threshold)[-1])


def _at(found: Curves, threshold: float) -> tuple[float, float]:
    """Sensitivity and specificity."""
    index = _index(found, threshold)
    return float(found.sensitivity[index]), float(found.specificity[index])
