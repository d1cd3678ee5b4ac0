"""The files of a data set, wherever in its folder they lie."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.listing import list_files

DICOM = (".dcm", ".dicom")


@dataclass(frozen=True)
class Folder:
    """A folder and all files below it, ordered by name.

    Attributes:
        root: the folder.
        files: relative to it.
    """

    root: Path
    files: tuple[PurePosixPath, ...]

    @classmethod
    def of(cls, root: Path) -> "Folder":
        """List a folder.

        Raises:
            FolderError: if it is missing, empty or cannot be read.
        """
        return cls(root, tuple(PurePosixPath(file.as_posix()) for file in list_files(root).files))

    def ending(self, *suffixes: str) -> Iterator[PurePosixPath]:
        """The files whose names end in one of these; capitals do not matter."""
        return (file for file in self.files if file.name.lower().endswith(suffixes))

    def table(self, *names: str) -> Path:
        """The file, at any depth, with the first of these names that is there; capitals do not matter.

        Raises:
            DatalistError: if there is none, or there are several of a name.
        """
        for name in names:
            found = [file for file in self.files if file.name.lower() == name.lower()]
            if len(found) > 1:
                there_are = ", ".join(map(str, found))
                raise DatalistError(f"{self.root}: one file named {name} is needed; there are {there_are}")
            if found:
                return self.root / found[0]
        raise DatalistError(f"{self.root}: a file named {' or '.join(names)} is needed; there is none")

    def image_size(self, file: PurePosixPath | str) -> tuple[int, int]:
        """(rows, columns) of an image, without decoding its pixels.

        Raises:
            ImageError: if it is missing or damaged, or does not say how large it is.
        """
        from dibmg_monai.exams.image_file import read_frame

        return read_frame(self.root / file).shape
