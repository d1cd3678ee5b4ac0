"""Overlays as DICOM Secondary Capture images (PS3.3 A.8.1) in the study of the image they are about.

Modality is OT, not MG, so that neither a viewer's hanging protocol nor an exam assembler takes one for a mammogram.
"""

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import SecondaryCaptureImageStorage

from dibmg_monai.inference import ModelInfo
from dibmg_monai.outputs.material import Material
from dibmg_monai.outputs.source_study import (
    LOSSY,
    VIEW_CODES,
    Series,
    coded,
    date_and_time,
    identify,
    new_object,
    new_uid,
    patient_orientation,
    reference,
    save,
)
from dibmg_monai.views import VIEWS, View

SERIES = Series(9001, "AI cancer maps (DIB-MG), research use only")


class Captures:
    """The overlay of each view as a Secondary Capture."""

    names = tuple(f"{view}_overlay.dcm" for view in VIEWS)

    def write(self, material: Material, folder: Path) -> None:
        """Write the captures of one exam, a series in each study that its images are from."""
        for views in material.studies.values():
            series_uid = new_uid()
            for view in views:
                made = capture(
                    material.pictures[view],
                    source=material.sources[view],
                    view=view,
                    model=material.result.model,
                    series_uid=series_uid,
                    made=material.made,
                )
                save(made, folder / self.names[view.channel])


def capture(
    picture: NDArray[np.uint8], *, source: Dataset, view: View, model: ModelInfo, series_uid: str, made: datetime
) -> Dataset:
    """One overlay as a Secondary Capture image.

    Args:
        picture: (H, W, 3) RGB.
        source: the header of the image under the overlay, from ``read_source``.
        view: the view that it shows.
        model: what made the map.
        series_uid: of the series of overlays in the source's study: one for the views of an exam.
        made: when.
    """
    result = new_object(source, sop_class=SecondaryCaptureImageStorage, made=made)
    identify(result, series=SERIES, model=model, made=made)
    result.SeriesInstanceUID, result.InstanceNumber = series_uid, view.channel + 1
    result.Modality, result.ConversionType, result.BodyPartExamined = "OT", "WSD", "BREAST"
    result.ContentDate, result.ContentTime = date_and_time(made)
    _describe_image(result, source, view)
    _set_pixels(result, picture)
    return result


def _describe_image(capture: Dataset, source: Dataset, view: View) -> None:
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.ImageLaterality = view.laterality.value
    capture.ViewCodeSequence = [coded(VIEW_CODES[view.projection])]
    capture.ImageComments = f"{view}: AI cancer map over the mammogram. Research use only - not a medical device."
    capture.PatientOrientation = patient_orientation(source)
    capture.BurnedInAnnotation = "YES" if source.get("BurnedInAnnotation") == "YES" else "NO"
    capture.DerivationDescription = "Resized; map of the log-odds of cancer laid over it; caption below"
    capture.SourceImageSequence = [reference(source, purpose=codes.DCM.SourceImageForImageProcessingOperation)]
    for keyword in LOSSY:  # once lossy, always lossy
        if keyword in source:
            capture[keyword] = source[keyword]


def _set_pixels(capture: Dataset, picture: NDArray[np.uint8]) -> None:
    capture.Rows, capture.Columns, capture.SamplesPerPixel = picture.shape
    capture.PhotometricInterpretation, capture.PlanarConfiguration = "RGB", 0
    capture.BitsAllocated, capture.BitsStored, capture.HighBit, capture.PixelRepresentation = 8, 8, 7, 0
    capture.add_new("PixelData", "OB", picture.tobytes())
