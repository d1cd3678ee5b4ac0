"""One DICOM header -> what it says about a mammogram. Facts only: ``refusals.py`` says which images enter an exam."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import config
from pydicom.uid import UID

from dibmg_monai.exams import exclusions, signs, view_sources
from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.exams.dicom_file import open_dicom, parsing
from dibmg_monai.exams.statements import Statement, contradictions, first_statement
from dibmg_monai.exams.view_sources import LATERALITY, PROJECTION
from dibmg_monai.exams.vocabulary import SIDES, VIEW_WORDS
from dibmg_monai.views import View

KEYWORDS = (
    *("SOPInstanceUID", "SOPClassUID", "StudyInstanceUID", "PatientID", "Modality", "PresentationIntentType"),
    *("ImageType", "EstimatedRadiographicMagnificationFactor", "FieldOfViewDimensions", "PhotometricInterpretation"),
    *("AcquisitionDate", "AcquisitionTime", "AcquisitionDateTime", "ContentDate", "ContentTime"),
    *("Rows", "Columns", "BitsAllocated", "SamplesPerPixel", "NumberOfFrames"),
    *view_sources.KEYWORDS,
    *signs.KEYWORDS,
    *exclusions.KEYWORDS,
)

# PatientID in CBIS-DDSM, which gives every image a patient and a study of its own; regions and masks end in _1, _2, ...
CBIS_DDSM = re.compile(r"(Calc|Mass)-(Training|Test)_(?P<case>P_\d+)_(LEFT|RIGHT)_(CC|MLO)(?P<region>_\d+)?")


@dataclass(frozen=True)
class Header:
    """The facts of one image's header. Empty text, an empty tuple, mapping or None: the header does not say.

    Attributes:
        sop_instance: SOPInstanceUID.
        sop_class: SOPClassUID, or MediaStorageSOPClassUID where that is missing.
        study: StudyInstanceUID.
        patient: PatientID, to keep patients apart; never to be shown.
        case: the public case number where a data set's dialect has one: P_00820 (CBIS-DDSM).
        is_region: a region cut from a mammogram, or its mask (CBIS-DDSM).
        modality: Modality.
        intent: PresentationIntentType.
        laterality: the breast: R, L, or what else stands there.
        projection: CC, MLO, another view's short name, or what else stands there.
        contradictions: what other places say against these two.
        modifiers: what sets the view apart from the standard one -> the attribute that says so. Names are those of
            PS3.16 CID 4015, or codes not in it.
        signs: of ``signs.SIGNS``, those that the image has.
        hints: what the header says on the paper's criteria of exclusion.
        magnification: EstimatedRadiographicMagnificationFactor.
        field_mm: FieldOfViewDimensions: two sides, or a diameter.
        photometric: PhotometricInterpretation.
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
    laterality: Statement
    projection: Statement
    contradictions: tuple[Statement, ...]
    modifiers: Mapping[str, str]
    signs: Mapping[str, Statement]
    hints: exclusions.Hints
    magnification: float | None
    field_mm: tuple[float, ...]
    photometric: str
    frames: int
    samples: int
    acquired: str = field(repr=False)
    missing_pixels: str

    @property
    def modifiers_text(self) -> str:
        """The modifiers in one text, with their places."""
        return ", ".join(f"{name} by {attribute}" for name, attribute in self.modifiers.items())

    @property
    def contradictions_text(self) -> str:
        """The contradictions in one text."""
        return ", ".join(f"{other.attribute} says {other.value}" for other in self.contradictions)

    @property
    def field_text(self) -> str:
        """The field of view in one text."""
        return " x ".join(f"{side:g}" for side in self.field_mm)

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
        media_class = Attributes(dataset.file_meta).text("MediaStorageSOPClassUID")
        return header_of(Attributes(dataset), media_class=media_class, missing_pixels=missing_pixels)


def header_of(header: Attributes, *, media_class: str = "", missing_pixels: str = "") -> Header:
    """The facts of a header that has been read.

    Args:
        header: with the attributes ``KEYWORDS``.
        media_class: MediaStorageSOPClassUID (0002,0002).
        missing_pixels: what is missing of the pixel data; empty if it is complete.
    """
    dialect = CBIS_DDSM.fullmatch(header.text("PatientID"))
    laterality, projection = first_statement(LATERALITY, header), first_statement(PROJECTION, header)
    return Header(
        sop_instance=header.text("SOPInstanceUID"),
        sop_class=header.text("SOPClassUID") or media_class,
        study=header.text("StudyInstanceUID"),
        patient=header.text("PatientID"),
        case=dialect["case"] if dialect else "",
        is_region=dialect is not None and dialect["region"] is not None,
        modality=header.text("Modality"),
        intent=header.text("PresentationIntentType"),
        laterality=laterality,
        projection=projection,
        contradictions=(
            *contradictions(laterality, LATERALITY, header, known=frozenset(SIDES.values())),
            *contradictions(projection, PROJECTION, header, known=frozenset(VIEW_WORDS.values())),
        ),
        modifiers=view_sources.modifiers(header),
        signs=signs.signs(header),
        hints=exclusions.hints(header),
        magnification=header.number("EstimatedRadiographicMagnificationFactor"),
        field_mm=header.numbers("FieldOfViewDimensions"),
        photometric=header.text("PhotometricInterpretation"),
        frames=int(header.number("NumberOfFrames") or 1),
        samples=int(header.number("SamplesPerPixel") or 1),
        acquired=_acquired(header),
        missing_pixels=missing_pixels,
    )


def _acquired(header: Attributes) -> str:
    """Year to fraction of a second: PS3.3 C.7.6.1, C.7.10.1; the time of the content where there is no other."""
    if date := header.text("AcquisitionDate"):
        return date + header.text("AcquisitionTime")
    return header.text("AcquisitionDateTime") or header.text("ContentDate") + header.text("ContentTime")
