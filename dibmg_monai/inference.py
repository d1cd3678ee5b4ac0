"""From class maps to results: what one exam's maps say, view by view, breast by breast, and as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from dibmg_monai.exams.exam import Exam
from dibmg_monai.pixels.geometry import ViewGeometry, transform_points
from dibmg_monai.pixels.preprocessing import BLACK, Preprocessing
from dibmg_monai.pooling import breast_views, dib_maps, scores
from dibmg_monai.views import VIEWS, Laterality, View


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
        peak_row, peak_column: center of the strongest map cell on the image, in the stored image's pixels.
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
    """What the network found in one exam: scores 0 to 1 for exam, breasts and views (Kim 2018, Fig. 3), and the maps.

    A breast without any view has no score.
    """

    exam: Exam
    score: float
    breasts: Mapping[Laterality, float]
    views: Mapping[View, ViewResult]
    warnings: tuple[str, ...]
    model: ModelInfo


def exam_result(
    exam: Exam,
    *,
    image: torch.Tensor,
    maps: torch.Tensor,
    view_present: torch.Tensor,
    geometries: Mapping[View, ViewGeometry],
    warnings: tuple[str, ...],
    model: ModelInfo,
) -> ExamResult:
    """Everything that an exam's class maps say.

    Args:
        exam: the exam, for its files.
        image: (4, S, S) in [-1, 1], what the network saw.
        maps: (8, h, w) class maps, logits.
        view_present: (4,) bool.
        geometries: of the views that are present.
        warnings: to hand on.
        model: to hand on.
    """
    batch, present = maps[None].float().cpu(), view_present[None].cpu()
    dib = dib_maps(batch)[0]
    seen = functional.adaptive_max_pool2d(image.float().cpu(), dib.shape[-2:]) > BLACK

    def score(*views: View) -> float:
        return scores(batch, present, views=views).item()

    views = {
        view: _view_result(
            dib[view.channel],
            seen=seen[view.channel].numpy(),
            geometry=geometry,
            score=score(view),
            file=exam.files[view],
        )
        for view, geometry in geometries.items()
    }
    breasts = {
        side: score(*breast_views(side)) for side in Laterality if any(view in views for view in breast_views(side))
    }
    return ExamResult(exam, score(*VIEWS), breasts, views, warnings, model)


def _view_result(
    dib: torch.Tensor, *, seen: NDArray[np.bool_], geometry: ViewGeometry, score: float, file: Path
) -> ViewResult:
    """The peak is looked for on the image alone, and there where the network saw more than black.

    What it says of padding and of air is in the scores, but nowhere.
    """
    shape = (dib.shape[0], dib.shape[1])
    on_image = geometry.cells_inside(shape)
    candidates = on_image & seen if (on_image & seen).any() else on_image
    cell_row, cell_column = np.unravel_index(np.where(candidates, dib.numpy(), -np.inf).argmax(), shape)
    row, column = transform_points(geometry.cell_to_source(shape), cell_row, cell_column)
    return ViewResult(
        score=score,
        peak_row=float(row),
        peak_column=float(column),
        peak_value=float(dib[cell_row, cell_column]),
        dib=dib,
        geometry=geometry,
        file=file,
    )


class Predictor:
    """Exam -> ExamResult, with a network and the preprocessing that belongs to its weights.

    ``dibmg_monai.weights.load_predictor`` makes one from a bundle.

    Args:
        network: (B, 4, S, S) in [-1, 1] -> (B, 8, h, w) class maps.
        preprocessing: as the network was trained with.
        model: what to write into results.
        device: where to run the network.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        *,
        preprocessing: Preprocessing,
        model: ModelInfo,
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self.network = network.to(self.device).eval()
        self.preprocessing = preprocessing
        self.model = model

    @torch.inference_mode()
    def __call__(self, exam: Exam) -> ExamResult:
        """Read the exam's images, run the network, and pool.

        Raises:
            ImageError: if one of the exam's images cannot be read.
        """
        loaded = self.preprocessing(exam)
        maps = self.network(loaded.image[None].to(self.device))[0]
        return exam_result(
            exam,
            image=loaded.image,
            maps=maps,
            view_present=loaded.view_present,
            geometries=loaded.geometries,
            warnings=loaded.warnings,
            model=self.model,
        )
