"""What kind of file an image is in, and how large the image is, in pixels and in millimeters: nothing is decoded."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from dibmg_monai.errors import ImageError
from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.exams.dicom_file import open_dicom, parsing
from dibmg_monai.process_wide import silent

PICTURES = {b"\x89PNG\r\n\x1a\n": "PNG", b"P5": "PGM", b"II*\0": "TIFF", b"MM\0*": "TIFF"}  # how a file begins
# At the detector, at the patient as calibrated (PS3.3 10.7), on digitized film (PS3.3 C.8.6.2).
SPACINGS = ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing")
MOST_PIXELS = 80_000_000  # twice a film of 24 x 30 cm at 42 micrometers; Pillow's own warning begins at 89 million
_PICTURE_ERRORS = (
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True)
class Frame:
    """The grid of a stored image.

    Attributes:
        shape: (rows, columns).
        spacing_mm: the distance between the centers of neighboring (rows, columns); None if the file does not say.
    """

    shape: tuple[int, int]
    spacing_mm: tuple[float, float] | None


def read_frame(path: Path) -> Frame:
    """The grid of a DICOM, PNG, PGM or TIFF image; DICOM alone has a spacing.

    Raises:
        ImageError: if the file is missing or damaged, does not say how large the image is, or says more than
            ``MOST_PIXELS``.
    """
    kind = picture_format(path)
    if kind is None:
        return _of_dicom(path)
    with open_picture(path, kind) as image:
        return Frame((image.height, image.width), None)


def picture_format(path: Path) -> str | None:
    """PNG, PGM or TIFF by the file's first bytes; None for anything else, DICOM with whatever preamble (PS3.10 7.1).

    Raises:
        ImageError: if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except OSError as error:
        raise ImageError(path, f"cannot be read ({error.strerror}); a DICOM or PNG file was expected") from error
    if start[128:] == b"DICM":
        return None
    return next((kind for signature, kind in PICTURES.items() if start.startswith(signature)), None)


@contextmanager
def open_picture(path: Path, kind: str) -> Iterator[Image.Image]:
    """While it lasts, a picture is open, and what Pillow raises on a damaged one becomes an ``ImageError``.

    Args:
        path: the file.
        kind: its format, for the message.

    Raises:
        ImageError: if it is damaged, or has more than ``MOST_PIXELS``.
    """
    try:
        with silent:  # of DecompressionBombWarning: the size is checked below
            image = Image.open(path)
        with image:
            check_size(path, rows=image.height, columns=image.width)
            yield image
    except Image.DecompressionBombError as error:  # from 179 million pixels on, without saying how many sides it has
        raise _too_large(path, "a picture far too large") from error
    except _PICTURE_ERRORS as error:
        raise ImageError(path, f"is a damaged {kind} file ({error}); a complete one is needed") from error


def check_size(path: Path, *, rows: int, columns: int) -> None:
    """Refuse an image before memory is taken for it.

    Raises:
        ImageError: code ``size``, for more than ``MOST_PIXELS``.
    """
    if rows * columns > MOST_PIXELS:
        raise _too_large(path, f"{rows} x {columns} pixels")


def _too_large(path: Path, found: str) -> ImageError:
    return ImageError(path, f"is {found}; at most {MOST_PIXELS // 10**6} million pixels are accepted", code="size")


def _of_dicom(path: Path) -> Frame:
    dataset, _ = open_dicom(path, keywords=("SOPClassUID", "Rows", "Columns", *SPACINGS))
    with parsing(path):
        header = Attributes(dataset)
        rows, columns = (int(header.number(keyword) or 0) for keyword in ("Rows", "Columns"))
        spacings = [tuple(float(side) for side in header.texts(keyword)) for keyword in SPACINGS]
    if not (rows and columns):
        reason = "Rows (0028,0010) or Columns (0028,0011) is missing; the file may be truncated, or hold no image"
        raise ImageError(path, reason, code="no-image")
    check_size(path, rows=rows, columns=columns)
    return Frame((rows, columns), next(((s[0], s[1]) for s in spacings if len(s) == 2 and min(s) > 0), None))
