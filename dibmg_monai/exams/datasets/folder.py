"""The files of a data set, wherever in its folder they lie."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dibmg_monai.errors import DatalistError, ImageError
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
        path = self.root / file
        return _size_in_dicom(path) if path.suffix.lower() in DICOM else _size_of_picture(path)


def _size_of_picture(path: Path) -> tuple[int, int]:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.height, image.width
    except (OSError, SyntaxError, ValueError) as error:
        raise ImageError(path, f"cannot be read as an image ({error}); a complete file is needed") from error


def _size_in_dicom(path: Path) -> tuple[int, int]:
    from dibmg_monai.exams.dicom_file import open_dicom

    dataset, _ = open_dicom(path, keywords=("SOPClassUID", "Rows", "Columns"))
    if "Rows" not in dataset or "Columns" not in dataset:
        raise ImageError(path, "Rows (0028,0010) or Columns (0028,0011) is missing; both are needed", code="no-image")
    return int(dataset.Rows), int(dataset.Columns)
