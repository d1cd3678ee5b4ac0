"""Every file under a folder, once."""

from dataclasses import dataclass
from pathlib import Path

from dibmg_monai.errors import FolderError


@dataclass(frozen=True)
class Listing:
    """The files under ``root``, relative to it and ordered by name; and the folders that could not be read, and why."""

    root: Path
    files: tuple[Path, ...]
    unreadable: dict[Path, str]


def list_files(folder: Path) -> Listing:
    """List the files of a folder, at any depth.

    Links to folders are followed, but no folder is entered twice: loops end, and real places come before links to them.

    Args:
        folder: a folder; or one file, which is then the whole list.

    Raises:
        FolderError: if it is missing, empty or cannot be read.
    """
    if folder.is_file():
        return Listing(folder.parent, (Path(folder.name),), {})
    if not folder.is_dir():
        raise FolderError(f"{folder}: there is no such folder; a folder of DICOM files is needed")
    files: list[Path] = []
    folders, links = [folder], list[Path]()
    entered: set[Path] = set()
    unreadable: dict[Path, str] = {}
    while folders or links:
        current = folders.pop() if folders else links.pop(0)
        if current.resolve() in entered:
            continue
        entered.add(current.resolve())
        try:
            for path in sorted(current.iterdir()):
                (files if not path.is_dir() else links if path.is_symlink() else folders).append(path)
        except OSError as error:
            unreadable[current.relative_to(folder)] = error.strerror or type(error).__name__
    if not files and not unreadable:
        raise FolderError(f"{folder}: is empty; a folder of DICOM files is needed")
    if Path() in unreadable:
        raise FolderError(f"{folder}: cannot be read ({unreadable[Path()]}); a folder of DICOM files is needed")
    return Listing(folder, tuple(sorted(path.relative_to(folder) for path in files)), unreadable)
