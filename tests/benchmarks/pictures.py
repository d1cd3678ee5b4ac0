"""Measurements as pictures."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot


def bars(seconds: Mapping[str, float], *, title: str, path: Path) -> None:
    """Horizontal bars, the first on top."""
    figure, axes = pyplot.subplots(figsize=(8, 0.3 * len(seconds) + 1), layout="constrained")
    drawn = axes.barh(list(seconds), list(seconds.values()))
    axes.bar_label(drawn, fmt="%.2g", padding=3)
    axes.invert_yaxis()
    axes.set(title=title, xlabel="seconds")
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def memory(seconds: Sequence[float], megabytes: Sequence[float], *, title: str, path: Path) -> None:
    """Memory over time."""
    figure, axes = pyplot.subplots(figsize=(8, 3), layout="constrained")
    axes.plot(seconds, megabytes, linewidth=0.8)
    axes.set(title=title, xlabel="seconds", ylabel="MB", ylim=(0, None))
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
