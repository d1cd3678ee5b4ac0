"""From class maps to results: what one exam's maps say, view by view, breast by breast, and as a whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from dibmg_monai.acceleration.accelerate import accelerate
from dibmg_monai.exams.exam import Exam
from dibmg_monai.findings import Finding, find_regions, finding_threshold
from dibmg_monai.pixels.geometry import ViewGeometry, transform_points
from dibmg_monai.pixels.preprocessing import BLACK, ExamInput, Preprocessing
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
        findings: the regions of the map that speak for cancer, the strongest first.
        voi: which values of interest of the image were shown, in words.
        picture: (rows, columns) gray, the image as ``pixels.picture`` draws it; None if it was not made.
    """

    score: float
    peak_row: float
    peak_column: float
    peak_value: float
    dib: torch.Tensor
    geometry: ViewGeometry
    file: Path
    findings: tuple[Finding, ...] = ()
    voi: str = ""
    picture: NDArray[np.uint8] | None = None


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
    voi: Mapping[View, str],
    warnings: tuple[str, ...],
    model: ModelInfo,
    pictures: Mapping[View, NDArray[np.uint8]] | None = None,
) -> ExamResult:
    """Everything that an exam's class maps say.

    Args:
        exam: the exam, for its files.
        image: (4, S, S) in [-1, 1], what the network saw.
        maps: (8, h, w) class maps, logits.
        view_present: (4,) bool.
        geometries: of the views that are present.
        voi: which values of interest of each were shown, to hand on.
        warnings: to hand on.
        model: to hand on.
        pictures: of the views that have one, to hand on.
    """
    batch, present = maps[None].float().cpu(), view_present[None].cpu()
    dib = dib_maps(batch)[0]
    seen = functional.adaptive_max_pool2d(image.float().cpu(), dib.shape[-2:]) > BLACK
    shown = {view: _shown(geometry, seen[view.channel].numpy()) for view, geometry in geometries.items()}
    threshold = finding_threshold(_peak(dib[view.channel], cells)[1] for view, cells in shown.items())

    def score(*views: View) -> float:
        return scores(batch, present, views=views).item()

    def view_result(view: View) -> ViewResult:
        geometry, values = geometries[view], dib[view.channel]
        cell, peak_value = _peak(values, shown[view])
        row, column = transform_points(geometry.cell_to_source((values.shape[0], values.shape[1])), *cell)
        return ViewResult(
            score=score(view),
            peak_row=float(row),
            peak_column=float(column),
            peak_value=peak_value,
            dib=values,
            geometry=geometry,
            file=exam.files[view],
            findings=find_regions(values, geometry, candidates=shown[view], threshold=threshold),
            voi=voi[view],
            picture=(pictures or {}).get(view),
        )

    views = {view: view_result(view) for view in geometries}
    breasts = {
        side: score(*breast_views(side)) for side in Laterality if any(view in views for view in breast_views(side))
    }
    return ExamResult(exam, score(*VIEWS), breasts, views, warnings, model)


def _shown(geometry: ViewGeometry, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(h, w) the cells to look for peaks and findings in: on the image, where the network saw more than black.

    What the map says of padding and of air is in the scores, but nowhere.
    """
    on_image = geometry.cells_inside((seen.shape[0], seen.shape[1]))
    return on_image & seen if (on_image & seen).any() else on_image


def _peak(dib: torch.Tensor, candidates: NDArray[np.bool_]) -> tuple[tuple[int, int], float]:
    """The strongest of some cells, and its log-odds."""
    row, column = divmod(int(np.where(candidates, dib.numpy(), -np.inf).argmax()), dib.shape[1])
    return (row, column), float(dib[row, column])


class Predictor:
    """Exam -> ExamResult, with a network and the preprocessing that belongs to its weights.

    ``dibmg_monai.weights.load_predictor`` makes one from a bundle.

    Args:
        network: (B, 4, S, S) in [-1, 1] -> (B, 8, h, w) class maps; with the weights that it has now.
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
        self.accelerated = accelerate(self.network, device=self.device)
        self.preprocessing = preprocessing
        self.model = model

    def __call__(self, exam: Exam) -> ExamResult:
        """Read the exam's images, run the network, and pool.

        Raises:
            ImageError: if one of the exam's images cannot be read.
        """
        return self.predict(exam, self.read(exam))

    def read(self, exam: Exam, *, pictures: bool = True) -> ExamInput:
        """The first half: read the exam's images.

        Args:
            exam: whose files to read.
            pictures: make a picture of each, for overlays; otherwise these read the image again.

        Raises:
            ImageError: if one of them cannot be read.
        """
        return self.preprocessing(exam, pictures=pictures)

    @torch.inference_mode()
    def predict(self, exam: Exam, loaded: ExamInput) -> ExamResult:
        """The second half: run the network, and pool."""
        maps = self.accelerated(loaded.image[None].to(self.device))[0]
        return exam_result(
            exam,
            image=loaded.image,
            maps=maps,
            view_present=loaded.view_present,
            geometries=loaded.geometries,
            voi=loaded.voi,
            warnings=loaded.warnings,
            model=self.model,
            pictures=loaded.pictures,
        )
