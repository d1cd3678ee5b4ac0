import pytest
from pydicom import Dataset
from pydicom.sr.codedict import codes

from dibmg_monai.exams.statements import Statement, first_statement
from dibmg_monai.exams.view_sources import LATERALITY, MODIFIERS, PROJECTION, SIDE_NAMES, modifiers
from tests.exams.conftest import code_item, header_with

REGION = "AnatomicRegionModifierSequence (0008,2220)"
STRUCTURE = "PrimaryAnatomicStructureModifierSequence (0008,2230)"


def item(**attributes: object) -> Dataset:
    return header_with(**attributes).dataset


def frame_laterality(side: str) -> list[Dataset]:
    return [item(FrameAnatomySequence=[item(FrameLaterality=side)])]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ImageLaterality": "R", "Laterality": "L"}, Statement("R", "ImageLaterality (0020,0062)")),
        ({"ImageLaterality": "", "Laterality": "L"}, Statement("L", "Laterality (0020,0060)")),
        ({"ImageLaterality": "Right"}, Statement("R", "ImageLaterality (0020,0062)")),
        ({"Laterality": "l"}, Statement("L", "Laterality (0020,0060)")),
        ({"SharedFunctionalGroupsSequence": frame_laterality("L")}, Statement("L", "FrameLaterality (0020,9072)")),
        ({"ImageLaterality": "B", "Laterality": "L"}, Statement("B", "ImageLaterality (0020,0062)")),
        (
            {"AnatomicRegionSequence": [item(AnatomicRegionModifierSequence=[code_item("24028007")])]},
            Statement("R", REGION),
        ),
        (
            {"AnatomicRegionSequence": [item(AnatomicRegionModifierSequence=[code_item("G-A101", scheme="SRT")])]},
            Statement("L", REGION),
        ),
        ({"AnatomicRegionSequence": [item(AnatomicRegionModifierSequence=[code_item("1234567")])]}, Statement()),
        (
            {
                "PrimaryAnatomicStructureSequence": [
                    item(PrimaryAnatomicStructureModifierSequence=[code_item("7771000")])
                ]
            },
            Statement("L", STRUCTURE),
        ),
        ({"ViewPosition": "RIGHT CC"}, Statement("R", "ViewPosition (0018,5101)")),
        ({"ViewPosition": "LMO"}, Statement()),
        ({"SeriesDescription": "L MLO"}, Statement("L", "SeriesDescription (0008,103E)")),
        ({"SeriesDescription": "Left breast"}, Statement()),
        ({}, Statement()),
    ],
)
def test_the_side(attributes: dict, expected: Statement) -> None:
    assert first_statement(LATERALITY, header_with(**attributes)) == expected


def test_codes_of_sides_are_those_of_the_context_group() -> None:
    right, left = codes.cid244.Right, codes.cid244.Left
    assert (SIDE_NAMES[right.value], SIDE_NAMES[left.value]) == ("R", "L")
    assert right.scheme_designator == left.scheme_designator == "SCT"


@pytest.mark.parametrize(
    ("attributes", "value", "attribute"),
    [
        ({"ViewCodeSequence": [code_item("399162004")], "ViewPosition": "MLO"}, "CC", "ViewCodeSequence (0054,0220)"),
        ({"ViewCodeSequence": [code_item("1234567")], "ViewPosition": "CC"}, "SCT 1234567", "ViewCodeSequence (0054,0"),
        # a private scheme says what it means, or nothing
        (
            {"ViewCodeSequence": [code_item("V1", scheme="99X", meaning="Medio-Lateral Oblique")]},
            "MLO",
            "ViewCodeSequence (0054,0220)",
        ),
        (
            {"ViewCodeSequence": [code_item("V1", scheme="99X", meaning="view 1")], "ViewPosition": "CC"},
            "CC",
            "ViewPosition (0018,5101)",
        ),
        # a modifier in the view's place
        (
            {"ViewCodeSequence": [code_item("399055006")], "ViewPosition": "CC"},
            "CC",
            "ViewPosition (0018,5101)",
        ),
        ({"ViewCodeSequence": [], "ViewPosition": "mlo"}, "MLO", "ViewPosition (0018,5101)"),
        ({"ViewPosition": "CCSPOT", "PatientOrientation": ["P", "FL"]}, "CC", "ViewPosition (0018,5101)"),
        ({"ViewPosition": "ML", "PatientOrientation": ["P", "FL"]}, "ML", "ViewPosition (0018,5101)"),
        ({"ViewPosition": "AP", "PatientOrientation": ["P", "L"]}, "AP", "ViewPosition (0018,5101)"),
        ({"PatientOrientation": "CC"}, "CC", "PatientOrientation (0020,0020)"),
        ({"PatientOrientation": "MLO"}, "MLO", "PatientOrientation (0020,0020)"),
        ({"SeriesDescription": "R CC", "PatientOrientation": ["P", "FL"]}, "CC", "SeriesDescription (0008,103E)"),
        ({"SeriesDescription": "CC"}, "", ""),
        ({"PatientOrientation": ["P", "L"]}, "CC", "PatientOrientation (0020,0020)"),
        ({"PatientOrientation": ["R", "P"]}, "CC", "PatientOrientation (0020,0020)"),
        ({"PatientOrientation": ["A", "FR"]}, "MLO", "PatientOrientation (0020,0020)"),
        ({"PatientOrientation": ["P", "HL"]}, "MLO", "PatientOrientation (0020,0020)"),
        ({"PatientOrientation": ["P", "F"]}, "lateral", "PatientOrientation (0020,0020)"),
        ({"PatientOrientation": ["L", "F"]}, "", ""),
        ({"PatientOrientation": ["P", "A"]}, "", ""),
        ({"PatientOrientation": None}, "", ""),
    ],
)
def test_the_view(attributes: dict, value: str, attribute: str) -> None:
    found = first_statement(PROJECTION, header_with(**attributes))
    assert found.value == value
    assert found.attribute.startswith(attribute)


def test_modifiers_come_from_all_places_and_unknown_codes_are_kept() -> None:
    modifying = (
        code_item("R-102D6", scheme="SRT"),
        code_item("77", scheme="99X"),
        code_item("78", scheme="99X", meaning="Rolled medial"),
        code_item(""),
    )
    header = header_with(
        ViewCodeSequence=[code_item("399162004", modifiers=modifying)],
        ViewModifierCodeSequence=[code_item("399209000")],
        ViewPosition="CCNP",
        PaddleDescription="10cm SPT contact",
        SeriesDescription="R CC AX",
    )
    coded = "ViewModifierCodeSequence (0054,0222)"
    assert modifiers(header) == {
        "magnification": coded,
        "99X 77": coded,
        "rolled medial": coded,
        "implant displaced": coded,
        "nipple in profile": "ViewPosition (0018,5101)",
        "spot compression": "PaddleDescription (0018,11A4)",
        "axillary tissue": "SeriesDescription (0008,103E)",
    }
    assert modifiers(header_with(ViewCodeSequence=[code_item("399162004")], SeriesDescription="MG screening")) == {}


def test_modifiers_in_the_place_of_the_view() -> None:
    views = [code_item("399162004"), code_item("399163009"), code_item("1", scheme="99X", meaning="CC spot")]
    assert set(modifiers(header_with(ViewCodeSequence=views))) == {"magnification", "spot compression"}


def test_modifiers_in_a_view_position_that_is_not_understood_as_a_whole() -> None:
    assert list(modifiers(header_with(ViewPosition="CC 2 SPOT"))) == ["spot compression"]
    assert list(modifiers(header_with(ViewPosition="CC 2"))) == []


@pytest.mark.parametrize(
    ("paddle", "expected"),
    [
        ("MAG", ["magnification"]),
        ("7.5cm Mag", ["magnification"]),
        ("MAGNIFICATION_1.8", ["magnification"]),
        ("SPOT MAG", ["magnification", "spot compression"]),
        ("ROUND SPOT 8CM", ["spot compression"]),
        ("SPT_CONTACT", ["spot compression"]),
        ("18X24 SMALL", []),
        ("24x29 FLEX", []),
        ("REGULAR IMAGE", []),
    ],
)
def test_paddles(paddle: str, expected: list[str]) -> None:
    assert list(modifiers(header_with(PaddleDescription=paddle))) == expected


@pytest.mark.parametrize("source", [*LATERALITY, *PROJECTION, *MODIFIERS])
def test_every_source_cites_the_standard_or_says_that_it_cannot(source: object) -> None:
    assert source.clause.startswith(("PS3.", "vendor practice"))
