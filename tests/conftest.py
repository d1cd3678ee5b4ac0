"""Small mammograms as DICOM files, made as tests need them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

VIEW_CODES = {"CC": ("399162004", "cranio-caudal"), "MLO": ("399368009", "medio-lateral oblique")}
WriteMammogram = Callable[..., Path]


def mammogram(
    pixels: NDArray, *, view: str = "RCC", syntax: str = ExplicitVRLittleEndian, **attributes: object
) -> Dataset:
    """A full-field digital mammogram, For Presentation; ``attributes`` by keyword, None takes one away."""
    laterality, projection = view[0], view[1:]
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.PatientID, dataset.PatientName = "TEST-1", "Test^Person"
    dataset.Modality, dataset.PresentationIntentType = "MG", "FOR PRESENTATION"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", ""]
    dataset.ImageLaterality, dataset.ViewPosition = laterality, projection
    code = Dataset()
    code.CodeValue, code.CodeMeaning = VIEW_CODES[projection]
    code.CodingSchemeDesignator = "SCT"
    code.ViewModifierCodeSequence = []
    dataset.ViewCodeSequence = [code]
    foot = "F" if projection == "MLO" else {"R": "L", "L": "R"}[laterality]
    dataset.PatientOrientation = [{"R": "P", "L": "A"}[laterality], foot]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored, dataset.HighBit = dataset.BitsAllocated, dataset.BitsAllocated - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    for keyword, value in attributes.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    if syntax != ExplicitVRLittleEndian:
        dataset.compress(syntax, generate_instance_uid=False)
    return dataset


@pytest.fixture
def write_mammogram(tmp_path: Path) -> WriteMammogram:
    """``write_mammogram(name, pixels, view=..., syntax=..., Keyword=value, ...)`` writes one under ``tmp_path``."""

    def write(name: str, pixels: NDArray, **options: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        mammogram(pixels, **options).save_as(path, enforce_file_format=True)
        return path

    return write


@pytest.fixture
def breast() -> Callable[..., NDArray[np.uint16]]:
    """``breast(rows, columns, wall="right")``: a bright half-ellipse on black, 12 bits."""

    def draw(rows: int = 60, columns: int = 40, *, wall: str = "right") -> NDArray[np.uint16]:
        down, across = np.mgrid[0:rows, 0:columns]
        ellipse = ((down - rows / 2) / (rows * 0.45)) ** 2 + ((across - (columns - 1)) / (columns * 0.7)) ** 2 < 1
        pixels = np.where(ellipse, 2000, 0).astype(np.uint16)
        return pixels if wall == "right" else pixels[:, ::-1].copy()

    return draw
