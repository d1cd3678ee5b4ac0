import pytest
from pydicom.sr._snomed_dict import mapping
from pydicom.sr.codedict import codes

from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.exams.vocabulary import (
    MODIFIER_NAMES,
    MODIFIER_WORDS,
    SNOMED,
    VIEW_NAMES,
    VIEW_WORDS,
    Reading,
    coded,
    read_modifier,
    read_view,
)
from tests.exams.conftest import code_item

EARLIER = {"Y-X1770": "XCCL", "Y-X1771": "XCCM", "R-102CF": "XCC"}  # in the notes on PS3.16 CID 4014


@pytest.mark.parametrize(("names", "context_group"), [(VIEW_NAMES, codes.cid4014), (MODIFIER_NAMES, codes.cid4015)])
def test_vocabularies_have_every_code_of_the_context_group_and_no_other(names: dict, context_group: object) -> None:
    concepts = {getattr(context_group, keyword).value for keyword in context_group.dir()}
    assert concepts == {code for code in names if code.isdigit()}
    retired = {code: mapping["SRT"][code] for code in names if not code.isdigit() and code not in EARLIER}
    assert set(retired.values()) == concepts
    assert {code: names[concept] for code, concept in retired.items()} == {code: names[code] for code in retired}
    assert {code: name for code, name in names.items() if code in EARLIER} in ({}, EARLIER)


@pytest.mark.parametrize(
    ("names", "context_group", "read"),
    [(VIEW_NAMES, codes.cid4014, lambda text: read_view(text).view), (MODIFIER_NAMES, codes.cid4015, read_modifier)],
)
def test_code_meanings_are_read_as_the_code_itself(names: dict, context_group: object, read: object) -> None:
    concepts = [getattr(context_group, keyword) for keyword in context_group.dir()]
    assert {concept.meaning: read(concept.meaning) for concept in concepts} == {
        concept.meaning: names[concept.value] for concept in concepts
    }


@pytest.mark.parametrize("scheme", SNOMED)
def test_codes_in_all_schemes(scheme: str) -> None:
    value = "399368009" if scheme == "SCT" else "R-10226"
    assert coded(Attributes(code_item(value, scheme=scheme)), VIEW_NAMES) == "MLO"
    assert coded(Attributes(code_item("1234567", scheme=scheme)), VIEW_NAMES) == f"{scheme} 1234567"


@pytest.mark.parametrize(("value", "scheme"), [("R-10226", "99VENDOR"), ("R-10226", ""), ("", "SCT")])
def test_other_schemes_are_not_read(value: str, scheme: str) -> None:
    assert coded(Attributes(code_item(value, scheme=scheme)), VIEW_NAMES) == ""


@pytest.mark.parametrize(
    ("text", "side", "view", "modifiers"),
    [
        ("CC", "", "CC", ()),
        ("mlo", "", "MLO", ()),
        (" MLO ", "", "MLO", ()),
        ("RCC", "R", "CC", ()),
        ("LMLO", "L", "MLO", ()),
        ("RIGHT CC", "R", "CC", ()),
        ("Left MLO", "L", "MLO", ()),
        ("L-MLO", "L", "MLO", ()),
        ("R_CC", "R", "CC", ()),
        ("CC R", "R", "CC", ()),
        ("MLO LEFT", "L", "MLO", ()),
        # ML, LM and LMO begin or end with a side's letter
        ("ML", "", "ML", ()),
        ("LM", "", "LM", ()),
        ("LMO", "", "LMO", ()),
        ("LML", "L", "ML", ()),
        ("RML", "R", "ML", ()),
        ("LLM", "L", "LM", ()),
        ("RLMO", "R", "LMO", ()),
        ("LAT", "", "lateral", ()),
        # other views
        ("XCCL", "", "XCCL", ()),
        ("RXCCM", "R", "XCCM", ()),
        ("XCC", "", "XCC", ()),
        ("FB", "", "FB", ()),
        ("SIO", "", "SIO", ()),
        ("ISO", "", "ISO", ()),
        ("CV", "", "CV", ()),
        ("L AT", "L", "AT", ()),
        ("TAN", "", "TAN", ()),
        # suffixes of PS3.16 CID 4015
        ("CCID", "", "CC", ("implant displaced",)),
        ("MLO ID", "", "MLO", ("implant displaced",)),
        ("LMLOID", "L", "MLO", ("implant displaced",)),
        ("CCNP", "", "CC", ("nipple in profile",)),
        ("MLOIMF", "", "MLO", ("infra-mammary fold",)),
        ("MLOAX", "", "MLO", ("axillary tissue",)),
        ("CCAC", "", "CC", ("anterior compression",)),
        ("CCRL", "", "CC", ("rolled lateral",)),
        ("CCRM", "", "CC", ("rolled medial",)),
        ("MLORS", "", "MLO", ("rolled superior",)),
        ("MLORI", "", "MLO", ("rolled inferior",)),
        # prefixes of PS3.16 CID 4015, and what devices append
        ("MCC", "", "CC", ("magnification",)),
        ("SMLO", "", "MLO", ("spot compression",)),
        ("RMMLO", "R", "MLO", ("magnification",)),
        ("LSCC", "L", "CC", ("spot compression",)),
        ("CCM", "", "CC", ("magnification",)),
        ("CCMAG", "", "CC", ("magnification",)),
        ("MLOSPOT", "", "MLO", ("spot compression",)),
        ("CCTAN", "", "CC", ("tangential",)),
        ("CC SPOT MAG", "", "CC", ("spot compression", "magnification")),
        ("R CC MAG", "R", "CC", ("magnification",)),
        ("XCCLM", "", "XCCL", ("magnification",)),
        ("cranio-caudal", "", "CC", ()),
        ("Right medio-lateral oblique", "R", "MLO", ()),
    ],
)
def test_texts_of_views(text: str, side: str, view: str, modifiers: tuple[str, ...]) -> None:
    assert read_view(text) == Reading(side, view, modifiers)


@pytest.mark.parametrize(
    "text", ["", "AP", "RL", "LL", "R", "M", "CCL", "CCX", "CC 2", "MLOO", "UNKNOWN", "CC MLO", "L R CC", "STANDARD CC"]
)
def test_texts_that_are_not_understood(text: str) -> None:
    assert read_view(text) is None


@pytest.mark.parametrize("text", ["", "CC", "nothing", "spot on"])
def test_texts_that_name_no_modifier(text: str) -> None:
    assert read_modifier(text) == ""


def test_every_name_can_be_said_in_words() -> None:
    assert set(VIEW_NAMES.values()) <= set(VIEW_WORDS.values())
    assert set(MODIFIER_NAMES.values()) == set(MODIFIER_WORDS.values())
