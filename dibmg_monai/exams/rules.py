"""Which images may enter an exam: ordered rules of refusal, and what is taken but worth a word."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from dibmg_monai.exams.headers import Header
from dibmg_monai.views import Laterality, Projection

FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.2"
FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"
TOMOSYNTHESIS = ("1.2.840.10008.5.1.4.1.1.13.1.3", "1.2.840.10008.5.1.4.1.1.13.1.4", "1.2.840.10008.5.1.4.1.1.13.1.5")
MAMMOGRAPHY = (FOR_PRESENTATION, FOR_PROCESSING, *TOMOSYNTHESIS)
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
ACCEPTED = (FOR_PRESENTATION, COMPUTED_RADIOGRAPHY, SECONDARY_CAPTURE)

LATERALITIES: tuple[str, ...] = tuple(Laterality)
PROJECTIONS: tuple[str, ...] = tuple(Projection)

BIOPSY = ("STEREO", "PREFIRE", "POSTFIRE", "POSTBIOPSY", "POSTMARKER", "TOMO_SCOUT")
CONTRAST = ("HIGH_ENERGY", "SUBTRACTION", "ADDITION")
SMALL_PARTS = ("tangential", "cleavage", "axillary tail")
CONTACT = 1.2  # a breast on the detector's cover is magnified by up to 1.1, on a magnification stand by 1.5 or more
STUDY = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")  # UIDs, and what anonymizers put in their place


@dataclass(frozen=True)
class Rule:
    """One reason to refuse an image, or to say something about it.

    Attributes:
        code: the reason code that the manifest gives.
        clause: where the rule comes from: a clause of the standard, or "vendor practice".
        applies: whether the rule is about this image.
        sentence: what was found and what is accepted; ``{h}`` stands for the header.
    """

    code: str
    clause: str
    applies: Callable[[Header], object]
    sentence: str


@dataclass(frozen=True)
class Refusal:
    """Why a file is not used: a reason code and a sentence."""

    code: str
    reason: str


def refusal(header: Header) -> Refusal | None:
    """The first of ``REFUSALS`` that applies to an image; None if it may enter an exam."""
    for rule in REFUSALS:
        if rule.applies(header):
            return Refusal(rule.code, rule.sentence.format(h=header))
    return None


def cautions(header: Header) -> tuple[str, ...]:
    """What a reader of the result ought to know about an image that was used."""
    return tuple(rule.sentence.format(h=header) for rule in CAUTIONS if rule.applies(header))


REFUSALS = (
    Rule(
        "not-mammogram",
        "PS3.3 C.8.11.6",
        lambda h: h.modality not in ("", "MG"),
        "Modality (0008,0060) is {h.modality!r}; 'MG' is accepted",
    ),
    Rule(
        "not-mammogram",
        "PS3.3 A.27",
        lambda h: not h.modality and h.sop_class not in ("", *MAMMOGRAPHY),
        "Modality (0008,0060) is missing and SOPClassUID (0008,0016) is {h.sop_class_name}; Modality 'MG' is accepted",
    ),
    Rule(
        "for-processing",
        "PS3.3 C.8.11.1",
        lambda h: h.sop_class == FOR_PROCESSING or h.intent == "FOR PROCESSING",
        "by SOPClassUID (0008,0016) or PresentationIntentType (0008,0068) it is For Processing, a raw image; For "
        "Presentation is accepted",
    ),
    Rule(
        "tomosynthesis",
        "PS3.3 A.55, A.74",
        lambda h: h.sop_class in TOMOSYNTHESIS,
        "SOPClassUID (0008,0016) is {h.sop_class_name}; plain, two-dimensional mammograms are accepted",
    ),
    Rule(
        "tomosynthesis",
        "PS3.3 C.8.11.7.1.4",
        lambda h: "TOMO_PROJ" in h.image_type,
        "ImageType (0008,0008) is {h.image_type_text}, a projection of a tomosynthesis; plain mammograms are accepted",
    ),
    Rule(
        "sop-class",
        "PS3.3 A.27",
        lambda h: h.sop_class not in ("", *ACCEPTED),
        "SOPClassUID (0008,0016) is {h.sop_class_name}; Digital Mammography For Presentation, Computed Radiography and "
        "Secondary Capture are accepted",
    ),
    Rule(
        "truncated",
        "PS3.5 8.1.1, A.4",
        lambda h: h.missing_pixels,
        "the file is not complete: {h.missing_pixels}",
    ),
    Rule(
        "not-mammogram",
        "PS3.3 C.8.11.6",
        lambda h: not h.modality and not h.sop_class,
        "Modality (0008,0060) and SOPClassUID (0008,0016) are missing; Modality 'MG' is accepted",
    ),
    Rule(
        "frames",
        "PS3.3 A.27",
        lambda h: h.frames != 1,
        "NumberOfFrames (0028,0008) is {h.frames}; 1 is accepted",
    ),
    Rule(
        "not-gray",
        "PS3.3 C.8.11.3",
        lambda h: h.samples != 1,
        "SamplesPerPixel (0028,0002) is {h.samples}; 1, a gray image, is accepted",
    ),
    Rule(
        "region",
        "vendor practice: CBIS-DDSM",
        lambda h: h.is_region,
        "its CBIS-DDSM name says that it is a region of a mammogram, or a mask; whole mammograms are accepted",
    ),
    Rule(
        "quality-control",
        "PS3.3 C.7.6.1",
        lambda h: h.is_quality_control,
        "QualityControlImage (0028,0300) is 'YES'; images of patients are accepted",
    ),
    Rule(
        "biopsy",
        "PS3.3 C.8.11.7.1.4",
        lambda h: any(value.startswith(BIOPSY) for value in h.image_type[2:]),
        "ImageType (0008,0008) is {h.image_type_text}, from a biopsy; whole views are accepted",
    ),
    Rule(
        "contrast",
        "PS3.3 C.8.11.7.1.4",
        lambda h: any(value in CONTRAST for value in h.image_type[2:]),
        "ImageType (0008,0008) is {h.image_type_text}, from a contrast examination; plain mammograms are accepted",
    ),
    Rule(
        "magnification",
        "PS3.16 CID 4015",
        lambda h: "magnification" in h.modifiers,
        "ViewModifierCodeSequence (0054,0222) says magnification; views at contact are accepted",
    ),
    Rule(
        "magnification",
        "PS3.3 C.8.11.5",
        lambda h: (h.magnification or 1) > CONTACT,
        "EstimatedRadiographicMagnificationFactor (0018,1114) is {h.magnification:g}, a magnification view; up to "
        f"{CONTACT:g} is accepted",
    ),
    Rule(
        "spot",
        "PS3.16 CID 4015",
        lambda h: "spot compression" in h.modifiers,
        "ViewModifierCodeSequence (0054,0222) says spot compression; whole views are accepted",
    ),
    Rule(
        "view",
        "PS3.16 CID 4015",
        lambda h: any(name in SMALL_PARTS for name in h.modifiers),
        "ViewModifierCodeSequence (0054,0222) says {h.modifiers_text}; whole views are accepted",
    ),
    Rule(
        "laterality",
        "PS3.3 C.8.11.7",
        lambda h: not h.laterality.value,
        "none of ImageLaterality (0020,0062), Laterality (0020,0060), FrameLaterality (0020,9072) is there; R or L is "
        "needed",
    ),
    Rule(
        "laterality",
        "PS3.3 C.8.11.7",
        lambda h: h.laterality.value not in LATERALITIES,
        "{h.laterality.attribute} is {h.laterality.value!r}; R or L is accepted",
    ),
    Rule(
        "view",
        "PS3.3 C.8.11.7",
        lambda h: not h.projection.value,
        "ViewCodeSequence (0054,0220), ViewPosition (0018,5101), PatientOrientation (0020,0020) do not tell the view; "
        "CC or MLO is needed",
    ),
    Rule(
        "view",
        "PS3.16 CID 4014",
        lambda h: h.projection.value not in PROJECTIONS,
        "{h.projection.attribute} is {h.projection.value!r}; CC or MLO is accepted",
    ),
    Rule(
        "study",
        "PS3.3 C.7.2.1",
        lambda h: not h.case and not STUDY.fullmatch(h.study),
        "StudyInstanceUID (0020,000D) is missing or no UID; it tells which images belong to one exam",
    ),
)

CAUTIONS = (
    Rule(
        "sop-class",
        "PS3.3 A.2, A.8",
        lambda h: h.sop_class in (COMPUTED_RADIOGRAPHY, SECONDARY_CAPTURE),
        "{h.sop_class_name}, not Digital Mammography: its gray scale may be another",
    ),
    Rule(
        "view",
        "PS3.3 C.7.6.1.1.1",
        lambda h: h.projection.attribute.startswith("PatientOrientation") and not h.case,
        "the view is known from {h.projection.attribute} only",
    ),
    Rule(
        "modified",
        "PS3.16 CID 4015",
        lambda h: h.modifiers,
        "ViewModifierCodeSequence (0054,0222) says {h.modifiers_text}: not a standard view",
    ),
    Rule(
        "partial",
        "PS3.3 C.8.11.7.1.3",
        lambda h: h.is_partial,
        "PartialView (0028,1350) is 'YES': not all of the breast is on it",
    ),
    Rule(
        "synthesized",
        "PS3.3 C.8.11.7.1.4",
        lambda h: h.is_synthesized,
        "computed from tomosynthesis, no exposure of its own",
    ),
)
