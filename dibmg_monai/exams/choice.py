"""Of several images of one view the best is used."""

import filecmp
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from dibmg_monai.exams.headers import Header
from dibmg_monai.exams.rules import FOR_PRESENTATION, Refusal

# The first of these that sets two images apart decides between them: yes is better than no, later better than earlier.
CHOICE: tuple[tuple[str, Callable[[Header], Any]], ...] = (
    ("a standard, unmodified view", lambda header: not header.modifiers),
    ("not a partial view", lambda header: "part" not in header.signs),
    ("a Digital Mammography image", lambda header: header.sop_class == FOR_PRESENTATION),
    ("an exposure, not synthesized", lambda header: "synthesized" not in header.signs),
    ("taken without contrast agent", lambda header: "contrast agent" not in header.signs),
    ("the same view by all it says", lambda header: not header.contradictions),
    ("without marks in its pixels", lambda header: "annotation" not in header.signs),
    ("acquired later", lambda header: header.acquired),
    ("the last by SOPInstanceUID (0008,0018)", lambda header: header.sop_instance),
)
FIRST_NAME = "the first by file name"  # where nothing sets them apart

SAME_IMAGE, SAME_UID, SAME_VIEW = "duplicate", "duplicate-uid", "repeated-view"


def best_of(candidates: Collection[Path], headers: Mapping[Path, Header]) -> Path:
    """The image to use.

    Args:
        candidates: images of one view, ordered by name.
        headers: theirs, among others.
    """
    return max(candidates, key=lambda file: _merits(headers[file]))


def passed_over(file: Path, best: Path, headers: Mapping[Path, Header], *, root: Path) -> Refusal:
    """Why another image of the view was used.

    Args:
        file: of the image that was not.
        best: of the other.
        headers: theirs, among others.
        root: the folder that files are relative to.
    """
    if headers[file].sop_instance and headers[file].sop_instance == headers[best].sop_instance:
        same = f"has the SOPInstanceUID (0008,0018) of {best}, which is used"
        if _is_same_content(root / file, root / best):
            return Refusal(SAME_IMAGE, same)
        return Refusal(SAME_UID, f"{same}, but the two files differ; a UID is one image's own (PS3.5 9)")
    merits = zip(CHOICE, _merits(headers[file]), _merits(headers[best]), strict=True)
    why = next((name for (name, _), mine, its in merits if mine != its), FIRST_NAME)
    return Refusal(SAME_VIEW, f"shows {headers[file].view} again; {best} is used: it is {why}")


def _merits(header: Header) -> tuple[Any, ...]:
    return tuple(merit(header) for _, merit in CHOICE)


def _is_same_content(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:  # gone meanwhile: reading it will say so
        return False
