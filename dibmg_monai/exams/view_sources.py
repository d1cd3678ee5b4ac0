"""Where a header says which breast it shows, in which view, and what sets that apart from the standard view."""

from collections.abc import Iterator

from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.exams.statements import Source
from dibmg_monai.exams.vocabulary import MODIFIER_NAMES, SIDES, VIEW_NAMES, coded, read_modifier, read_view

KEYWORDS = (
    *("ImageLaterality", "Laterality", "SharedFunctionalGroupsSequence", "AnatomicRegionSequence"),
    *("PrimaryAnatomicStructureSequence", "ViewCodeSequence", "ViewModifierCodeSequence", "ViewPosition"),
    *("PatientOrientation", "PaddleDescription", "SeriesDescription"),
)

# PS3.16 CID 244, and the codes of SNOMED RT
SIDE_NAMES = {"24028007": "R", "G-A100": "R", "7771000": "L", "G-A101": "L"}

# The direction across the axis from chest wall to nipple: sideways in CC, obliquely down (or up) in MLO
VIEWS_BY_DIRECTION = {
    "L": "CC", "R": "CC",
    "FL": "MLO", "FR": "MLO", "HL": "MLO", "HR": "MLO",
    "F": "lateral", "H": "lateral",
}  # fmt: skip

PADDLES = {"MAG": "magnification", "SPOT": "spot compression", "SPT": "spot compression"}  # how their words begin


def _side(text: str) -> str:
    return SIDES.get(text.upper(), text)


def _frame_laterality(header: Attributes) -> str:
    groups = header.items("SharedFunctionalGroupsSequence")
    anatomies = [item for group in groups for item in group.items("FrameAnatomySequence")]
    return next((_side(item.text("FrameLaterality")) for item in anatomies), "")


def _side_of_region(header: Attributes) -> str:
    items = header.items("AnatomicRegionSequence")
    codes = [code for item in items for code in item.items("AnatomicRegionModifierSequence")]
    return next((_side_code(code) for code in codes), "")


def _side_of_structure(header: Attributes) -> str:
    items = header.items("PrimaryAnatomicStructureSequence")
    codes = [code for item in items for code in item.items("PrimaryAnatomicStructureModifierSequence")]
    return next((_side_code(code) for code in codes), "")


def _side_code(item: Attributes) -> str:
    """R or L; other modifiers of a region say nothing about the side."""
    return name if (name := coded(item, SIDE_NAMES)) in ("R", "L") else ""


def _side_in(keyword: str, header: Attributes) -> str:
    reading = read_view(header.text(keyword))
    return reading.side if reading else ""


def _coded_view(header: Attributes) -> str:
    """A code of SNOMED as it is; of another scheme its meaning, if that is the name of a view."""
    for item in header.items("ViewCodeSequence"):
        if coded(item, MODIFIER_NAMES) in MODIFIER_NAMES.values():
            continue
        if name := coded(item, VIEW_NAMES):
            return name
        if reading := read_view(item.text("CodeMeaning")):
            return reading.view
    return ""


def _view_position(header: Attributes) -> str:
    text = header.text("ViewPosition")
    reading = read_view(text)
    return reading.view if reading else text


def _view_as_orientation(header: Attributes) -> str:
    values = header.texts("PatientOrientation")
    return values[0] if values in (("CC",), ("MLO",)) else ""


def _view_by_direction(header: Attributes) -> str:
    across = [value for value in header.texts("PatientOrientation") if value[:1] not in ("A", "P")]
    return VIEWS_BY_DIRECTION.get(across[0], "") if len(across) == 1 else ""


def _view_in_series(header: Attributes) -> str:
    """Only where the side stands with it: the series of one view."""
    reading = read_view(header.text("SeriesDescription"))
    return reading.view if reading and reading.side else ""


def _coded_modifiers(header: Attributes) -> tuple[str, ...]:
    """Those of the view's item, those beside it and those in its place; unknown codes as they stand."""
    views = header.items("ViewCodeSequence")
    items = [code for place in (*views, header) for code in place.items("ViewModifierCodeSequence")]
    misplaced = [name for item in views if (name := coded(item, MODIFIER_NAMES)) in MODIFIER_NAMES.values()]
    meant = [name for item in views if not coded(item, VIEW_NAMES) for name in _modifiers_of(item.text("CodeMeaning"))]
    return (*misplaced, *(name for item in items if (name := _modifier(item))), *meant)


def _modifier(item: Attributes) -> str:
    if name := coded(item, MODIFIER_NAMES) or read_modifier(item.text("CodeMeaning")):
        return name
    scheme, value = item.text("CodingSchemeDesignator"), item.text("CodeValue")
    return f"{scheme} {value}" if value else ""


def _modifiers_of(text: str) -> tuple[str, ...]:
    reading = read_view(text)
    return reading.modifiers if reading else ()


def _position_modifiers(header: Attributes) -> tuple[str, ...]:
    """Also in a text that is not understood as a whole, such as "CC 2 SPOT"."""
    text = header.text("ViewPosition").upper()
    return _modifiers_of(text) or tuple(name for start, name in PADDLES.items() if start in text)


def _paddle_modifiers(header: Attributes) -> tuple[str, ...]:
    return tuple(_paddle_words(header.text("PaddleDescription").upper()))


def _paddle_words(text: str) -> Iterator[str]:
    words = "".join(letter if letter.isalpha() else " " for letter in text).split()
    for start, name in PADDLES.items():
        if any(word.startswith(start) for word in words):
            yield name


LATERALITY: tuple[Source[str], ...] = (
    Source("ImageLaterality (0020,0062)", "PS3.3 C.8.11.7", lambda h: _side(h.text("ImageLaterality"))),
    Source("Laterality (0020,0060)", "PS3.3 C.7.3.1", lambda h: _side(h.text("Laterality"))),
    Source("FrameLaterality (0020,9072)", "PS3.3 C.7.6.16.2.8", _frame_laterality),
    Source("AnatomicRegionModifierSequence (0008,2220)", "PS3.3 C.8.11.2, PS3.16 CID 244", _side_of_region),
    Source("PrimaryAnatomicStructureModifierSequence (0008,2230)", "PS3.3 C.8.11.7", _side_of_structure),
    Source("ViewPosition (0018,5101)", "vendor practice: RIGHT CC, LMLO", lambda h: _side_in("ViewPosition", h)),
    Source(
        "SeriesDescription (0008,103E)",
        "vendor practice: R CC, L MLO",
        lambda h: _side_in("SeriesDescription", h),
        is_last_resort=True,
    ),
)

PROJECTION: tuple[Source[str], ...] = (
    Source("ViewCodeSequence (0054,0220)", "PS3.3 C.8.11.7, PS3.16 CID 4014", _coded_view),
    Source(
        "ViewPosition (0018,5101)", "PS3.3 C.8.11.5.1.1, PS3.16 CID 4014; suffixes: vendor practice", _view_position
    ),
    Source("PatientOrientation (0020,0020)", "vendor practice: CBIS-DDSM", _view_as_orientation),
    Source("SeriesDescription (0008,103E)", "vendor practice: R CC, L MLO", _view_in_series, is_last_resort=True),
    Source("PatientOrientation (0020,0020)", "PS3.3 C.7.6.1.1.1", _view_by_direction, is_last_resort=True),
)

MODIFIERS: tuple[Source[tuple[str, ...]], ...] = (
    Source("ViewModifierCodeSequence (0054,0222)", "PS3.3 C.8.11.7, PS3.16 CID 4015", _coded_modifiers),
    Source(
        "ViewPosition (0018,5101)",
        "vendor practice: the short names of PS3.16 CID 4015",
        _position_modifiers,
    ),
    Source("PaddleDescription (0018,11A4)", "PS3.3 C.8.11.5; its words: vendor practice", _paddle_modifiers),
    Source(
        "SeriesDescription (0008,103E)",
        "vendor practice: R CC MAG",
        lambda h: _modifiers_of(h.text("SeriesDescription")),
    ),
)


def modifiers(header: Attributes) -> dict[str, str]:
    """What sets the view apart from the standard one: modifier -> the first attribute that says so."""
    found: dict[str, str] = {}
    for source in MODIFIERS:
        for name in source.read(header):
            found.setdefault(name, source.attribute)
    return found
