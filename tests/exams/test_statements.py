import pytest
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.exams.statements import (
    LATERALITY,
    MODIFIER_NAMES,
    PROJECTION,
    VIEW_NAMES,
    Statement,
    first_statement,
    modifiers,
)
from tests.exams.conftest import coded


def header(**attributes: object) -> Attributes:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return Attributes(dataset)


def frame_laterality(side: str) -> list[Dataset]:
    group, anatomy = Dataset(), Dataset()
    anatomy.FrameLaterality = side
    group.FrameAnatomySequence = [anatomy]
    return [group]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ImageLaterality": "R", "Laterality": "L"}, Statement("R", "ImageLaterality (0020,0062)")),
        ({"ImageLaterality": "", "Laterality": "L"}, Statement("L", "Laterality (0020,0060)")),
        ({"SharedFunctionalGroupsSequence": frame_laterality("L")}, Statement("L", "FrameLaterality (0020,9072)")),
        ({"ImageLaterality": "B", "Laterality": "L"}, Statement("B", "ImageLaterality (0020,0062)")),
        ({}, Statement()),
    ],
)
def test_the_first_place_that_says_something_decides_the_side(attributes: dict, expected: Statement) -> None:
    assert first_statement(LATERALITY, header(**attributes)) == expected


@pytest.mark.parametrize(
    ("scheme", "value", "name"),
    [
        ("SCT", "399162004", "CC"),
        ("SRT", "R-10242", "CC"),
        ("SNM3", "R-10242", "CC"),
        ("SCT", "399368009", "MLO"),
        ("SRT", "R-10226", "MLO"),
        ("SNM3", "R-10226", "MLO"),
        ("SRT", "R-10224", "ML"),
        ("99VENDOR", "R-10242", "99VENDOR R-10242"),
        ("SCT", "1234567", "SCT 1234567"),
    ],
)
def test_coded_views_in_all_schemes(scheme: str, value: str, name: str) -> None:
    found = first_statement(PROJECTION, header(ViewCodeSequence=[coded(value, scheme=scheme)], ViewPosition="XX"))
    assert found == Statement(name, "ViewCodeSequence (0054,0220)")


@pytest.mark.parametrize(("names", "context_group"), [(VIEW_NAMES, codes.cid4014), (MODIFIER_NAMES, codes.cid4015)])
def test_vocabularies_are_complete_and_both_codes_of_a_concept_mean_the_same(
    names: dict, context_group: object
) -> None:
    concepts = [getattr(context_group, keyword) for keyword in context_group.dir()]
    assert {concept.value for concept in concepts} == {code for code in names if code.isdigit()}
    retired = [code for code in names if not code.isdigit()]
    assert len(retired) == len(concepts)
    for code in retired:
        equal = [concept.value for concept in concepts if concept == Code(code, "SRT", "any meaning")]
        assert [names[value] for value in equal] == [names[code]]


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ViewCodeSequence": [], "ViewPosition": "MLO"}, Statement("MLO", "ViewPosition (0018,5101)")),
        ({"ViewPosition": "CCSPOT", "PatientOrientation": ["P", "L"]}, Statement("CCSPOT", "ViewPosition (0018,5101)")),
        ({"PatientOrientation": "CC"}, Statement("CC", "PatientOrientation (0020,0020)")),
        ({"PatientOrientation": "MLO"}, Statement("MLO", "PatientOrientation (0020,0020)")),
        ({"PatientOrientation": ["P", "L"]}, Statement("CC", "PatientOrientation (0020,0020)")),
        ({"PatientOrientation": ["R", "P"]}, Statement("CC", "PatientOrientation (0020,0020)")),
        ({"PatientOrientation": ["A", "FR"]}, Statement("MLO", "PatientOrientation (0020,0020)")),
        ({"PatientOrientation": ["P", "HL"]}, Statement("MLO", "PatientOrientation (0020,0020)")),
        ({"PatientOrientation": ["P", "F"]}, Statement("lateral", "PatientOrientation (0020,0020)")),
        ({"PatientOrientation": ["L", "F"]}, Statement()),
        ({"PatientOrientation": ["P", "A"]}, Statement()),
        ({"PatientOrientation": None}, Statement()),
    ],
)
def test_the_view_without_a_code(attributes: dict, expected: Statement) -> None:
    assert first_statement(PROJECTION, header(**attributes)) == expected


def test_modifiers_are_named_and_unknown_ones_kept() -> None:
    modifying = (coded("R-102D6", scheme="SRT"), coded("399055006"), coded("77", scheme="99X"), coded(""))
    view = coded("399162004", modifiers=modifying)
    assert modifiers(header(ViewCodeSequence=[view])) == ("magnification", "spot compression", "99X 77")
    assert modifiers(header(ViewCodeSequence=[coded("399162004")])) == ()


@pytest.mark.parametrize("source", [*LATERALITY, *PROJECTION])
def test_every_source_cites_the_standard_or_says_that_it_cannot(source: object) -> None:
    assert source.clause.startswith(("PS3.", "vendor practice"))
