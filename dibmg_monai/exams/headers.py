"""One DICOM header -> what it says about a mammogram. Facts only: ``rules.py`` says which images may enter an exam."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import config
from pydicom.uid import UID

from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.exams.dicom_file import open_dicom, parsing
from dibmg_monai.exams.statements import LATERALITY, PROJECTION, Statement, first_statement, modifiers
from dibmg_monai.views import View

KEYWORDS = (
    *("SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "PatientID", "Modality", "PresentationIntentType"),
    *("ImageType", "SeriesDescription", "ImageLaterality", "Laterality", "SharedFunctionalGroupsSequence"),
    *("ViewCodeSequence", "ViewPosition", "PatientOrientation", "EstimatedRadiographicMagnificationFactor"),
    *("PartialView", "QualityControlImage", "AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime"),
    *("ContentDate", "ContentTime", "Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "NumberOfFrames"),
)

# PatientID in CBIS-DDSM, which gives every image a patient and a study of its own; regions and masks end in _1, _2, ...
CBIS_DDSM = re.compile(r"(Calc|Mass)-(Training|Test)_(?P<case>P_\d+)_(LEFT|RIGHT)_(CC|MLO)(?P<region>_\d+)?")

SYNTHESIZED_SERIES = re.compile(r"\b[CS]-view\b", re.IGNORECASE)  # vendor practice: C-View, S-View


@dataclass(frozen=True)
class Header:
    """The facts of one image's header. Empty text, an empty tuple or None: the header does not say.

    Attributes:
        sop_instance: SOPInstanceUID.
        sop_class: SOPClassUID, or MediaStorageSOPClassUID where that is missing.
        study: StudyInstanceUID.
        patient: PatientID, to keep patients apart; never to be shown.
        case: the public case number where a data set's dialect has one: P_00820 (CBIS-DDSM).
        is_region: a region cut from a mammogram, or its mask (CBIS-DDSM).
        modality: Modality.
        intent: PresentationIntentType.
        image_type: ImageType, all its values.
        laterality: the breast: R, L, or what else stands there.
        projection: CC, MLO, another view's short name, or what else stands there.
        modifiers: what sets the view apart from the standard one: names of PS3.16 CID 4015, or codes not in it.
        magnification: EstimatedRadiographicMagnificationFactor.
        is_partial: PartialView.
        is_synthesized: computed from tomosynthesis.
        is_quality_control: QualityControlImage.
        frames: NumberOfFrames.
        samples: SamplesPerPixel.
        acquired: when, as text that sorts; never to be shown.
        missing_pixels: what is missing of the pixel data; empty if it is complete.
    """

    sop_instance: str
    sop_class: str
    study: str
    patient: str = field(repr=False)
    case: str
    is_region: bool
    modality: str
    intent: str
    image_type: tuple[str, ...]
    laterality: Statement
    projection: Statement
    modifiers: tuple[str, ...]
    magnification: float | None
    is_partial: bool | None
    is_synthesized: bool | None
    is_quality_control: bool | None
    frames: int
    samples: int
    acquired: str = field(repr=False)
    missing_pixels: str

    @property
    def image_type_text(self) -> str:
        """ImageType as it stands in the file."""
        return "\\".join(self.image_type)

    @property
    def modifiers_text(self) -> str:
        """The modifiers in one text."""
        return ", ".join(self.modifiers)

    @property
    def sop_class_name(self) -> str:
        """The SOP class in words, or its UID where that is private."""
        return UID(self.sop_class, validation_mode=config.IGNORE).name

    @property
    def view(self) -> View | None:
        """The standard view shown, if it is one."""
        name = self.laterality.value + self.projection.value
        return View(name) if name in set(View) else None


def read_header(path: Path) -> Header:
    """Read the facts of one file; no pixels are decoded.

    Raises:
        ImageError: code ``not-dicom`` or ``unreadable``.
    """
    dataset, missing_pixels = open_dicom(path, keywords=KEYWORDS)
    with parsing(path):
        header = Attributes(dataset)
        dialect = CBIS_DDSM.fullmatch(header.text("PatientID"))
        return Header(
            sop_instance=header.text("SOPInstanceUID"),
            sop_class=header.text("SOPClassUID") or Attributes(dataset.file_meta).text("MediaStorageSOPClassUID"),
            study=header.text("StudyInstanceUID"),
            patient=header.text("PatientID"),
            case=dialect["case"] if dialect else "",
            is_region=dialect is not None and dialect["region"] is not None,
            modality=header.text("Modality"),
            intent=header.text("PresentationIntentType"),
            image_type=header.texts("ImageType"),
            laterality=first_statement(LATERALITY, header),
            projection=first_statement(PROJECTION, header),
            modifiers=modifiers(header),
            magnification=header.number("EstimatedRadiographicMagnificationFactor"),
            is_partial=header.yes_no("PartialView"),
            is_synthesized=_is_synthesized(header),
            is_quality_control=header.yes_no("QualityControlImage"),
            frames=int(header.number("NumberOfFrames") or 1),
            samples=int(header.number("SamplesPerPixel") or 1),
            acquired=_acquired(header),
            missing_pixels=missing_pixels,
        )


def _is_synthesized(header: Attributes) -> bool | None:
    """PS3.3 C.8.11.7.1.4: GENERATED_2D in ImageType; older files say it in SeriesDescription, if at all."""
    image_type = header.texts("ImageType")
    if "GENERATED_2D" in image_type or SYNTHESIZED_SERIES.search(header.text("SeriesDescription")):
        return True
    return False if image_type[:1] == ("ORIGINAL",) else None


def _acquired(header: Attributes) -> str:
    """Year to fraction of a second: PS3.3 C.7.6.1, C.7.10.1; the time of the content where there is no other."""
    if date := header.text("AcquisitionDate"):
        return date + header.text("AcquisitionTime")
    return header.text("AcquisitionDateTime") or header.text("ContentDate") + header.text("ContentTime")
