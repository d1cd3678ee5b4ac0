"""What is taken into an exam, but worth a word in its result."""

from dibmg_monai.exams.headers import Header
from dibmg_monai.exams.rules import COMPUTED_RADIOGRAPHY, GRAY_SECONDARY_CAPTURES, Rule

CAUTIONS = (
    Rule(
        "sop-class",
        "PS3.3 A.2, A.8",
        lambda h: h.sop_class in (COMPUTED_RADIOGRAPHY, *GRAY_SECONDARY_CAPTURES),
        "{h.sop_class_name}, not Digital Mammography: its gray scale may be another",
    ),
    Rule(
        "laterality",
        "vendor practice",
        lambda h: h.laterality.attribute.startswith("SeriesDescription"),
        "the side is known from {h.laterality.attribute} only",
    ),
    Rule(
        "view",
        "PS3.3 C.7.6.1.1.1; vendor practice",
        lambda h: h.projection.attribute.startswith(("PatientOrientation", "SeriesDescription")) and not h.case,
        "the view is known from {h.projection.attribute} only",
    ),
    Rule(
        "contradiction",
        "PS3.3 C.8.11.5.1.1, C.8.11.7",
        lambda h: h.contradictions,
        "{h.laterality.attribute} and {h.projection.attribute} are believed, though {h.contradictions_text}",
    ),
    Rule(
        "modified",
        "PS3.16 CID 4015",
        lambda h: h.modifiers,
        "not a standard view: {h.modifiers_text}",
    ),
    Rule(
        "partial",
        "PS3.3 C.8.11.7.1.3",
        lambda h: "part" in h.signs,
        "not all of the breast is on it, by {h.signs[part].attribute}",
    ),
    Rule(
        "synthesized",
        "PS3.3 C.8.11.7.1.4; vendor practice",
        lambda h: "synthesized" in h.signs,
        "computed from tomosynthesis, no exposure of its own, by {h.signs[synthesized].attribute}",
    ),
    Rule(
        "contrast",
        "PS3.3 C.8.11.7.1.4, C.7.6.4",
        lambda h: "contrast agent" in h.signs,
        "taken with contrast agent, by {h.signs[contrast agent].attribute}",
    ),
    Rule(
        "annotated",
        "PS3.3 C.7.6.1",
        lambda h: "annotation" in h.signs,
        "{h.signs[annotation].attribute} is 'YES': text or marks are part of its pixels",
    ),
)


def cautions(header: Header) -> tuple[str, ...]:
    """What a reader of the result ought to know about an image that was used."""
    return tuple(rule.says(header) for rule in CAUTIONS if rule.applies(header))
