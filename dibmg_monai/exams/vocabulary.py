"""The words for mammographic views and their modifiers: codes of PS3.16, and what devices write as text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dibmg_monai.exams.attributes import Attributes

# PS3.16 8.1: 99SDM and SNM3 are read as SRT; pydicom's codes are SCT
SNOMED = ("SCT", "SRT", "SNM3", "99SDM")

# PS3.16 CID 4014: SNOMED CT code, SNOMED RT code, and codes of earlier editions -> the view's usual short name
VIEW_NAMES = {
    "399162004": "CC", "R-10242": "CC",
    "399368009": "MLO", "R-10226": "MLO",
    "399260004": "ML", "R-10224": "ML",
    "399352003": "LM", "R-10228": "LM",
    "399099002": "LMO", "R-10230": "LMO",
    "399192008": "XCCL", "R-1024A": "XCCL", "Y-X1770": "XCCL",
    "399101009": "XCCM", "R-1024B": "XCCM", "Y-X1771": "XCCM",
    "R-102CF": "XCC",
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

SIDES = {"R": "R", "RIGHT": "R", "L": "L", "LEFT": "L"}

# Short names of CID 4014 (column ACR MQCM 1999) and code meanings, as patterns of words in capitals. CV, AT and TAN
# stand in place of the view's name, says CID 4015: they are views of their own.
VIEW_WORDS = {
    r"CC|CRANIO ?CAUDAL": "CC",
    r"MLO|MEDI(O|AL) ?LATERAL ?OBLIQUE": "MLO",
    r"ML|MEDI(O|AL) ?LATERAL": "ML",
    r"LMO|LATERO ?MEDIAL ?OBLIQUE": "LMO",
    r"LM|LATERO ?MEDIAL": "LM",
    r"LAT|LATERAL": "lateral",
    r"XCCL|CRANIO ?CAUDAL EXAGGERATED LATERALLY": "XCCL",
    r"XCCM|CRANIO ?CAUDAL EXAGGERATED MEDIALLY": "XCCM",
    r"XCC|CRANIO ?CAUDAL EXAGGERATED": "XCC",
    r"FB|CAUDO ?CRANIAL( FROM BELOW)?": "FB",
    r"SIO|SUPEROLATERAL TO INFEROMEDIAL OBLIQUE": "SIO",
    r"ISO|INFEROMEDIAL TO SUPEROLATERAL OBLIQUE": "ISO",
    r"CV|CLEAVAGE": "CV",
    r"AT|AXILLARY TAIL": "AT",
    r"TAN|TANGENTIAL": "TAN",
    r"(TISSUE )?SPECIMEN( FROM BREAST)?": "specimen",
}

# Those of CID 4015, likewise. Only M and S stand before the view's name there; as suffixes they are vendor practice.
MODIFIER_WORDS = {
    r"M|MAG|MAGNIFICATION|MAGNIFIED": "magnification",
    r"S|SPOT|SPT|SPOT COMP(RESSION)?": "spot compression",
    r"TAN|TANGENTIAL": "tangential",
    r"CV|CLEAVAGE": "cleavage",
    r"AT|AXILLARY TAIL": "axillary tail",
    r"ID|IMPLANT DISPLACED|EKLUND": "implant displaced",
    r"RL|ROLLED LATERAL(LY)?": "rolled lateral",
    r"RM|ROLLED MEDIAL(LY)?": "rolled medial",
    r"RS|ROLLED SUPERIOR(LY)?": "rolled superior",
    r"RI|ROLLED INFERIOR(LY)?": "rolled inferior",
    r"NP|NIPPLE IN PROFILE": "nipple in profile",
    r"AC|ANTERIOR COMPRESSION": "anterior compression",
    r"IMF|INFRA ?MAMMARY FOLD": "infra-mammary fold",
    r"AX|AXILLARY TISSUE": "axillary tissue",
}

_MODIFIER = "|".join(MODIFIER_WORDS)
_PREFIX = "|".join(pattern for pattern, name in MODIFIER_WORDS.items() if name in ("magnification", "spot compression"))
# LM and LMO are tried before L with a view; R or L after the view needs a space, or LML would be LM of the left
_VIEW_TEXT = re.compile(
    rf"((?P<side>{'|'.join(SIDES)}) ?)??(?P<before>(({_PREFIX}) ?)*)(?P<view>{'|'.join(VIEW_WORDS)})"
    rf"(?P<after>( ?({_MODIFIER}))*)( (?P<last>{'|'.join(SIDES)}))?"
)


@dataclass(frozen=True)
class Reading:
    """What a text says about a view: side R, L or empty; the view's short name; names of modifiers, in order."""

    side: str
    view: str
    modifiers: tuple[str, ...]


def read_view(text: str) -> Reading | None:
    """Read a text that names a view and nothing else, such as "CC", "R-MLO", "LCCID" or "MLO SPOT MAG".

    Returns:
        None if anything in it is not understood.
    """
    match = _VIEW_TEXT.fullmatch(_words(text))
    if match is None:
        return None
    modifiers = (*_modifiers(match["before"]), *_modifiers(match["after"]))
    side = SIDES.get(match["side"] or match["last"] or "", "")
    return Reading(side, _name(match["view"], VIEW_WORDS), tuple(dict.fromkeys(modifiers)))


def read_modifier(text: str) -> str:
    """The modifier that a text names; empty if it names none, or anything else besides."""
    return _name(_words(text), MODIFIER_WORDS)


def coded(item: Attributes, names: Mapping[str, str]) -> str:
    """The name of a code; empty if there is no code, or one of a scheme that is not SNOMED.

    Returns:
        For SNOMED codes that are not among ``names``: scheme and value.
    """
    scheme, value = item.text("CodingSchemeDesignator").upper(), item.text("CodeValue").upper()
    if scheme not in SNOMED or not value:
        return ""
    return names.get(value, f"{scheme} {value}")


def _words(text: str) -> str:
    return re.sub(r"[^A-Z0-9]+", " ", text.upper()).strip()


def _name(text: str, words: Mapping[str, str]) -> str:
    return next((name for pattern, name in words.items() if re.fullmatch(pattern, text)), "")


def _modifiers(text: str) -> list[str]:
    """The names of several modifiers in a row: the first word takes as little as leaves the others readable."""
    match = re.fullmatch(rf"(?P<first>{_MODIFIER}) ?(?P<others>(({_MODIFIER}) ?)*)", text.strip())
    if match is None:
        return []
    return [_name(match["first"], MODIFIER_WORDS), *_modifiers(match["others"])]
