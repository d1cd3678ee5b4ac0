import re

import pytest
from pydicom.uid import (
    BreastTomosynthesisImageStorage,
    ComputedRadiographyImageStorage,
    DigitalMammographyXRayImageStorageForProcessing,
    DigitalXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
)

from dibmg_monai.exams.headers import read_header
from dibmg_monai.exams.rules import CAUTIONS, REFUSALS, Rule, cautions, refusal
from tests.exams.conftest import WriteImage, coded


def modified(code: str) -> dict:
    return {"ViewCodeSequence": [coded("399162004", modifiers=(coded(code),))]}


def test_ordinary_mammogram_is_taken_without_a_word(write_image: WriteImage) -> None:
    header = read_header(write_image("a.dcm", EstimatedRadiographicMagnificationFactor="1.07"))
    assert refusal(header) is None
    assert cautions(header) == ()


@pytest.mark.parametrize(
    ("attributes", "code", "sentence"),
    [
        ({"Modality": "CT"}, "not-mammogram", r"Modality \(0008,0060\) is 'CT'; 'MG' is accepted"),
        ({"Modality": "SR", "PixelData": None}, "not-mammogram", "'SR'"),
        ({"Modality": None, "SOPClassUID": SecondaryCaptureImageStorage}, "not-mammogram", "Secondary Capture"),
        ({"SOPClassUID": DigitalMammographyXRayImageStorageForProcessing}, "for-processing", "For Presentation is acc"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "for-processing", "For Presentation is accepted"),
        (
            {"SOPClassUID": BreastTomosynthesisImageStorage, "NumberOfFrames": 60},
            "tomosynthesis",
            "Breast Tomosynthesis",
        ),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_PROJ"]}, "tomosynthesis", r"PRIMARY\\TOMO_PROJ"),
        ({"SOPClassUID": DigitalXRayImageStorageForPresentation}, "sop-class", "Digital X-Ray Image Storage"),
        ({"PixelData": None}, "truncated", "ends before PixelData"),
        ({"PixelData": bytes(10)}, "truncated", "has 10 of 48 bytes"),
        ({"NumberOfFrames": 2, "PixelData": bytes(96)}, "frames", "is 2; 1 is accepted"),
        ({"SamplesPerPixel": 3, "PixelData": bytes(144)}, "not-gray", "is 3; 1, a gray image, is accepted"),
        ({"PatientID": "Mass-Test_P_00820_RIGHT_CC_1"}, "region", "CBIS-DDSM"),
        ({"QualityControlImage": "YES"}, "quality-control", r"\(0028,0300\) is 'YES'"),
        ({"ImageType": ["DERIVED", "PRIMARY", "STEREO", "LEFT"]}, "biopsy", "STEREO"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "PREFIRE_MINUS"]}, "biopsy", "PREFIRE_MINUS"),
        ({"ImageType": ["DERIVED", "PRIMARY", "", "SUBTRACTION"]}, "contrast", "SUBTRACTION"),
        (modified("399163009"), "magnification", "says magnification"),
        ({"EstimatedRadiographicMagnificationFactor": "1.5"}, "magnification", "is 1.5, .* up to 1.2 is accepted"),
        (modified("399055006"), "spot", "says spot compression"),
        (modified("399161006"), "view", "says cleavage"),
        ({"ImageLaterality": None}, "laterality", "none of ImageLaterality"),
        ({"ImageLaterality": "B"}, "laterality", "is 'B'; R or L is accepted"),
        ({"ViewCodeSequence": [coded("399260004")]}, "view", r"ViewCodeSequence \(0054,0220\) is 'ML'; CC or MLO"),
        ({"ViewCodeSequence": None, "ViewPosition": None, "PatientOrientation": None}, "view", "do not tell the view"),
        ({"StudyInstanceUID": None}, "study", "StudyInstanceUID"),
        ({"StudyInstanceUID": "../../etc"}, "study", "StudyInstanceUID"),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_refusals(attributes: dict, code: str, sentence: str, write_image: WriteImage) -> None:
    found = refusal(read_header(write_image("a.dcm", **attributes)))
    assert found is not None
    assert found.code == code
    assert re.search(sentence, found.reason)


@pytest.mark.parametrize(
    ("attributes", "sentences"),
    [
        (
            {"SOPClassUID": ComputedRadiographyImageStorage},
            ["Computed Radiography Image Storage, not Digital Mammography"],
        ),
        ({"ViewCodeSequence": None, "ViewPosition": None}, ["the view is known from PatientOrientation"]),
        (modified("399209000"), ["says implant displaced: not a standard view"]),
        ({"PartialView": "YES"}, ["PartialView (0028,1350) is 'YES'"]),
        ({"SeriesDescription": "C-View"}, ["computed from tomosynthesis"]),
        ({"PartialView": "YES", "SeriesDescription": "C-View"}, ["PartialView", "computed"]),
    ],
)
def test_cautions(attributes: dict, sentences: list[str], write_image: WriteImage) -> None:
    header = read_header(write_image("a.dcm", **attributes))
    assert refusal(header) is None
    found = cautions(header)
    assert len(found) == len(sentences)
    assert all(start in sentence for start, sentence in zip(sentences, found, strict=True))


@pytest.mark.parametrize("rule", [*REFUSALS, *CAUTIONS], ids=lambda rule: rule.code)
def test_every_rule_cites_the_standard_or_says_that_it_cannot(rule: Rule) -> None:
    assert rule.clause.startswith(("PS3.", "vendor practice"))
