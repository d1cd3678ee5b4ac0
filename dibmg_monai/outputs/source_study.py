"""What every DICOM object about an image takes from that image: patient and study; and what it says of its origin.

New UIDs are random (2.25., PS3.5 B.2), not derived from the source: a second run is a new object with other content,
even if only its date differs, and an archive that knew its UID already would drop or overwrite one of the two.
"""

from copy import deepcopy
from datetime import datetime
from pathlib import Path

from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from pydicom.uid import UID, generate_uid

from dibmg_monai import __version__
from dibmg_monai.errors import ImageError
from dibmg_monai.exams.dicom_file import open_dicom, parsing
from dibmg_monai.inference import ModelInfo

SOFTWARE = "dibmg-monai"
NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID")
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
# Of the image itself, for those who describe a result.
OF_IMAGE = (
    "PatientOrientation",
    "BurnedInAnnotation",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)


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


def date_and_time(moment: datetime) -> tuple[str, str]:
    """A moment as DICOM DA and TM."""
    return moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")


def reference(source: Dataset, *, purpose: Code) -> Dataset:
    """An item that refers to an image (PS3.3 Table 10-3), with the purpose."""
    item = Dataset()
    with disable_value_validation():  # a UID may break the rules for UIDs, and is still the image's name
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = source.SOPClassUID, source.SOPInstanceUID
    item.PurposeOfReferenceCodeSequence = [coded(purpose)]
    return item


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
