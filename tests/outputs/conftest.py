"""Results made by hand, and images for them to be about."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from dibmg_monai.exams.exam import Exam
from dibmg_monai.findings import find_regions
from dibmg_monai.inference import ExamResult, ModelInfo, ViewResult
from dibmg_monai.pixels.geometry import Orientation, ViewGeometry, transform_points
from dibmg_monai.views import View

SHAPE = (60, 40)


@pytest.fixture
def make_found() -> Callable[..., ViewResult]:
    def make(
        view: View = View.RCC,
        *,
        shape: tuple[int, int] = SHAPE,
        orientation: Orientation | None = None,
        cell: tuple[int, int] | None = None,
        background: float = -3.0,
        peak: float = 4.0,
        score: float = 0.25,
    ) -> ViewResult:
        """A map of 16 x 16 cells that is flat but for one cell, a finding: the one given, or one in the breast."""
        geometry = ViewGeometry.fit(
            shape, orientation=orientation or Orientation(), laterality=view.laterality, input_size=320
        )
        row, column = cell or (8, 13 if view.laterality == "R" else 2)
        dib = torch.full((16, 16), background)
        dib[row, column] = peak
        peak_row, peak_column = transform_points(geometry.cell_to_source((16, 16)), row, column)
        findings = find_regions(dib, geometry, candidates=dib.numpy() > background, threshold=0.5)
        file = Path(f"{view}.dcm")
        return ViewResult(score, float(peak_row), float(peak_column), peak, dib, geometry, file, findings, "full range")

    return make


@pytest.fixture
def make_mammogram() -> Callable[..., Dataset]:
    def make(path: Path, view: View = View.RCC, *, without: tuple[str, ...] = (), **values: Any) -> Dataset:
        """Write an ordinary mammogram, with other values or without some attributes."""
        dataset = Dataset()
        dataset.SOPClassUID, dataset.SOPInstanceUID = DigitalMammographyXRayImageStorageForPresentation, generate_uid()
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "2.25.1", "2.25.2"
        dataset.PatientName, dataset.PatientID = "Doe^Jane", "0001"
        dataset.PatientBirthDate, dataset.PatientSex = "19600102", "F"
        dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20200304", "101112", "S1"
        dataset.AccessionNumber, dataset.ReferringPhysicianName = "A1", "Roe^Richard"
        dataset.Modality, dataset.ImageLaterality, dataset.ViewPosition = "MG", view.laterality, view.projection
        dataset.PatientOrientation = ["P", "L"] if view.laterality == "R" else ["A", "R"]
        dataset.Rows, dataset.Columns = SHAPE
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
        dataset.PixelData = np.full(SHAPE, 2000, np.uint16).tobytes()
        dataset.InstanceNumber = view.channel + 1
        for keyword in without:
            delattr(dataset, keyword)
        for keyword, value in values.items():
            setattr(dataset, keyword, value)
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "2.25.3")
        dataset.save_as(path, enforce_file_format=True)
        return dataset

    return make


@pytest.fixture
def make_result(make_found: Callable[..., ViewResult], tmp_path: Path) -> Callable[..., ExamResult]:
    def make(exam_id: str = "exam-1", *, views: tuple[View, ...] = tuple(View), label: int | None = 1) -> ExamResult:
        """An exam in ``tmp_path / "in"`` whose files are not there yet; view scores are 0.25, 0.5, 0.75, 1."""
        exam = Exam(exam_id, tmp_path / "in", {view: Path(f"{view}.dcm") for view in views}, label)
        found = {view: make_found(view, score=(view.channel + 1) / 4, peak=view.channel + 1.0) for view in views}
        sides = {view.laterality for view in views}
        breasts = {side: 0.125 if side == "R" else 0.875 for side in sides}
        return ExamResult(exam, 0.625, breasts, found, ("a warning",), ModelInfo("dib-mg", "0.1.0", "ab" * 32))

    return make


@pytest.fixture
def exam_from(
    make_result: Callable[..., ExamResult], make_mammogram: Callable[..., Dataset]
) -> Callable[..., ExamResult]:
    def make(values: dict[str, Any], *, views: tuple[View, ...] = tuple(View)) -> ExamResult:
        """A result of mammograms with such headers (see ``sources.SOURCES``), a finding in every view."""
        result = make_result(views=views)
        result.exam.root.mkdir()
        for view in views:
            make_mammogram(result.exam.path(view), view, **values)
        return result

    return make


@pytest.fixture
def exam_on_disk(exam_from: Callable[..., ExamResult]) -> ExamResult:
    """A result of four mammograms of one study that are there."""
    return exam_from({})


@pytest.fixture
def a_file(tmp_path: Path) -> Path:
    """A file where someone may want a folder."""
    path = tmp_path / "taken"
    Image.new("L", (1, 1)).save(path, format="PNG")
    return path
