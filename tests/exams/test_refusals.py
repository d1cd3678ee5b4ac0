import re

import pytest
from pydicom import Dataset
from pydicom.uid import (
    BreastProjectionXRayImageStorageForPresentation,
    BreastTomosynthesisImageStorage,
    ComputedRadiographyImageStorage,
    DigitalMammographyXRayImageStorageForProcessing,
    DigitalXRayImageStorageForPresentation,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
)

from dibmg_monai.exams.headers import read_header
from dibmg_monai.exams.refusals import REFUSALS, refusal
from dibmg_monai.exams.rules import Rule
from tests.exams.conftest import WriteImage, code_item, header_like


def modified(code: str) -> dict:
    return {"ViewCodeSequence": [code_item("399162004", modifiers=(code_item(code),))]}


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"EstimatedRadiographicMagnificationFactor": "1.07"},
        {"FieldOfViewDimensions": [180, 240]},
        {"FieldOfViewDimensions": [239, 305]},
        {"FieldOfViewDimensions": [120, 60]},
        {"FieldOfViewDimensions": [18, 24]},
        {"Modality": "CR", "BodyPartExamined": "BREAST", "SOPClassUID": ComputedRadiographyImageStorage},
        {"SOPClassUID": SecondaryCaptureImageStorage},
        {"SOPClassUID": MultiFrameGrayscaleByteSecondaryCaptureImageStorage, "NumberOfFrames": 1},
        {"Modality": None},
        {"QualityControlImage": "BOTH"},
        {"PhotometricInterpretation": "MONOCHROME1"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "", "", "LOW_ENERGY"]},
        modified("399209000"),
        modified("442593008"),
        {"ViewPosition": "CCNP"},
        {"PartialView": "YES"},
        {"SeriesDescription": "C-View"},
        {"BodyPartExamined": "CHEST"},
    ],
)
def test_what_may_enter_an_exam(attributes: dict) -> None:
    assert refusal(header_like(**attributes)) is None


@pytest.mark.parametrize(
    ("attributes", "code", "sentence"),
    [
        ({"SOPClassUID": "1.2.840.10008.1.3.10", "Modality": None}, "dicomdir", "index of a medium"),
        ({"Modality": "CT"}, "not-mammogram", r"Modality \(0008,0060\) is 'CT'; 'MG' is accepted"),
        ({"Modality": "OT", "BodyPartExamined": "BREAST"}, "not-mammogram", "'OT'"),
        ({"Modality": "CR", "BodyPartExamined": "CHEST"}, "not-mammogram", r"is 'CR', but neither .* says breast"),
        ({"Modality": None, "SOPClassUID": SecondaryCaptureImageStorage}, "not-mammogram", "Secondary Capture"),
        ({"Modality": None, "SOPClassUID": None}, "not-mammogram", r"\(0008,0016\) are missing"),
        ({"SOPClassUID": DigitalMammographyXRayImageStorageForProcessing}, "for-processing", "For Presentation is acc"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for-processing", "For Presentation is accepted"),
        (
            {"SOPClassUID": BreastTomosynthesisImageStorage, "NumberOfFrames": 60},
            "tomosynthesis",
            "Breast Tomosynthesis",
        ),
        ({"SOPClassUID": BreastProjectionXRayImageStorageForPresentation}, "tomosynthesis", "Breast Projection"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_PROJ"]}, "tomosynthesis", r"ImageType .* says 'TOMO_PROJ'"),
        (
            {"SOPClassUID": SecondaryCaptureImageStorage, "SeriesDescription": "R CC Tomosynthesis Projection"},
            "tomosynthesis",
            "SeriesDescription",
        ),
        ({"SOPClassUID": DigitalXRayImageStorageForPresentation}, "sop-class", "Digital X-Ray Image Storage"),
        ({"SOPClassUID": MultiFrameTrueColorSecondaryCaptureImageStorage}, "sop-class", "True Color"),
        ({"NumberOfFrames": 2}, "frames", "is 2; 1 is accepted"),
        ({"SamplesPerPixel": 3}, "not-gray", "is 3; 1, a gray image, is accepted"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "not-gray", "'PALETTE COLOR'; MONOCHROME1 or"),
        ({"PatientID": "Mass-Test_P_00820_RIGHT_CC_1"}, "region", "CBIS-DDSM"),
        ({"QualityControlImage": "YES"}, "quality-control", r"\(0028,0300\) says 'YES'"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen-save", "says 'SCREEN SAVE'"),
        ({"SpecimenDescriptionSequence": [Dataset()]}, "specimen", r"\(0040,0560\) says 'a specimen', not a breast"),
        ({"ViewCodeSequence": [code_item("127457009")]}, "specimen", "says 'specimen'"),
        ({"ImageType": ["DERIVED", "PRIMARY", "STEREO", "LEFT"]}, "biopsy", "STEREO"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "PREFIRE_MINUS"]}, "biopsy", "PREFIRE_MINUS"),
        ({"ImageType": ["DERIVED", "PRIMARY", "", "SUBTRACTION"]}, "contrast", "SUBTRACTION"),
        (modified("399163009"), "magnification", r"ViewModifierCodeSequence \(0054,0222\) says magnification"),
        ({"ViewPosition": "CCMAG"}, "magnification", r"ViewPosition \(0018,5101\) says magnification"),
        ({"PaddleDescription": "MAG"}, "magnification", r"PaddleDescription \(0018,11A4\) says magnification"),
        ({"EstimatedRadiographicMagnificationFactor": "1.5"}, "magnification", "is 1.5, .* up to 1.2 is accepted"),
        (modified("399055006"), "spot", "says spot compression"),
        ({"ViewPosition": "CCSPOT"}, "spot", "says spot compression"),
        ({"FieldOfViewDimensions": [67, 112]}, "small-field", "is 67 x 112 mm, .* longer than 120 mm"),
        ({"FieldOfViewDimensions": "90"}, "small-field", "is 90 mm"),
        ({"FieldOfViewDimensions": [50, 50]}, "small-field", "is 50 x 50 mm"),
        (modified("399161006"), "view", r"a view of its own: cleavage by ViewModifierCodeSequence"),
        ({"ViewPosition": "CCTAN"}, "view", "tangential by ViewPosition"),
        ({"ImageLaterality": None}, "laterality", "none of ImageLaterality .* tells the side; R or L is needed"),
        ({"ImageLaterality": "B"}, "laterality", "is 'B'; R or L is accepted"),
        ({"ImageLaterality": "U"}, "laterality", "is 'U'; R or L is accepted"),
        ({"ViewCodeSequence": [code_item("399260004")]}, "view", r"ViewCodeSequence \(0054,0220\) is 'ML'; CC or MLO"),
        ({"ViewCodeSequence": None, "ViewPosition": "XCCL"}, "view", r"ViewPosition \(0018,5101\) is 'XCCL'; CC or"),
        ({"ViewCodeSequence": None, "ViewPosition": "AT"}, "view", "is 'AT'; CC or MLO"),
        ({"ViewCodeSequence": None, "ViewPosition": "CC 2"}, "view", "is 'CC 2'; CC or MLO"),
        ({"ViewCodeSequence": None, "ViewPosition": None, "PatientOrientation": None}, "view", "tells the view"),
        ({"StudyInstanceUID": None}, "study", "StudyInstanceUID"),
        ({"StudyInstanceUID": "../../etc"}, "study", "StudyInstanceUID"),
    ],
)
def test_refusals(attributes: dict, code: str, sentence: str) -> None:
    found = refusal(header_like(**attributes))
    assert found is not None
    assert found.code == code
    assert re.search(sentence, found.reason)


@pytest.mark.parametrize("content", [None, bytes(10)])
def test_pixels_that_are_not_all_there(content: bytes | None, write_image: WriteImage) -> None:
    found = refusal(read_header(write_image("a.dcm", PixelData=content)))
    assert found is not None
    assert found.code == "truncated"
    assert re.search("has 10 of 48 bytes" if content else "ends before PixelData", found.reason)


@pytest.mark.parametrize("rule", REFUSALS, ids=lambda rule: rule.code)
def test_every_rule_cites_the_standard_or_says_that_it_cannot(rule: Rule) -> None:
    assert rule.clause.startswith(("PS3.", "vendor practice"))
