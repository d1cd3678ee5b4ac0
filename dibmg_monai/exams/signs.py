"""What else sets an image apart from a plain mammogram, and the places in a header that say so."""

import re

from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.exams.statements import Source, Statement, first_statement
from dibmg_monai.exams.view_sources import PROJECTION
from dibmg_monai.exams.vocabulary import coded

KEYWORDS = (
    *(
        "SOPClassUID",
        "ImageType",
        "SeriesDescription",
        "DerivationDescription",
        "AcquisitionDeviceProcessingDescription",
    ),
    *("BodyPartExamined", "AnatomicRegionSequence", "SpecimenDescriptionSequence"),
    *("BiopsyTargetSequence", "DetectorMode", "PaddleDescription", "ContrastBolusAgent", "QualityControlImage"),
    *("BurnedInAnnotation", "PartialView", "PartialViewCodeSequence", "PartialViewDescription"),
)
IMAGE_TYPE, SERIES = "ImageType (0008,0008)", "SeriesDescription (0008,103E)"
PADDLE = "PaddleDescription (0018,11A4)"

BREAST = {"76752008": "breast", "T-04000": "breast"}  # PS3.16 CID 4013: SNOMED CT, SNOMED RT

TOMOSYNTHESIS = ("TOMO_PROJ", "TOMOSYNTHESIS")
BIOPSY = ("STEREO", "PREFIRE", "POSTFIRE", "POSTBIOPSY", "POSTMARKER", "TOMO_SCOUT")  # how the terms begin
CONTRAST = ("HIGH_ENERGY", "SUBTRACTION", "ADDITION")
CONTRAST_AGENT = ("LOW_ENERGY", "POST_CONTRAST")
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"  # and, with a dot and a number, the multi-frame ones


def _pattern(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(alternatives)})\b", re.IGNORECASE)


SYNTHESIZED_WORDS = _pattern(
    "[CSG][ _-]?view",  # Hologic C-View, Fujifilm S-View, IMS Giotto G-View
    "V[ _-]?preview",  # GE
    "(insight|intelligent)[ _-]?2D",  # Siemens, Hologic
    "generated[ _-]?2D",
    "synthesi[sz]ed",
    "synth(etic)?[ _-]?(2D|view|mammo(gram|graphy)?)",
)
TOMOSYNTHESIS_WORDS = _pattern(r"tomo(synthesis)?[ _-]*(proj|recon|slice|slab|volume)\w*")
SPECIMEN_WORDS = _pattern("specimen")
BIOPSY_PADDLES = _pattern("biopsy", "stereo", "needle")
QUALITY_WORDS = _pattern("QC", "quality control", "flat[ _-]?field", "test[ _-]?(pattern|image)", "TG18", "SMPTE")
SCREEN_WORDS = _pattern("screen[ _-]?(save|shot|capture|dump)s?")
CAD_WORDS = _pattern("i?CAD", "second[ _-]?look", "image[ _-]?checker")


def _value_of_image_type(header: Attributes, terms: tuple[str, ...]) -> str:
    """The first value of ImageType, from the third on, that begins like one of the terms."""
    return next((value for value in header.texts("ImageType")[2:] if value.startswith(terms)), "")


def _words_of(header: Attributes, keyword: str, words: re.Pattern[str]) -> str:
    """What is found, and nothing else of the text, which may name the patient."""
    found = words.search(header.text(keyword))
    return found[0] if found else ""


def _tomosynthesis(header: Attributes) -> str:
    return "" if _value_of_image_type(header, ("GENERATED_2D",)) else _value_of_image_type(header, TOMOSYNTHESIS)


def _cad_marks(header: Attributes) -> str:
    is_capture = header.text("SOPClassUID").startswith(SECONDARY_CAPTURE)
    return _words_of(header, "SeriesDescription", CAD_WORDS) if is_capture else ""


def _if_any(header: Attributes, keyword: str, what: str) -> str:
    """A sequence that has items."""
    return what if header.items(keyword) else ""


def _if_yes(header: Attributes, keyword: str) -> str:
    return "YES" if header.yes_no(keyword) else ""


def _breast_region(header: Attributes) -> str:
    named = [coded(item, BREAST) for item in header.items("AnatomicRegionSequence")]
    return "breast" if "breast" in named else ""


def _coded_specimen(header: Attributes) -> str:
    return "specimen" if first_statement(PROJECTION[:2], header).value == "specimen" else ""


def _agent(header: Attributes) -> str:
    return "an agent" if header.text("ContrastBolusAgent").upper() not in ("", "NO", "NONE") else ""


SIGNS: dict[str, tuple[Source[str], ...]] = {
    "breast": (
        Source(
            "BodyPartExamined (0018,0015)",
            "PS3.3 C.7.3.1, PS3.16 L",
            lambda h: "BREAST" if "BREAST" in h.text("BodyPartExamined").upper() else "",
        ),
        Source("AnatomicRegionSequence (0008,2218)", "PS3.3 C.8.11.2, PS3.16 CID 4013", _breast_region),
    ),
    "tomosynthesis": (
        Source(IMAGE_TYPE, "PS3.3 C.8.11.7.1.4, C.8.21.6.1.1", _tomosynthesis),
        Source(
            SERIES,
            "vendor practice: Tomosynthesis Projection",
            lambda h: _words_of(h, "SeriesDescription", TOMOSYNTHESIS_WORDS),
        ),
    ),
    "synthesized": (
        Source(IMAGE_TYPE, "PS3.3 C.8.11.7.1.4", lambda h: _value_of_image_type(h, ("GENERATED_2D",))),
        Source(
            IMAGE_TYPE,
            "vendor practice: SYNTHESIZED, TOMO_2D",
            lambda h: _value_of_image_type(h, ("SYNTHESI", "TOMO_2D")),
        ),
        Source(
            SERIES,
            "vendor practice: C-View, S-View, V-Preview, Insight 2D, Intelligent 2D, synthesized",
            lambda h: _words_of(h, "SeriesDescription", SYNTHESIZED_WORDS),
        ),
        Source(
            "DerivationDescription (0008,2111)",
            "vendor practice: likewise",
            lambda h: _words_of(h, "DerivationDescription", SYNTHESIZED_WORDS),
        ),
        Source(
            "AcquisitionDeviceProcessingDescription (0018,1400)",
            "vendor practice: likewise",
            lambda h: _words_of(h, "AcquisitionDeviceProcessingDescription", SYNTHESIZED_WORDS),
        ),
    ),
    "specimen": (
        Source("the view", "PS3.16 CID 4014", _coded_specimen),
        Source(
            "SpecimenDescriptionSequence (0040,0560)",
            "PS3.3 C.7.6.22",
            lambda h: _if_any(h, "SpecimenDescriptionSequence", "a specimen"),
        ),
        Source(
            "BodyPartExamined (0018,0015)",
            "vendor practice",
            lambda h: _words_of(h, "BodyPartExamined", SPECIMEN_WORDS),
        ),
        Source(SERIES, "vendor practice", lambda h: _words_of(h, "SeriesDescription", SPECIMEN_WORDS)),
    ),
    "biopsy": (
        Source(IMAGE_TYPE, "PS3.3 C.8.11.7.1.4, C.8.21.6.1.1", lambda h: _value_of_image_type(h, BIOPSY)),
        Source(
            "BiopsyTargetSequence (0018,2041)",
            "PS3.3 C.8.21.5.2",
            lambda h: _if_any(h, "BiopsyTargetSequence", "a target"),
        ),
        Source(
            "DetectorMode (0018,7008)",
            "vendor practice: Siemens",
            lambda h: "STEREO" if h.text("DetectorMode").upper() == "STEREO" else "",
        ),
        Source(
            PADDLE,
            "vendor practice: biopsy, stereo, needle",
            lambda h: _words_of(h, "PaddleDescription", BIOPSY_PADDLES),
        ),
    ),
    "contrast": (
        Source(IMAGE_TYPE, "PS3.3 C.8.11.7.1.4", lambda h: _value_of_image_type(h, CONTRAST)),
        Source(IMAGE_TYPE, "vendor practice: GE", lambda h: _value_of_image_type(h, ("RECOMBINED",))),
    ),
    "contrast agent": (
        Source(IMAGE_TYPE, "PS3.3 C.8.11.7.1.4", lambda h: _value_of_image_type(h, CONTRAST_AGENT)),
        Source("ContrastBolusAgent (0018,0010)", "PS3.3 C.7.6.4", _agent),
    ),
    "quality control": (
        Source("QualityControlImage (0028,0300)", "PS3.3 C.7.6.1", lambda h: _if_yes(h, "QualityControlImage")),
        Source(
            SERIES,
            "vendor practice: QC, flat field, test pattern",
            lambda h: _words_of(h, "SeriesDescription", QUALITY_WORDS),
        ),
    ),
    "screen save": (
        Source(IMAGE_TYPE, "vendor practice: GE", lambda h: _value_of_image_type(h, ("SCREEN SAVE", "SCREEN_SAVE"))),
        Source(
            SERIES,
            "vendor practice: screen save, screen capture",
            lambda h: _words_of(h, "SeriesDescription", SCREEN_WORDS),
        ),
        Source(SERIES, "vendor practice: Secondary Captures of CAD marks", _cad_marks),
    ),
    "annotation": (
        Source("BurnedInAnnotation (0028,0301)", "PS3.3 C.7.6.1", lambda h: _if_yes(h, "BurnedInAnnotation")),
    ),
    "part": (
        Source("PartialView (0028,1350)", "PS3.3 C.8.11.7", lambda h: _if_yes(h, "PartialView")),
        Source(
            "PartialViewCodeSequence (0028,1352)",
            "PS3.3 C.8.11.7.1.3, PS3.16 CID 4005",
            lambda h: _if_any(h, "PartialViewCodeSequence", "a section"),
        ),
        Source(
            "PartialViewDescription (0028,1351)",
            "PS3.3 C.8.11.7",
            lambda h: "a part" if h.text("PartialViewDescription") else "",
        ),
    ),
}


def signs(header: Attributes) -> dict[str, Statement]:
    """Those of ``SIGNS`` that a header has, each by the first place that says so."""
    found = {name: first_statement(sources, header) for name, sources in SIGNS.items()}
    return {name: statement for name, statement in found.items() if statement}
