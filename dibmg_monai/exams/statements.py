"""Which breast and which view a header says it shows: the places that may say so, in order, and their vocabularies."""

from collections.abc import Callable
from dataclasses import dataclass

from dibmg_monai.exams.attributes import Attributes


@dataclass(frozen=True)
class Statement:
    """What a header says about one thing, and where, such as ("CC", "ViewPosition (0018,5101)"); empty if nothing."""

    value: str = ""
    attribute: str = ""


@dataclass(frozen=True)
class Source:
    """A place in the header that may say something.

    Attributes:
        attribute: keyword and tag, for messages.
        clause: where the standard puts it there, or "vendor practice".
        read: what it says; empty if nothing.
    """

    attribute: str
    clause: str
    read: Callable[[Attributes], str]


def first_statement(sources: tuple[Source, ...], header: Attributes) -> Statement:
    """The first source that says anything decides, even if what it says is not understood."""
    for source in sources:
        if value := source.read(header):
            return Statement(value, source.attribute)
    return Statement()


# PS3.16 CID 4014: SNOMED CT code, SNOMED RT code (schemes SRT and, older, SNM3) -> the view's usual short name
VIEW_NAMES = {
    "399162004": "CC", "R-10242": "CC",
    "399368009": "MLO", "R-10226": "MLO",
    "399260004": "ML", "R-10224": "ML",
    "399352003": "LM", "R-10228": "LM",
    "399099002": "LMO", "R-10230": "LMO",
    "399192008": "XCCL", "R-1024A": "XCCL",
    "399101009": "XCCM", "R-1024B": "XCCM",
    "399196006": "FB", "R-10244": "FB",
    "399188001": "SIO", "R-102D0": "SIO",
    "441555000": "ISO", "R-40AAA": "ISO",
    "127457009": "specimen", "G-8310": "specimen",
}  # fmt: skip

# PS3.16 CID 4015, codes as above
MODIFIER_NAMES = {
    "399163009": "magnification", "R-102D6": "magnification",
    "399055006": "spot compression", "R-102D7": "spot compression",
    "399110001": "tangential", "R-102C2": "tangential",
    "399161006": "cleavage", "R-102D2": "cleavage",
    "399011000": "axillary tail", "R-102D1": "axillary tail",
    "399209000": "implant displaced", "R-102D5": "implant displaced",
    "399197002": "rolled lateral", "R-102D3": "rolled lateral",
    "399226006": "rolled medial", "R-102D4": "rolled medial",
    "415670009": "rolled superior", "R-102C9": "rolled superior",
    "414493004": "rolled inferior", "R-102CA": "rolled inferior",
    "442581004": "nipple in profile", "R-40AB3": "nipple in profile",
    "441752004": "anterior compression", "P2-00161": "anterior compression",
    "442593008": "infra-mammary fold", "R-40ABE": "infra-mammary fold",
    "442580003": "axillary tissue", "R-40AB2": "axillary tissue",
}  # fmt: skip

# The direction across the axis from chest wall to nipple: sideways in CC, obliquely down (or up) in MLO
VIEWS_BY_DIRECTION = {
    "L": "CC", "R": "CC",
    "FL": "MLO", "FR": "MLO", "HL": "MLO", "HR": "MLO",
    "F": "lateral", "H": "lateral",
}  # fmt: skip


def modifiers(header: Attributes) -> tuple[str, ...]:
    """The names of ViewModifierCodeSequence (0054,0222), within ViewCodeSequence: PS3.3 C.8.11.7."""
    items = [item for view in header.items("ViewCodeSequence") for item in view.items("ViewModifierCodeSequence")]
    return tuple(name for item in items if (name := _code(item, MODIFIER_NAMES)))


def _code(item: Attributes, names: dict[str, str]) -> str:
    """The name of a coded concept, or its scheme and value if it is not known."""
    scheme, value = item.text("CodingSchemeDesignator"), item.text("CodeValue")
    if scheme in ("SCT", "SRT", "SNM3") and value in names:
        return names[value]
    return f"{scheme} {value}" if value else ""


def _coded_view(header: Attributes) -> str:
    return next((_code(item, VIEW_NAMES) for item in header.items("ViewCodeSequence")), "")


def _view_as_orientation(header: Attributes) -> str:
    values = header.texts("PatientOrientation")
    return values[0] if values in (("CC",), ("MLO",)) else ""


def _view_by_direction(header: Attributes) -> str:
    across = [value for value in header.texts("PatientOrientation") if value[:1] not in ("A", "P")]
    return VIEWS_BY_DIRECTION.get(across[0], "") if len(across) == 1 else ""


def _frame_laterality(header: Attributes) -> str:
    groups = header.items("SharedFunctionalGroupsSequence")
    anatomies = [item for group in groups for item in group.items("FrameAnatomySequence")]
    return next((item.text("FrameLaterality") for item in anatomies), "")


LATERALITY = (
    Source("ImageLaterality (0020,0062)", "PS3.3 C.8.11.7", lambda header: header.text("ImageLaterality")),
    Source("Laterality (0020,0060)", "PS3.3 C.7.3.1", lambda header: header.text("Laterality")),
    Source("FrameLaterality (0020,9072)", "PS3.3 C.7.6.16.2.8", _frame_laterality),
)

PROJECTION = (
    Source("ViewCodeSequence (0054,0220)", "PS3.3 C.8.11.7, PS3.16 CID 4014", _coded_view),
    Source("ViewPosition (0018,5101)", "PS3.3 C.8.11.5", lambda header: header.text("ViewPosition")),
    Source("PatientOrientation (0020,0020)", "vendor practice: CBIS-DDSM", _view_as_orientation),
    Source("PatientOrientation (0020,0020)", "PS3.3 C.7.6.1.1.1", _view_by_direction),
)
