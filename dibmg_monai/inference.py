"""From class maps to results: what one exam's maps say, view by view, breast by breast, and as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from dibmg_monai.exams.exam import Exam
from dibmg_monai.pixels.geometry import ViewGeometry
from dibmg_monai.views import Laterality, View


@dataclass(frozen=True)
class ModelInfo:
    """Which model made a result: the bundle's name and version, and the SHA-256 of the weights file."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class ViewResult:
    """What the network found in one view.

    Attributes:
        score: 0 to 1, the pooled score of this view's maps alone.
        peak_row, peak_column: centre of the strongest map cell on the image, in the stored image's pixels.
        peak_value: the DIB there, the log-odds of cancer.
        dib: (h, w) float32, the DIB map: log-odds of cancer against normal per cell. Their mean is the view's score.
        geometry: leads from the map's cells to the stored image's pixels.
        file: the image file, relative to the exam's root.
    """

    score: float
    peak_row: float
    peak_column: float
    peak_value: float
    dib: torch.Tensor
    geometry: ViewGeometry
    file: Path


@dataclass(frozen=True)
class ExamResult:
    """What the network found in one exam: scores 0 to 1 for exam, breasts and views (Kim 2018, Fig. 3), and the maps."""

    exam: Exam
    score: float
    breasts: Mapping[Laterality, float]
    views: Mapping[View, ViewResult]
    warnings: tuple[str, ...]
    model: ModelInfo
