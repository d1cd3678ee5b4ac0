import pytest
from pydicom.uid import ComputedRadiographyImageStorage

from dibmg_monai.exams.cautions import CAUTIONS, cautions
from dibmg_monai.exams.refusals import refusal
from dibmg_monai.exams.rules import Rule
from tests.exams.conftest import code_item, header_like


def test_an_ordinary_mammogram_is_taken_without_a_word() -> None:
    assert cautions(header_like()) == ()


@pytest.mark.parametrize(
    ("attributes", "sentences"),
    [
        (
            {"SOPClassUID": ComputedRadiographyImageStorage},
            ["Computed Radiography Image Storage, not Digital Mammography"],
        ),
        (
            {"ViewCodeSequence": None, "ViewPosition": None},
            ["the view is known from PatientOrientation (0020,0020) only"],
        ),
        (
            {"ViewCodeSequence": None, "ViewPosition": None, "ImageLaterality": None, "SeriesDescription": "R CC"},
            [
                "the side is known from SeriesDescription (0008,103E) only",
                "the view is known from SeriesDescription (0008,103E) only",
            ],
        ),
        (
            {"Laterality": "L", "ViewPosition": "R ML"},
            [
                "ImageLaterality (0020,0062) and ViewCodeSequence (0054,0220) are believed, though "
                "Laterality (0020,0060) says L, ViewPosition (0018,5101) says ML"
            ],
        ),
        (
            {"ViewPosition": "LCC"},
            ["ImageLaterality (0020,0062) and ViewCodeSequence (0054,0220) are believed, though"],
        ),
        (
            {"ViewCodeSequence": [code_item("399162004", modifiers=(code_item("399209000"),))], "ViewPosition": "CCNP"},
            [
                "not a standard view: implant displaced by ViewModifierCodeSequence (0054,0222), "
                "nipple in profile by ViewPosition (0018,5101)"
            ],
        ),
        ({"PartialView": "YES"}, ["not all of the breast is on it, by PartialView (0028,1350)"]),
        (
            {"PartialViewDescription": "MOSAIC"},
            ["not all of the breast is on it, by PartialViewDescription (0028,1351)"],
        ),
        (
            {"SeriesDescription": "C-View"},
            ["computed from tomosynthesis, no exposure of its own, by SeriesDescription"],
        ),
        ({"ContrastBolusAgent": "Iohexol"}, ["taken with contrast agent, by ContrastBolusAgent (0018,0010)"]),
        ({"BurnedInAnnotation": "YES"}, ["BurnedInAnnotation (0028,0301) is 'YES'"]),
        ({"PartialView": "YES", "SeriesDescription": "C-View"}, ["not all of the breast", "computed"]),
    ],
)
def test_cautions(attributes: dict, sentences: list[str]) -> None:
    header = header_like(**attributes)
    assert refusal(header) is None
    found = cautions(header)
    assert len(found) == len(sentences)
    assert all(sentence.startswith(start) for start, sentence in zip(sentences, found, strict=True))


@pytest.mark.parametrize("rule", CAUTIONS, ids=lambda rule: rule.code)
def test_every_rule_cites_the_standard_or_says_that_it_cannot(rule: Rule) -> None:
    assert rule.clause.startswith(("PS3.", "vendor practice"))
