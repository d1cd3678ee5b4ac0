"""Thousands of headers, products of small choices. Each choice knows its own effect; none asks the code's tables."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from pydicom import Dataset
from pydicom.uid import (
    BreastProjectionXRayImageStorageForProcessing,
    BreastTomosynthesisImageStorage,
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForProcessing,
    DigitalXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
)

from dibmg_monai.exams.cautions import CAUTIONS
from dibmg_monai.exams.headers import Header, header_of
from dibmg_monai.exams.refusals import refusal
from tests.exams.conftest import code_item, header_with

STANDARD = ("RCC", "RMLO", "LCC", "LMLO")
MEANINGS = {"CC": "cranio-caudal", "MLO": "medio-lateral oblique", "ML": "medio-lateral", "LM": "latero-medial"}
CODES = {  # SNOMED CT, SNOMED RT
    "CC": ("399162004", "R-10242"),
    "MLO": ("399368009", "R-10226"),
    "ML": ("399260004", "R-10224"),
    "LM": ("399352003", "R-10228"),
    "XCCL": ("399192008", "R-1024A"),
    "FB": ("399196006", "R-10244"),
}
BASE: dict[str, Any] = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.2",
    "StudyInstanceUID": "1.2.3",
    "Modality": "MG",
    "PresentationIntentType": "FOR PRESENTATION",
    "ImageType": ["DERIVED", "PRIMARY", ""],
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
}


@dataclass(frozen=True)
class Choice:
    """Attributes to set, the reason code they lead to (empty: none), and the codes of the cautions that they bring."""

    attributes: dict[str, Any]
    refused: str = ""
    cautions: frozenset[str] = field(default=frozenset())


def with_caution(attributes: dict[str, Any], *cautions: str) -> Choice:
    return Choice(attributes, cautions=frozenset(cautions))


def item(**attributes: Any) -> Dataset:
    return header_with(**attributes).dataset


def sides(side: str) -> Iterator[Choice]:
    """Ways to say R or L; one that says nothing, and two that say neither."""
    word, name = {"R": ("RIGHT", "24028007"), "L": ("LEFT", "7771000")}[side]
    yield Choice({"ImageLaterality": side})
    yield Choice({"ImageLaterality": word})
    yield Choice({"ImageLaterality": "", "Laterality": side})
    yield Choice({"SharedFunctionalGroupsSequence": [item(FrameAnatomySequence=[item(FrameLaterality=side)])]})
    yield Choice({"AnatomicRegionSequence": [item(AnatomicRegionModifierSequence=[code_item(name)])]})
    other = {"R": "L", "L": "R"}[side]
    yield with_caution({"ImageLaterality": side, "Laterality": other}, "contradiction")
    yield Choice({}, "laterality")
    yield Choice({"ImageLaterality": "B"}, "laterality")
    yield Choice({"ImageLaterality": "U", "Laterality": side}, "laterality")


def views(view: str) -> Iterator[Choice]:
    """Ways to name a view; one that names none."""
    refused = "" if view in ("CC", "MLO") else "view"
    sct, srt = CODES[view]
    for scheme, code in (("SCT", sct), ("SRT", srt), ("SNM3", srt), ("99SDM", srt)):
        yield Choice({"ViewCodeSequence": [code_item(code, scheme=scheme)]}, refused)
    if view in MEANINGS:
        yield Choice({"ViewCodeSequence": [code_item("1", scheme="99X", meaning=MEANINGS[view])]}, refused)
    yield Choice({"ViewPosition": view}, refused)
    yield Choice({"ViewCodeSequence": [], "ViewPosition": view.lower()}, refused)
    yield Choice({"ViewCodeSequence": [code_item("1", scheme="99X", meaning="x")], "ViewPosition": f" {view}"}, refused)
    yield Choice({"ViewCodeSequence": [code_item(sct)], "ViewPosition": "NONE"}, refused)
    contradicted = "MLO" if view == "CC" else "CC"
    yield Choice(
        {"ViewCodeSequence": [code_item(sct)], "ViewPosition": contradicted}, refused, frozenset({"contradiction"})
    )
    if view in ("CC", "MLO"):
        yield with_caution({"PatientOrientation": view}, "view")
        down = {"CC": "L", "MLO": "FL"}[view]
        yield with_caution({"PatientOrientation": ["P", down]}, "view")
        yield with_caution({"PatientOrientation": [down, "P"]}, "view")
    yield Choice({}, "view")


KINDS = (
    Choice({}),
    Choice({"PresentationIntentType": None}),
    Choice({"Modality": None}),
    with_caution({"SOPClassUID": SecondaryCaptureImageStorage}, "sop-class"),
    with_caution({"SOPClassUID": f"{SecondaryCaptureImageStorage}.3", "NumberOfFrames": 1}, "sop-class"),
    with_caution({"SOPClassUID": ComputedRadiographyImageStorage}, "sop-class"),
    with_caution(
        {"SOPClassUID": ComputedRadiographyImageStorage, "Modality": "CR", "BodyPartExamined": "BREAST"}, "sop-class"
    ),
    with_caution({"ImageType": ["DERIVED", "PRIMARY", "TOMOSYNTHESIS", "GENERATED_2D"]}, "synthesized"),
    with_caution({"SeriesDescription": "C-View"}, "synthesized"),
    with_caution({"PartialView": "YES", "PartialViewCodeSequence": [code_item("255561001")]}, "partial"),
    with_caution({"ImageType": ["ORIGINAL", "PRIMARY", "", "", "LOW_ENERGY"]}, "contrast"),
    with_caution({"BurnedInAnnotation": "YES"}, "annotated"),
    Choice({"FieldOfViewDimensions": [180, 240], "EstimatedRadiographicMagnificationFactor": "1.07"}),
    Choice({"Modality": "CT", "SOPClassUID": CTImageStorage}, "not-mammogram"),
    Choice({"Modality": "SR"}, "not-mammogram"),
    Choice({"Modality": "CR", "SOPClassUID": ComputedRadiographyImageStorage}, "not-mammogram"),
    Choice({"SOPClassUID": DigitalMammographyXRayImageStorageForProcessing}, "for-processing"),
    Choice({"PresentationIntentType": "FOR PROCESSING"}, "for-processing"),
    Choice({"SOPClassUID": BreastTomosynthesisImageStorage, "NumberOfFrames": 50}, "tomosynthesis"),
    Choice({"SOPClassUID": BreastProjectionXRayImageStorageForProcessing}, "tomosynthesis"),
    Choice({"ImageType": ["ORIGINAL", "PRIMARY", "TOMO_PROJ", "NONE"]}, "tomosynthesis"),
    Choice({"SOPClassUID": DigitalXRayImageStorageForPresentation}, "sop-class"),
    Choice({"SOPClassUID": SecondaryCaptureImageStorage, "NumberOfFrames": 9}, "frames"),
    Choice({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, "not-gray"),
    Choice({"QualityControlImage": "YES"}, "quality-control"),
    Choice({"SpecimenDescriptionSequence": [Dataset()]}, "specimen"),
    Choice({"ImageType": ["DERIVED", "PRIMARY", "STEREO_SCOUT"]}, "biopsy"),
    Choice({"ImageType": ["DERIVED", "PRIMARY", "POST_CONTRAST", "SUBTRACTION"]}, "contrast"),
    Choice({"EstimatedRadiographicMagnificationFactor": "1.8"}, "magnification"),
    Choice({"FieldOfViewDimensions": [50, 50]}, "small-field"),
)


def modified(view: str) -> Iterator[Choice]:
    """The view's code with a modifier, in all the places that say so."""
    sct, srt = CODES[view]

    def coded(modifier: str, scheme: str = "SCT") -> dict[str, Any]:
        code = sct if scheme == "SCT" else srt
        return {"ViewCodeSequence": [code_item(code, scheme=scheme, modifiers=(code_item(modifier, scheme=scheme),))]}

    yield Choice(coded("399163009"), "magnification")
    yield Choice(coded("R-102D6", "SNM3"), "magnification")
    yield Choice(coded("399055006"), "spot")
    yield Choice(coded("R-102D7", "SRT"), "spot")
    yield Choice(coded("399110001"), "view")
    yield with_caution(coded("399209000"), "modified")
    yield with_caution(coded("R-102D5", "SRT"), "modified")
    yield with_caution(coded("442581004"), "modified")
    yield with_caution(coded("9", "99X") | {"ViewPosition": view}, "modified")
    plain = {"ViewCodeSequence": [code_item(sct)]}
    yield Choice(plain | {"ViewModifierCodeSequence": [code_item("399163009")]}, "magnification")
    for suffix, code in {
        "SPOT": "spot",
        "S": "spot",
        "MAG": "magnification",
        "M": "magnification",
        "TAN": "view",
    }.items():
        yield Choice(plain | {"ViewPosition": f"{view}{suffix}"}, code)
        yield Choice({"ViewPosition": f"{view} {suffix}"}, code)
    for suffix in ("ID", "NP", "IMF", "AX", "RL", "RM"):
        yield with_caution(plain | {"ViewPosition": f"{view}{suffix}"}, "modified")
        yield with_caution({"ViewPosition": f"{view}-{suffix}"}, "modified")
    yield Choice({"ViewPosition": f"M{view}"}, "magnification")
    yield Choice({"ViewPosition": f"S {view}"}, "spot")
    for paddle, code in {"MAG": "magnification", "Spot Contact 10cm": "spot", "SPT": "spot"}.items():
        yield Choice(plain | {"PaddleDescription": paddle}, code)
    yield Choice(plain | {"PaddleDescription": "24x30"})


def named_with_side(side: str, view: str) -> Iterator[Choice]:
    """One text says both."""
    for text in (f"{side}{view}", f"{side} {view}", f"{side}-{view}", {"R": "Right", "L": "left"}[side] + f" {view}"):
        yield Choice({"ViewPosition": text})
        yield with_caution({"SeriesDescription": text}, "laterality", "view")


def variants() -> Iterator[tuple[str, tuple[Choice, ...]]]:
    """The view that is shown, and choices that say so or make it something else."""
    for side, view in product("RL", CODES):
        for choices in product(sides(side), views(view)):
            yield side + view, choices
    for name, kind in product(STANDARD, KINDS):
        side, view = name[0], name[1:]
        yield name, (kind, next(sides(side)), next(views(view)))
        for modifier in modified(view):
            yield name, (kind, next(sides(side)), modifier)
    for name in STANDARD:
        for choice in named_with_side(name[0], name[1:]):
            yield name, (choice,)


def judged(header: Header) -> tuple[str, frozenset[str]]:
    """What the code says: a reason code, or the view and the codes of its cautions."""
    if why := refusal(header):
        return why.code, frozenset()
    return str(header.view), frozenset(rule.code for rule in CAUTIONS if rule.applies(header))


def test_every_variant_of_a_header_gets_its_answer() -> None:
    wrong, count = {}, 0
    for view, choices in variants():
        attributes = dict(BASE)
        for choice in choices:
            attributes |= choice.attributes
        header = header_of(header_with(**{key: value for key, value in attributes.items() if value is not None}))
        refused = {choice.refused for choice in choices} - {""}
        found, cautions = judged(header)
        said = frozenset().union(*(choice.cautions for choice in choices))
        right = found in refused if refused else (found, cautions) == (view, said)
        count += 1
        if not right:
            wrong[f"{view} {[choice.attributes for choice in choices]}"] = (found, set(cautions), refused or set(said))
    assert wrong == {}
    assert count > 2500
