import pytest
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from dibmg_monai.exams.signs import SIGNS, signs
from tests.exams.conftest import code_item, header_with


@pytest.mark.parametrize(
    ("attributes", "sign", "value"),
    [
        ({"BodyPartExamined": "BREAST"}, "breast", "BREAST"),
        ({"AnatomicRegionSequence": [code_item("T-04000", scheme="SNM3")]}, "breast", "breast"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_PROJ"]}, "tomosynthesis", "TOMO_PROJ"),
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "NONE"]}, "tomosynthesis", "TOMOSYNTHESIS"),
        ({"SeriesDescription": "R CC Tomosynthesis Projection"}, "tomosynthesis", "Tomosynthesis Projection"),
        ({"SeriesDescription": "L MLO Tomo Slices"}, "tomosynthesis", "Tomo Slices"),
        ({"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]}, "synthesized", "GENERATED_2D"),
        ({"SeriesDescription": "R CC C-View"}, "synthesized", "C-View"),
        ({"SeriesDescription": "L MLO S-VIEW"}, "synthesized", "S-VIEW"),
        ({"SeriesDescription": "RCC V-Preview"}, "synthesized", "V-Preview"),
        ({"SeriesDescription": "INSIGHT 2D"}, "synthesized", "INSIGHT 2D"),
        ({"SeriesDescription": "Intelligent 2D"}, "synthesized", "Intelligent 2D"),
        ({"SeriesDescription": "synthesized mammogram"}, "synthesized", "synthesized"),
        ({"SeriesDescription": "L CC Synthetic_2D"}, "synthesized", "Synthetic_2D"),
        ({"DerivationDescription": "generated 2D from slices"}, "synthesized", "generated 2D"),
        ({"AcquisitionDeviceProcessingDescription": "CVIEW"}, "synthesized", "CVIEW"),
        ({"ViewCodeSequence": [code_item("G-8310", scheme="SRT")]}, "specimen", "specimen"),
        ({"ViewPosition": "SPECIMEN"}, "specimen", "specimen"),
        ({"SpecimenDescriptionSequence": [Dataset()]}, "specimen", "a specimen"),
        ({"BodyPartExamined": "SPECIMEN"}, "specimen", "SPECIMEN"),
        ({"SeriesDescription": "R specimen"}, "specimen", "specimen"),
        ({"ImageType": ["DERIVED", "PRIMARY", "STEREO", "LEFT"]}, "biopsy", "STEREO"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "POSTMARKER_PLUS"]}, "biopsy", "POSTMARKER_PLUS"),
        ({"BiopsyTargetSequence": [Dataset()]}, "biopsy", "a target"),
        ({"DetectorMode": "STEREO"}, "biopsy", "STEREO"),
        ({"PaddleDescription": "5x5 Biopsy"}, "biopsy", "Biopsy"),
        ({"ImageType": ["DERIVED", "PRIMARY", "", "SUBTRACTION"]}, "contrast", "SUBTRACTION"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "", "", "HIGH_ENERGY"]}, "contrast", "HIGH_ENERGY"),
        ({"ImageType": ["DERIVED", "PRIMARY", "RECOMBINED"]}, "contrast", "RECOMBINED"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "", "", "LOW_ENERGY"]}, "contrast agent", "LOW_ENERGY"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "POST_CONTRAST"]}, "contrast agent", "POST_CONTRAST"),
        ({"ContrastBolusAgent": "Iohexol"}, "contrast agent", "an agent"),
        ({"QualityControlImage": "YES"}, "quality control", "YES"),
        ({"SeriesDescription": "Flat field"}, "quality control", "Flat field"),
        ({"SeriesDescription": "TG18 QC"}, "quality control", "TG18"),
        ({"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}, "screen save", "SCREEN SAVE"),
        ({"SeriesDescription": "Screen Captures"}, "screen save", "Screen Captures"),
        (
            {"SeriesDescription": "iCAD SecondLook", "SOPClassUID": SecondaryCaptureImageStorage},
            "screen save",
            "iCAD",
        ),
        ({"BurnedInAnnotation": "YES"}, "annotation", "YES"),
        ({"PartialView": "YES"}, "part", "YES"),
        ({"PartialViewCodeSequence": [code_item("255561001")]}, "part", "a section"),
        ({"PartialViewDescription": "MOSAIC 1 of 2"}, "part", "a part"),
    ],
)
def test_every_sign_in_every_place(attributes: dict, sign: str, value: str) -> None:
    assert {name: statement.value for name, statement in signs(header_with(**attributes)).items()} == {sign: value}


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"ImageType": ["ORIGINAL", "PRIMARY", ""]},
        {"ImageType": ["DERIVED", "PRIMARY", "POST_PROCESSED"]},
        {"SeriesDescription": "MG screening bilateral with tomosynthesis"},
        {"SeriesDescription": "Synthetic phantom, not a patient"},
        {"SeriesDescription": "R CC CAD"},
        {"SeriesDescription": "biopsy follow-up"},
        {"BodyPartExamined": "CHEST"},
        {"DetectorMode": "STANDARD"},
        {"ContrastBolusAgent": "NONE"},
        {"QualityControlImage": "NO", "BurnedInAnnotation": "NO", "PartialView": "NO"},
        {"QualityControlImage": "BOTH"},
        {"SpecimenDescriptionSequence": [], "BiopsyTargetSequence": [], "PartialViewCodeSequence": []},
        {"PaddleDescription": "18x24"},
    ],
)
def test_nothing_is_seen_where_nothing_is(attributes: dict) -> None:
    assert signs(header_with(**attributes)) == {}


def test_text_is_never_quoted_beyond_the_words_that_tell() -> None:
    (sign,) = signs(header_with(SeriesDescription="C-View of Secret^Name")).values()
    assert sign.value == "C-View"


@pytest.mark.parametrize("source", [source for sources in SIGNS.values() for source in sources])
def test_every_source_cites_the_standard_or_says_that_it_cannot(source: object) -> None:
    assert source.clause.startswith(("PS3.", "vendor practice"))
