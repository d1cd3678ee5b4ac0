"""The headers of a folder's files, and why a file can be in no exam."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dibmg_monai.errors import ImageError
from dibmg_monai.exams.headers import Header, read_header
from dibmg_monai.exams.listing import list_files
from dibmg_monai.exams.refusals import refusal
from dibmg_monai.exams.rules import Refusal


@dataclass(frozen=True)
class Scan:
    """What the files of a folder are; names are relative to ``root``.

    Attributes:
        root: the folder.
        headers: the facts of every file that is readable DICOM, refused or not, ordered by name.
        refusals: why a file can be in no exam.
    """

    root: Path
    headers: Mapping[Path, Header]
    refusals: Mapping[Path, Refusal]


def scan(folder: Path) -> Scan:
    """Read the header of every file in a folder, and judge it.

    Raises:
        FolderError: if the folder is missing, empty or cannot be read.
    """
    listing = list_files(folder)
    headers: dict[Path, Header] = {}
    refusals = {path: Refusal("unreadable", f"cannot be opened: {why}") for path, why in listing.unreadable.items()}
    for file in listing.files:
        try:
            headers[file] = header = read_header(listing.root / file)
        except ImageError as error:
            refusals[file] = Refusal(error.code, error.reason)
        else:
            if reason := refusal(header):
                refusals[file] = reason
    return Scan(listing.root, headers, refusals)
