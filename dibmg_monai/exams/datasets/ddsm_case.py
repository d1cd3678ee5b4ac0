"""The files of a DDSM case: .ics, what it is and how large its films are; .OVERLAY, the outlines of its lesions.

Formats: "DDSM: Description of a case", University of South Florida.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.datasets.ddsm_terms import lesion_features
from dibmg_monai.views import View

Points = list[list[float]]  # [[row, column], ...]

FILM = re.compile(r"^\s*(LEFT|RIGHT)_(CC|MLO)\s+LINES\s+(\d+)\s+PIXELS_PER_LINE\s+(\d+)(?:.*\s)(NON_)?OVERLAY\b", re.M)
ABNORMALITY = re.compile(r"^\s*ABNORMALITY\s+\d+", re.M)
LESION_TYPE = re.compile(r"\bLESION_TYPE\s+(\w+)(?:\s+SHAPE\s+(\S+))?")
BOUNDARY = re.compile(r"\bBOUNDARY\s+((?:\d+\s+)+)#")
PATHOLOGIES = ("MALIGNANT", "BENIGN", "BENIGN_WITHOUT_CALLBACK", "UNPROVEN")
STEPS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))  # chain code -> (down, right)
SPACING, CORNERS = 8, 32  # an outline keeps every 8th of its points, or 32 if it has fewer than 256


@dataclass(frozen=True)
class Film:
    """A film of a case: (rows, columns) as scanned, and whether lesions are outlined."""

    shape: tuple[int, int]
    has_overlay: bool


@dataclass(frozen=True)
class Case:
    """What a case's .ics says.

    Attributes:
        fields: keyword -> the words after it.
        films: view -> film.
    """

    fields: dict[str, list[str]]
    films: dict[View, Film]

    def word(self, keyword: str) -> str:
        """The first word after a keyword; empty if there is none."""
        return next(iter(self.fields.get(keyword, [])), "")


@dataclass(frozen=True)
class Lesion:
    """An outlined abnormality.

    Attributes:
        pathology: one of ``PATHOLOGIES``.
        features: what it looks like, in a datalist's words.
        assessment: BI-RADS, 0 to 5.
        subtlety: 1 subtle to 5 obvious.
        outline: in pixels of the film as scanned.
    """

    pathology: str
    features: frozenset[str]
    assessment: int
    subtlety: int
    outline: Points


def read_case(path: Path) -> Case:
    """Read an .ics file.

    Raises:
        DatalistError: if it cannot be read or names no film.
    """
    text = _read(path)
    lines = [line.split() for line in text.splitlines() if line.strip()]
    films = {
        View(side[0] + projection): Film((int(rows), int(columns)), not absent)
        for side, projection, rows, columns, absent in FILM.findall(text)
    }
    if not films:
        raise DatalistError(f"{path}: names no film; a line such as LEFT_CC LINES 4696 PIXELS_PER_LINE 3024 is needed")
    return Case({words[0]: words[1:] for words in lines}, films)


def read_overlay(path: Path) -> list[Lesion]:
    """Read an .OVERLAY file: the boundary of each abnormality, without the cores within.

    Raises:
        DatalistError: if it cannot be read, or an abnormality is not complete.
    """
    text = _read(path)
    blocks = ABNORMALITY.split(text)[1:]
    total = re.search(r"\bTOTAL_ABNORMALITIES\s+(\d+)", text)
    if total is None or int(total[1]) != len(blocks):
        found = f"TOTAL_ABNORMALITIES is {total[1] if total else 'missing'}, and {len(blocks)} follow"
        raise DatalistError(f"{path}: {found}; a complete file is needed")
    return [_lesion(block, place=f"{path}, abnormality {number}") for number, block in enumerate(blocks, start=1)]


def _lesion(block: str, *, place: str) -> Lesion:
    pathology = re.search(r"\bPATHOLOGY[ \t]+(\w+)", block)
    if pathology is None or pathology[1] not in PATHOLOGIES:
        found = repr(pathology[1]) if pathology else "missing"
        raise DatalistError(f"{place}: PATHOLOGY is {found}; {', '.join(PATHOLOGIES)} are allowed")
    numbers = {key: re.search(rf"\b{key}[ \t]+(\d+)", block) for key in ("ASSESSMENT", "SUBTLETY")}
    for key, number in numbers.items():
        if number is None:
            raise DatalistError(f"{place}: {key} is missing; a number is needed")
    boundary = BOUNDARY.search(block)
    chain = [int(word) for word in boundary[1].split()] if boundary else []
    if len(chain) < 3 or max(chain[2:]) >= len(STEPS):
        needed = "a column, a row, directions 0 to 7 and a # are needed"
        raise DatalistError(f"{place}: BOUNDARY is missing, cut or no chain code; {needed}")
    features = {
        feature
        for kind, shape in LESION_TYPE.findall(block)
        if kind in ("MASS", "CALCIFICATION")
        for feature in lesion_features(kind, shape)
    }
    assessment, subtlety = (int(number[1]) for number in numbers.values() if number)
    return Lesion(pathology[1], frozenset(features), assessment, subtlety, _outline(chain))


def _outline(chain: list[int]) -> Points:
    """The points of a chain code, thinned out: they stay within 4 pixels (0.2 to 0.4 mm) of the outline."""
    column, row, *directions = chain
    points = [[float(row), float(column)]]
    for direction in directions:
        down, right = STEPS[direction]
        points.append([points[-1][0] + down, points[-1][1] + right])
    return points[:: max(1, min(SPACING, len(points) // CORNERS))]


def scaled(points: Points, film: tuple[int, int], image: tuple[int, int]) -> Points | None:
    """An outline in the pixels of an image that the film was converted to.

    Args:
        points: in pixels of the film.
        film: (rows, columns) of the film.
        image: (rows, columns) of the image.

    Returns:
        The points, to a tenth of a pixel; None if the image has other proportions than the film, so that it may have
        been cut or turned, or if the outline is not on the film.
    """
    rows, columns = image[0] / film[0], image[1] / film[1]
    if abs(image[1] - film[1] * rows) > 1 and abs(image[0] - film[0] * columns) > 1:
        return None
    if not all(0 <= row < film[0] and 0 <= column < film[1] for row, column in points):
        return None
    return [[round((row + 0.5) * rows - 0.5, 1), round((column + 0.5) * columns - 0.5, 1)] for row, column in points]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="latin-1")
    except OSError as error:
        raise DatalistError(f"{path}: cannot be read ({error.strerror}); a file of the DDSM is needed") from error
