"""A simulated view as a DICOM file: Digital Mammography X-Ray Image, For Presentation (PS3.3 A.27).

Series, study and image say in words that they are synthetic. Everything in them is made up, and equal in equal exams.
"""

from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from dibmg_monai.phantom.exam import PhantomExam
from dibmg_monai.pixels.geometry import Orientation
from dibmg_monai.views import Laterality, Projection, View

SYNTHETIC = "Synthetic phantom, not a patient"
VIEW_CODES = {
    Projection.CC: codes.cid4014.CranioCaudal,
    Projection.MLO: codes.cid4014.MedioLateralObliqueProjection,
}
OPPOSITE = str.maketrans("APRLHF", "PALRFH")


def stored(pixels: NDArray[Any], orientation: Orientation) -> NDArray[Any]:
    """Canonical pixels (rows, columns) as a file stores them."""
    return orientation.undo(torch.from_numpy(pixels)).numpy()


def write_dicom(exam: PhantomExam, view: View, *, path: Path) -> None:
    """Write one view of a simulated exam."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    _describe_study(dataset, exam)
    _describe_view(dataset, exam, view)
    _describe_pixels(dataset, exam, view)
    dataset.save_as(path, enforce_file_format=True)


def _describe_study(dataset: Dataset, exam: PhantomExam) -> None:
    """Patient, study, series and equipment (PS3.3 C.7.1 to C.7.5, C.8.11.6)."""
    day = exam.study_date.strftime("%Y%m%d")
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "Phantom^Synthetic"
    dataset.PatientID = exam.patient_id
    dataset.PatientBirthDate = f"{exam.study_date.year - exam.age_years}0101"
    dataset.PatientSex = "F"
    dataset.PatientAge = f"{exam.age_years:03d}Y"
    dataset.StudyInstanceUID = _uid(exam, "study")
    dataset.StudyID = "1"
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = day
    dataset.StudyTime = dataset.SeriesTime = "090000"
    dataset.AccessionNumber = ""
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = dataset.SeriesDescription = dataset.ImageComments = SYNTHETIC
    dataset.Modality = "MG"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.Manufacturer = exam.vendor.manufacturer
    dataset.ManufacturerModelName = "Phantom"
    dataset.InstitutionName = exam.institution
    dataset.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation


def _describe_view(dataset: Dataset, exam: PhantomExam, view: View) -> None:
    """Which breast from where, and how it lies (PS3.3 C.8.11.5 to C.8.11.7)."""
    dataset.SeriesInstanceUID = _uid(exam, f"series {view}")
    dataset.SeriesNumber = str(view.channel + 1)
    dataset.SOPInstanceUID = _uid(exam, view)
    dataset.InstanceNumber = "1"
    dataset.AcquisitionTime = dataset.ContentTime = f"090{view.channel + 1}00"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.ImageLaterality = view.laterality.value
    dataset.ViewPosition = view.projection.value
    dataset.ViewCodeSequence = [_code(VIEW_CODES[view.projection])]
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = []
    dataset.PatientOrientation = list(_patient_orientation(view, exam.views[view].orientation))
    dataset.AnatomicRegionSequence = [_code(codes.SCT.Breast)]
    dataset.OrganExposed = dataset.BodyPartExamined = "BREAST"
    dataset.BreastImplantPresent = "NO"
    dataset.PartialView = "NO"
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    dataset.PositionerType = "MAMMOGRAPHIC"
    dataset.AcquisitionContextSequence = []


def _describe_pixels(dataset: Dataset, exam: PhantomExam, view: View) -> None:
    """Detector, pixels, polarity and window (PS3.3 C.7.6.3, C.8.11.3, C.8.11.4, C.11.2)."""
    vendor, drawn = exam.vendor, exam.views[view]
    pixels = vendor.stored_values(stored(drawn.image, drawn.orientation))
    dataset.DetectorType = "DIRECT"
    dataset.ImagerPixelSpacing = [f"{exam.spacing_mm:.6g}"] * 2
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if vendor.inverted else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if vendor.inverted else "IDENTITY"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated = 16
    dataset.BitsStored = vendor.bits_stored
    dataset.HighBit = vendor.bits_stored - 1
    dataset.PixelRepresentation = 0
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = 1 if vendor.inverted else -1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = "0", "1", "US"
    dataset.WindowCenter, dataset.WindowWidth = str(vendor.window_center), str(vendor.window_width)
    dataset.PixelData = pixels.astype("<u2").tobytes()


def _patient_orientation(view: View, orientation: Orientation) -> tuple[str, str]:
    """The directions of stored rows and columns (PS3.3 C.7.6.1.1.1): to the chest wall, and to foot and middle."""
    along_row = "P" if view.laterality is Laterality.R else "A"
    to_middle = "L" if view.laterality is Laterality.R else "R"
    along_column = to_middle if view.projection is Projection.CC else f"F{to_middle}"
    if orientation.flip_columns:
        along_row = along_row.translate(OPPOSITE)
    if orientation.flip_rows:
        along_column = along_column.translate(OPPOSITE)
    return along_row, along_column


def _code(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def _uid(exam: PhantomExam, part: str) -> str:
    """A UID that only this part of this exam has, with this lesion and at this image size."""
    return generate_uid(entropy_srcs=["phantom", exam.exam_id, str(exam.spacing_mm), str(exam.lesion), part])
