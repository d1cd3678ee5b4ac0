"""Which images may enter an exam: ordered rules of refusal, the first that applies gives the reason."""

import re

from dibmg_monai.exams.headers import Header
from dibmg_monai.exams.rules import (
    COMPUTED_RADIOGRAPHY,
    FOR_PRESENTATION,
    GRAY_SECONDARY_CAPTURES,
    Refusal,
    Rule,
)
from dibmg_monai.exams.view_sources import LATERALITY, PROJECTION
from dibmg_monai.views import Laterality, Projection

DICOMDIR = "1.2.840.10008.1.3.10"
FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.2.1"
TOMOSYNTHESIS = ("1.2.840.10008.5.1.4.1.1.13.1.3", "1.2.840.10008.5.1.4.1.1.13.1.4", "1.2.840.10008.5.1.4.1.1.13.1.5")
MAMMOGRAPHY = (FOR_PRESENTATION, FOR_PROCESSING, *TOMOSYNTHESIS)
ACCEPTED = (FOR_PRESENTATION, COMPUTED_RADIOGRAPHY, *GRAY_SECONDARY_CAPTURES)

LATERALITIES: tuple[str, ...] = tuple(Laterality)
PROJECTIONS: tuple[str, ...] = tuple(Projection)
SIDE_PLACES = ", ".join(source.attribute for source in LATERALITY)
VIEW_PLACES = ", ".join(dict.fromkeys(source.attribute for source in PROJECTION))

VIEWS_OF_THEIR_OWN = ("tangential", "cleavage", "axillary tail")  # CID 4015 has them in place of the view's name
CONTACT = 1.2  # a breast on the detector's cover is magnified by up to 1.1, on a magnification stand by 1.5 or more
SMALL_FIELD_MM = (40, 120)  # stereotactic and spot fields are 50 to 112 long, the smallest for whole breasts 240; less
# than 40 is no field in mm: some headers have cm
STUDY = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")  # UIDs, and what anonymizers put in their place

REFUSALS = (
    Rule(
        "dicomdir",
        "PS3.10 8.6, PS3.3 F",
        lambda h: h.sop_class == DICOMDIR,
        "it is a DICOMDIR, the index of a medium; the images beside it are read themselves",
    ),
    Rule(
        "not-mammogram",
        "PS3.3 C.8.11.6",
        lambda h: h.modality not in ("", "MG", "CR"),
        "Modality (0008,0060) is {h.modality!r}; 'MG' is accepted",
    ),
    Rule(
        "not-mammogram",
        "PS3.3 C.8.11.6; vendor practice: CR mammograms",
        lambda h: h.modality == "CR" and "breast" not in h.signs,
        "Modality (0008,0060) is 'CR', but neither BodyPartExamined (0018,0015) nor AnatomicRegionSequence (0008,2218) "
        "says breast; 'MG', or 'CR' of a breast, is accepted",
    ),
    Rule(
        "not-mammogram",
        "PS3.3 A.27",
        lambda h: not h.modality and h.sop_class not in ("", DICOMDIR, *MAMMOGRAPHY),
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
        "PS3.3 C.8.11.7.1.4; vendor practice",
        lambda h: "tomosynthesis" in h.signs,
        "{h.signs[tomosynthesis].attribute} says {h.signs[tomosynthesis].value!r}: a tomosynthesis, or a projection of "
        "one; plain, two-dimensional mammograms are accepted",
    ),
    Rule(
        "sop-class",
        "PS3.3 A.27",
        lambda h: h.sop_class not in ("", *ACCEPTED),
        "SOPClassUID (0008,0016) is {h.sop_class_name}; Digital Mammography For Presentation, Computed Radiography and "
        "gray Secondary Capture are accepted",
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
        "not-gray",
        "PS3.3 C.8.11.3",
        lambda h: h.photometric not in ("", "MONOCHROME1", "MONOCHROME2"),
        "PhotometricInterpretation (0028,0004) is {h.photometric!r}; MONOCHROME1 or MONOCHROME2 is accepted",
    ),
    Rule(
        "region",
        "vendor practice: CBIS-DDSM",
        lambda h: h.is_region,
        "its CBIS-DDSM name says that it is a region of a mammogram, or a mask; whole mammograms are accepted",
    ),
    Rule(
        "quality-control",
        "PS3.3 C.7.6.1; vendor practice",
        lambda h: "quality control" in h.signs,
        "{h.signs[quality control].attribute} says {h.signs[quality control].value!r}, an image of a phantom or test "
        "object; images of patients are accepted",
    ),
    Rule(
        "screen-save",
        "vendor practice",
        lambda h: "screen save" in h.signs,
        "{h.signs[screen save].attribute} says {h.signs[screen save].value!r}, a copy of a screen; the mammogram "
        "itself is accepted",
    ),
    Rule(
        "specimen",
        "PS3.3 C.7.6.22; vendor practice",
        lambda h: "specimen" in h.signs,
        "{h.signs[specimen].attribute} says {h.signs[specimen].value!r}, not a breast; views of a breast are accepted",
    ),
    Rule(
        "biopsy",
        "PS3.3 C.8.11.7.1.4; vendor practice",
        lambda h: "biopsy" in h.signs,
        "{h.signs[biopsy].attribute} says {h.signs[biopsy].value!r}, from a biopsy; whole views are accepted",
    ),
    Rule(
        "contrast",
        "PS3.3 C.8.11.7.1.4; vendor practice",
        lambda h: "contrast" in h.signs,
        "{h.signs[contrast].attribute} says {h.signs[contrast].value!r}, from a contrast examination; plain mammograms "
        "are accepted",
    ),
    Rule(
        "magnification",
        "PS3.16 CID 4015; vendor practice",
        lambda h: "magnification" in h.modifiers,
        "{h.modifiers[magnification]} says magnification; views at contact are accepted",
    ),
    Rule(
        "magnification",
        "PS3.3 C.8.11.7",
        lambda h: (h.magnification or 1) > CONTACT,
        "EstimatedRadiographicMagnificationFactor (0018,1114) is {h.magnification:g}, a magnification view; up to "
        f"{CONTACT:g} is accepted",
    ),
    Rule(
        "spot",
        "PS3.16 CID 4015; vendor practice",
        lambda h: "spot compression" in h.modifiers,
        "{h.modifiers[spot compression]} says spot compression; whole views are accepted",
    ),
    Rule(
        "small-field",
        "PS3.3 C.8.11.4",
        lambda h: SMALL_FIELD_MM[0] <= max(h.field_mm, default=0) < SMALL_FIELD_MM[1],
        "FieldOfViewDimensions (0018,1149) is {h.field_text} mm, too small for a breast; longer than "
        f"{SMALL_FIELD_MM[1]} mm, half of the smallest usual field, is accepted",
    ),
    Rule(
        "view",
        "PS3.16 CID 4015",
        lambda h: any(name in h.modifiers for name in VIEWS_OF_THEIR_OWN),
        "it is a view of its own: {h.modifiers_text}; CC or MLO is accepted",
    ),
    Rule(
        "laterality",
        "PS3.3 C.8.11.7",
        lambda h: not h.laterality,
        f"none of {SIDE_PLACES} tells the side; R or L is needed",
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
        lambda h: not h.projection,
        f"none of {VIEW_PLACES} tells the view; CC or MLO is needed",
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


def refusal(header: Header) -> Refusal | None:
    """The first of ``REFUSALS`` that applies to an image; None if it may enter an exam."""
    for rule in REFUSALS:
        if rule.applies(header):
            return Refusal(rule.code, rule.says(header))
    return None
