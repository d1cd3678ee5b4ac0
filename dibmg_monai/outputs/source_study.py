"""What every DICOM object about an image takes from that image: patient and study; and what it says of its origin.

New UIDs are random (2.25., PS3.5 B.2), not derived from the source: a second run is a new object with other content,
even if only its date differs, and an archive that knew its UID already would drop or overwrite one of the two.
"""

import re
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import DSfloat

from dibmg_monai import __version__
from dibmg_monai.errors import ImageError, writing
from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.exams.dicom_file import open_dicom, parsing
from dibmg_monai.exams.image_file import SPACINGS
from dibmg_monai.inference import ModelInfo
from dibmg_monai.pixels.elements import numbers
from dibmg_monai.process_wide import unvalidated
from dibmg_monai.views import Projection

SOFTWARE = "dibmg-monai"
VIEW_CODES = {  # PS3.16 CID 4014
    Projection.CC: Code("399162004", "SCT", "cranio-caudal"),
    Projection.MLO: Code("399368009", "SCT", "medio-lateral oblique"),
}
NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
# PS3.3 C.7.1.1 Patient and C.7.2.1 General Study: type 2, so empty where the source has none ...
TYPE_2 = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
)
# ... and others, C.7.2.2 Patient Study among them, that go along if the source has them.
OPTIONAL = (
    "IssuerOfPatientID",
    "OtherPatientIDsSequence",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "StudyDescription",
    "IssuerOfAccessionNumberSequence",
    "ProcedureCodeSequence",
    "PatientAge",
)
LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")  # PS3.3 C.7.6.1.1.5
# Of the image itself, for those who describe a result.
OF_IMAGE = (
    *LOSSY,
    "PatientOrientation",
    "BurnedInAnnotation",
    "Modality",
    "ImageLaterality",
    "FrameOfReferenceUID",
    "Rows",
    "Columns",
    "NumberOfFrames",
    *SPACINGS,
    "PixelAspectRatio",
    "SamplesPerPixel",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PhotometricInterpretation",
    "PresentationLUTShape",
    "RescaleIntercept",
    "RescaleSlope",
    "RescaleType",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "VOILUTFunction",
    "VOILUTSequence",
)
DIRECTION = re.compile(r"(?!.*(.).*\1)[LRAPHF]{1,3}")  # PS3.3 C.7.6.1.1.1


@dataclass(frozen=True)
class Series:
    """A series of results: SeriesNumber, far from those of acquired images, and SeriesDescription.

    The number orders the series in a viewer; what counts is the SeriesInstanceUID, one for each kind of result in each
    study.
    """

    number: int
    description: str


def new_uid() -> UID:
    """A UID that was never used before."""
    return generate_uid(prefix=None)


def read_source(path: Path) -> Dataset:
    """What is needed of an image's header: text decoded and in ISO_IR 192, type 2 attributes added where missing.

    Values are taken as they are, right or wrong: the result has to be filed with its image.

    Raises:
        ImageError: if the file is no DICOM file, or does not say which image of which study it is.
    """
    source, _ = open_dicom(path, keywords=(*NEEDED, *TYPE_2, *OPTIONAL, *OF_IMAGE))
    with parsing(path):
        source.decode()
    for keyword in NEEDED:
        if not source.get(keyword):
            reason = f"{keyword} {Tag(keyword)} is missing or empty; a DICOM result has to refer to its image by UIDs"
            raise ImageError(path, reason, code="no-uid")
    source.SpecificCharacterSet = "ISO_IR 192"
    for keyword in TYPE_2:
        if keyword not in source:
            setattr(source, keyword, None)
    return source


def new_object(source: Dataset, *, sop_class: UID, made: datetime) -> Dataset:
    """A new object about an image, in its study: Patient, General Study and SOP Common attributes."""
    result = Dataset()
    for keyword in (*TYPE_2, *OPTIONAL, "StudyInstanceUID", "SpecificCharacterSet"):
        if keyword in source:
            result[keyword] = deepcopy(source[keyword])
    result.SOPClassUID, result.SOPInstanceUID = sop_class, new_uid()
    result.InstanceCreationDate, result.InstanceCreationTime = date_and_time(made)
    return result


def identify(result: Dataset, *, series: Series, model: ModelInfo, made: datetime) -> None:
    """Say which series an object belongs to and what made it: General Series, General Equipment and C.12.1 attributes.

    Args:
        result: the object; its SeriesInstanceUID is the caller's.
        series: number and description.
        model: what made the map.
        made: when.
    """
    result.SpecificCharacterSet = "ISO_IR 192"
    result.SeriesNumber, result.SeriesDescription = series.number, series.description
    result.SeriesDate, result.SeriesTime = date_and_time(made)
    result.Manufacturer, result.ManufacturerModelName = SOFTWARE, model.name
    result.DeviceSerialNumber, result.SoftwareVersions = model.sha256[:16], [model.version, f"{SOFTWARE} {__version__}"]
    result.InstanceCreationDate, result.InstanceCreationTime = date_and_time(made)
    result.ContributingEquipmentSequence = [contributing_equipment(model, made=made)]


def save(result: Dataset, path: Path) -> None:
    """Write an object as a DICOM file, uncompressed.

    Raises:
        FolderError: if the file cannot be written.
    """
    result.file_meta = FileMetaDataset()
    result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with writing(path):
        result.save_as(path, enforce_file_format=True)


def date_and_time(moment: datetime) -> tuple[str, str]:
    """A moment as DICOM DA and TM."""
    return moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")


def instance(source: Dataset) -> Dataset:
    """An item for sequences that refer to an image (PS3.3 Table 10-11), by its header."""
    item = Dataset()
    with unvalidated:  # a UID may break the rules for UIDs, and is still the image's name
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    return item


def reference(source: Dataset, *, purpose: Code) -> Dataset:
    """An item that refers to an image (PS3.3 Table 10-3), with the purpose."""
    item = instance(source)
    item.PurposeOfReferenceCodeSequence = [coded(purpose)]
    return item


def patient_orientation(source: Dataset) -> list[str] | None:
    """The image's PatientOrientation, for a result on its grid; None unless it is what the standard says.

    CBIS-DDSM has the view there.
    """
    directions = Attributes(source).texts("PatientOrientation")
    return list(directions) if len(directions) == 2 and all(map(DIRECTION.fullmatch, directions)) else None


def spacing_mm(source: Dataset) -> list[DSfloat] | None:
    """The distance between the centers of neighboring rows and columns, at the detector or wherever the header has it.

    None where it does not say.
    """
    for keyword in SPACINGS:
        sides = [side for side in numbers(source, keyword) if side is not None and side > 0]
        if len(sides) == 2:
            return [DSfloat(side, auto_format=True) for side in sides]
    return None


def aspect_ratio(source: Dataset) -> list[int]:
    """Height and width of a pixel by PixelAspectRatio; 1 and 1 where the header does not say."""
    sides = [round(side) for side in numbers(source, "PixelAspectRatio") if side is not None and side >= 1]
    return sides if len(sides) == 2 else [1, 1]


def device_uid(model: ModelInfo) -> UID:
    """A UID for the weights, the same in every report: they are the device that observed."""
    return UID(f"2.25.{uuid5(NAMESPACE_OID, model.sha256).int}")


def contributing_equipment(model: ModelInfo, *, made: datetime) -> Dataset:
    """An item for ContributingEquipmentSequence (PS3.3 C.12.1): the model, its version and its weights."""
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [coded(codes.DCM.ProcessingEquipment)]
    item.Manufacturer = SOFTWARE
    item.ManufacturerModelName = model.name
    item.SoftwareVersions = [model.version, f"{SOFTWARE} {__version__}"]
    item.ContributionDateTime = "".join(date_and_time(made))
    item.ContributionDescription = f"Cancer maps and scores, research use only. Weights: SHA-256 {model.sha256}"
    return item


def coded(code: Code) -> Dataset:
    """A code as a sequence item (PS3.3 Table 8.8-1)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item
