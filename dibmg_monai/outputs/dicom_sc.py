"""Overlays as DICOM Secondary Capture images (PS3.3 A.8.1) in the study of the image they are about.

Modality is OT, not MG, so that neither a viewer's hanging protocol nor an exam assembler takes one for a mammogram.
"""

import re
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from dibmg_monai import __version__
from dibmg_monai.errors import writing
from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.inference import ModelInfo
from dibmg_monai.outputs.source_study import (
    SOFTWARE,
    coded,
    contributing_equipment,
    date_and_time,
    new_object,
    reference,
)
from dibmg_monai.views import Projection, View

SERIES_NUMBER = 9001  # far from those of acquired images; SeriesInstanceUID is what counts
SERIES_DESCRIPTION = "AI cancer maps (DIB-MG), research use only"
VIEW_CODES = {  # PS3.16 CID 4014
    Projection.CC: Code("399162004", "SCT", "cranio-caudal"),
    Projection.MLO: Code("399368009", "SCT", "medio-lateral oblique"),
}
DIRECTION = re.compile(r"(?!.*(.).*\1)[LRAPHF]{1,3}")  # PS3.3 C.7.6.1.1.1
LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")


def write_capture(
    path: Path, picture: NDArray[np.uint8], *, source: Dataset, view: View, model: ModelInfo, series_uid: str
) -> None:
    """Write one overlay as a Secondary Capture image.

    Args:
        path: the file.
        picture: (H, W, 3) RGB.
        source: the header of the image under the overlay, from ``read_source``.
        view: the view that it shows.
        model: what made the map.
        series_uid: of the series of overlays in the source's study: one for the views of an exam.

    Raises:
        FolderError: if the file cannot be written.
    """
    made = datetime.now()
    capture = new_object(source, sop_class=SecondaryCaptureImageStorage, made=made)
    capture.SeriesInstanceUID, capture.SeriesNumber = series_uid, SERIES_NUMBER
    capture.SeriesDescription, capture.InstanceNumber = SERIES_DESCRIPTION, view.channel + 1
    capture.Modality, capture.ConversionType, capture.BodyPartExamined = "OT", "WSD", "BREAST"
    capture.Manufacturer, capture.ManufacturerModelName, capture.SoftwareVersions = SOFTWARE, model.name, __version__
    capture.ContentDate, capture.ContentTime = date_and_time(made)
    capture.ContributingEquipmentSequence = [contributing_equipment(model, made=made)]
    _describe_image(capture, source, view)
    _set_pixels(capture, picture)
    capture.file_meta = FileMetaDataset()
    capture.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with writing(path):
        capture.save_as(path, enforce_file_format=True)


def _describe_image(capture: Dataset, source: Dataset, view: View) -> None:
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.ImageLaterality = view.laterality.value
    capture.ViewCodeSequence = [coded(VIEW_CODES[view.projection])]
    capture.ImageComments = f"{view}: AI cancer map over the mammogram. Research use only - not a medical device."
    directions = Attributes(source).texts("PatientOrientation")
    valid = len(directions) == 2 and all(map(DIRECTION.fullmatch, directions))
    capture.PatientOrientation = list(directions) if valid else None
    capture.BurnedInAnnotation = "YES" if source.get("BurnedInAnnotation") == "YES" else "NO"
    capture.DerivationDescription = "Resized; map of the log-odds of cancer laid over it; caption below"
    capture.SourceImageSequence = [reference(source, purpose=codes.DCM.SourceImageForImageProcessingOperation)]
    for keyword in LOSSY:  # once lossy, always lossy (PS3.3 C.7.6.1.1.5)
        if keyword in source:
            capture[keyword] = source[keyword]


def _set_pixels(capture: Dataset, picture: NDArray[np.uint8]) -> None:
    capture.Rows, capture.Columns, capture.SamplesPerPixel = picture.shape
    capture.PhotometricInterpretation, capture.PlanarConfiguration = "RGB", 0
    capture.BitsAllocated, capture.BitsStored, capture.HighBit, capture.PixelRepresentation = 8, 8, 7, 0
    capture.add_new("PixelData", "OB", picture.tobytes())
