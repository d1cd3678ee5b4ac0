"""``send PATH --to AET@HOST:PORT``: DICOM files to a node."""

import argparse
from pathlib import Path

from dibmg_monai.commands.terminal import Commands
from dibmg_monai.errors import DibmgError, FolderError, ImageError


def add(commands: Commands) -> None:
    """``send PATH --to AET@HOST:PORT``."""
    parser = commands.add_parser("send", help="send the DICOM files of a folder to a DICOM node, such as a PACS")
    parser.add_argument(
        "paths", type=Path, nargs="+", metavar="PATH", help="DICOM file, or folder with some; any depth"
    )
    parser.add_argument("--to", required=True, metavar="AET@HOST:PORT", help="the node")
    parser.add_argument("--from", dest="calling", default="DIBMG", metavar="AET", help="this side's AE title (DIBMG)")
    parser.add_argument("--retries", type=int, default=4, metavar="N", help="attempts after the first, ever later (4)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Send the files, and say what became of each."""
    from dibmg_monai.commands.log import show_log
    from dibmg_monai.pacs.node import Node, checked_ae_title
    from dibmg_monai.pacs.send import send_all

    node, calling = Node.parse(arguments.to), checked_ae_title(arguments.calling)
    if arguments.retries < 0:
        raise DibmgError(f"--retries is {arguments.retries}; 0 or more is needed")
    paths = [path for given in arguments.paths for path in _dicom_files(given)]
    show_log()
    send_all(paths, node, calling=calling, retries=arguments.retries)


def _dicom_files(given: Path) -> list[Path]:
    """A file itself; of a folder, those of its files that are DICOM.

    Raises:
        FolderError: if the folder is missing, empty or cannot be read.
        ImageError: if there is no DICOM file in it, or one that cannot be sent.
    """
    from dibmg_monai.exams.listing import list_files
    from dibmg_monai.pacs.send import Parcel

    listing = list_files(given)
    if given.is_file():
        return [given]
    found = []
    for path in (listing.root / file for file in listing.files):
        try:
            found.append(Parcel.of(path).path)
        except ImageError as error:
            if error.code != "not-dicom":
                raise
    if not found:
        raise FolderError(f"{given}: has no DICOM file; at least one is needed")
    return found
