"""Headers that mammograms come with: every kind of DICOM result has to be valid for all of them."""

from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

TYPE_2 = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID")
SOURCES: dict[str, dict[str, Any]] = {
    "ordinary": {},
    "Korean": {"SpecificCharacterSet": ["", "ISO 2022 IR 149"], "PatientName": "Hong^Gildong=洪^吉洞=홍^길동"},
    "Japanese": {"SpecificCharacterSet": ["", "ISO 2022 IR 87"], "PatientName": "Yamada^Tarou=山田^太郎=やまだ^たろう"},
    "Arabic": {"SpecificCharacterSet": "ISO_IR 127", "PatientName": "قباني^لنزار"},
    "bare": {"without": (*TYPE_2, "AccessionNumber", "ReferringPhysicianName", "PatientOrientation")},
    "CBIS-DDSM dialect": {
        "SOPClassUID": SecondaryCaptureImageStorage,
        "ConversionType": "WSD",
        "PatientOrientation": "CC",
        "without": ("ViewPosition", "ImageLaterality"),
    },
    "lossy": {
        "LossyImageCompression": "01",
        "LossyImageCompressionRatio": "12.5",
        "LossyImageCompressionMethod": "ISO_10918_1",
    },
    "white is 0": {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
    "pixels that are not square": {"ImagerPixelSpacing": ["0.1", "0.05"]},
    "frame of reference": {"FrameOfReferenceUID": "2.25.4"},
    "windows": {"WindowCenter": ["2000", "1800"], "WindowWidth": ["4000", "1000"], "VOILUTFunction": "SIGMOID"},
}


def source_name(values: dict[str, Any]) -> str:
    """The PatientName that a result about such an image has."""
    return "" if "PatientName" in values.get("without", ()) else values.get("PatientName", "Doe^Jane")


def study_of(dataset: Dataset) -> tuple[str, ...]:
    """What files an object with its patient and study."""
    return (str(dataset.PatientName), dataset.PatientID, dataset.StudyInstanceUID, dataset.AccessionNumber)
