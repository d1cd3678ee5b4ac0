"""A simulated exam with a lesion whose place is known, and its results in all their kinds."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.uid import generate_uid
from torch.nn import functional

from dibmg_monai.exams.datalist import exam_from_entry, read_datalist
from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ExamResult, ModelInfo, Predictor
from dibmg_monai.network import CLASSES
from dibmg_monai.outputs.exam_files import Output, write_exam
from dibmg_monai.outputs.folder import exam_folder
from dibmg_monai.outputs.scores import ResultsWriter
from dibmg_monai.phantom import write_phantoms
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.views import View

PREPROCESSING = Preprocessing(image_size=512)
CELL = 8  # pixels of the input; the stand-in's maps have 64 x 64 cells
MODEL = ModelInfo("stand-in", "0.0.0", "ab" * 32)
PATIENT_NAME = "Phantom^Synthetic=幻影^合成=팬텀^합성"  # alphabetic, ideographic, phonetic


@dataclass(frozen=True)
class PlantedExam:
    """An exam, what was found in it, and what is there.

    Attributes:
        result: a finding in each view of the breast with the lesion.
        masks: of those views: (rows, columns) bool of the stored image, the lesion.
        results_folder: where its results are.
    """

    result: ExamResult
    masks: dict[View, NDArray[np.bool_]]
    results_folder: Path

    @property
    def images(self) -> list[Path]:
        """The mammograms' files."""
        return [self.result.exam.path(view) for view in self.result.views]

    @property
    def results(self) -> list[Path]:
        """The files of its DICOM results."""
        return sorted(self.results_folder.glob("*.dcm"))


class Difference(torch.nn.Module):
    """Stands in for a trained network: what differs from the same exam without its lesion is cancer.

    Args:
        healthy: (4, S, S) in [-1, 1].
    """

    def __init__(self, healthy: torch.Tensor) -> None:
        super().__init__()
        self.healthy = healthy

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 4, S, S) in [-1, 1] -> (B, 8, h, w) class maps."""
        cancer = 400 * functional.avg_pool2d((images - self.healthy).abs(), CELL)
        by_class = {"normal": torch.zeros_like(cancer), "cancer": cancer}
        return torch.stack([by_class[name] for name in CLASSES], dim=2).flatten(1, 2)


def write_planted_exam(folder: Path, *, rows: int, seed: int = 0) -> PlantedExam:
    """Write a simulated exam with a striking mass, and all results of the stand-in network.

    Args:
        folder: an empty one, for all of it.
        rows: height of the images in pixels.
        seed: another number gives another exam.
    """
    sick, healthy = (
        phantom(folder / name, rows=rows, seed=seed, cancer=name == "sick") for name in ("sick", "healthy")
    )
    network = Difference(PREPROCESSING(healthy).image)
    result = Predictor(network, preprocessing=PREPROCESSING, model=MODEL)(sick)
    results = ResultsWriter(folder / "results")
    write_exam(result, results, outputs=tuple(Output))
    masks = {view: folder / "sick" / "masks" / f"{sick.exam_id}.{view}.png" for view in View}
    return PlantedExam(
        result,
        {view: np.asarray(Image.open(path)) > 0 for view, path in masks.items() if path.exists()},
        exam_folder(results.folder, sick.exam_id),
    )


def phantom(folder: Path, *, rows: int, seed: int, cancer: bool) -> Exam:
    """One simulated exam; with and without cancer, the images are equal but for the lesion.

    The name is Korean, and every view is a series, as most vendors have it.
    """
    datalist = write_phantoms(
        folder,
        exams=1,
        seed=seed,
        rows=rows,
        cancer_fraction=float(cancer),
        lesion_size_mm=(16, 20),
        lesion_contrast=1.0,
        lesion_features=("mass",),
    )
    ((entry,),) = (entries for entries in read_datalist(datalist, dataset_dir=folder).values() if entries)
    exam = exam_from_entry(entry, dataset_dir=folder)
    for view in exam.files:
        image = dcmread(exam.path(view))
        image.decode()
        image.SpecificCharacterSet, image.PatientName = ["", "ISO 2022 IR 149"], PATIENT_NAME
        image.SeriesInstanceUID, image.SeriesNumber = generate_uid(), view.channel + 1
        image.save_as(exam.path(view))
    return exam
