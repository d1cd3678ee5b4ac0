from pathlib import Path

import pytest

from dibmg_monai.exams.exclusions import SOURCES, Answer, Criterion, Exclusions, Policy, hints, met
from dibmg_monai.exams.statements import Statement
from tests.exams.conftest import code_item, header_with

PRESENT = "BreastImplantPresent (0028,1300)"
A, B = Path("a.dcm"), Path("b.dcm")
YES, NO = Statement("yes", PRESENT), Statement("no", PRESENT)


@pytest.mark.parametrize(
    ("attributes", "criterion", "value", "attribute"),
    [
        ({"BreastImplantPresent": "YES"}, "implant", "yes", PRESENT),
        ({"BreastImplantPresent": "NO"}, "implant", "no", PRESENT),
        (
            {"ViewCodeSequence": [code_item("399162004", modifiers=(code_item("399209000"),))]},
            "implant",
            "yes",
            "ViewModifierCodeSequence (0054,0222)",
        ),
        ({"ViewPosition": "MLOID"}, "implant", "yes", "ViewPosition (0018,5101)"),
        # somebody displaced an implant that the device's default denies
        ({"BreastImplantPresent": "NO", "ViewPosition": "CCID"}, "implant", "yes", "ViewPosition (0018,5101)"),
        ({"SeriesDescription": "R CC Implant"}, "implant", "yes", "SeriesDescription (0008,103E)"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "POSTMARKER"]}, "clip_or_marker", "yes", "ImageType (0008,0008)"),
        ({"StudyDescription": "MAMMO POST CLIP"}, "clip_or_marker", "yes", "StudyDescription (0008,1030)"),
        ({"SeriesDescription": "post-marker"}, "clip_or_marker", "yes", "SeriesDescription (0008,103E)"),
        ({"ImageComments": "s/p lumpectomy 2015"}, "surgery", "yes", "ImageComments (0020,4000)"),
        (
            {"PerformedProcedureStepDescription": "Unilateral after mastectomy"},
            "surgery",
            "yes",
            "PerformedProcedureStepDescription (0040,0254)",
        ),
        ({"ImageComments": "no implant; mammoplasty"}, "surgery", "yes", "ImageComments (0020,4000)"),
    ],
)
def test_hints(attributes: dict, criterion: str, value: str, attribute: str) -> None:
    assert hints(header_with(**attributes)) == {Criterion(criterion): Statement(value, attribute)}


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"BreastImplantPresent": "UNKNOWN"},
        {"BreastImplantPresent": ""},
        {"ImageComments": "No clips, no previous breast surgery"},
        {"ImageComments": "without breast implants"},
        {"SeriesDescription": "R CC", "StudyDescription": "MG screening", "ImageComments": "BB on nipple"},
        {"ImageType": ["ORIGINAL", "PRIMARY", "POSTBIOPSY"]},
    ],
)
def test_what_is_not_said_is_no_hint(attributes: dict) -> None:
    assert hints(header_with(**attributes)) == {}


@pytest.mark.parametrize(
    ("said", "used", "value", "place"),
    [
        ({A: {}, B: {}}, [A, B], "unknown", ""),
        ({A: {"implant": NO}, B: {"implant": NO}}, [A, B], "no", f"{PRESENT} of every view"),
        ({A: {"implant": NO}, B: {}}, [A, B], "unknown", ""),
        ({A: {"implant": NO}, B: {}}, [A], "no", f"{PRESENT} of every view"),
        ({A: {"implant": NO}, B: {"implant": YES}}, [A, B], "yes", f"{PRESENT} of b.dcm"),
        ({A: {"implant": NO}, B: {"implant": YES}}, [A], "yes", f"{PRESENT} of b.dcm"),
    ],
    ids=["nothing", "all say no", "one says nothing", "the one used says no", "one says yes", "one not used says yes"],
)
def test_answers_of_headers(said: dict, used: list[Path], value: str, place: str) -> None:
    answers = Exclusions().answers("1.2.3", said, used=used)
    assert answers == {
        Criterion.SURGERY: Answer(),
        Criterion.IMPLANT: Answer(value, place),
        Criterion.CLIP_OR_MARKER: Answer(),
    }


def test_the_table_overrides_headers_and_completes_them() -> None:
    line = "line 2 of table.csv"
    table = {"1.2.3": {Criterion.IMPLANT: Answer("no", line), Criterion.SURGERY: Answer("yes", line)}}
    exclusions = Exclusions(Policy.REFUSE, table)
    said = {A: {Criterion.IMPLANT: YES, Criterion.CLIP_OR_MARKER: Statement("yes", "ImageType (0008,0008)")}}
    answers = exclusions.answers("1.2.3", said, used=[A])
    assert answers == {
        Criterion.SURGERY: Answer("yes", line),
        Criterion.IMPLANT: Answer("no", line),
        Criterion.CLIP_OR_MARKER: Answer("yes", "ImageType (0008,0008) of a.dcm"),
    }
    assert met(answers) == f"surgery, by {line}; clip or marker, by ImageType (0008,0008) of a.dcm"
    assert exclusions.answers("1.2.4", said, used=[A])[Criterion.IMPLANT].value == "yes"


@pytest.mark.parametrize("source", [source for sources in SOURCES.values() for source in sources])
def test_every_source_cites_the_standard_or_says_that_it_cannot(source: object) -> None:
    assert source.clause.startswith(("PS3.", "vendor practice"))
