"""How large a stored image is, in pixels and in millimeters, without decoding its pixels."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from dibmg_monai.errors import ImageError
from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.exams.dicom_file import open_dicom, parsing
from dibmg_monai.pixels.reader import DECODING_ERRORS, picture_format

# At the detector, at the patient as calibrated (PS3.3 10.7), on digitized film (PS3.3 C.8.6.2).
SPACINGS = ("ImagerPixelSpacing", "PixelSpacing", "NominalScannedPixelSpacing")


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
        ImageError: if the file is missing or damaged, or does not say how large the image is.
    """
    kind = picture_format(path)
    return _of_picture(path, kind) if kind else _of_dicom(path)


def _of_picture(path: Path, kind: str) -> Frame:
    try:
        with Image.open(path) as image:
            return Frame((image.height, image.width), None)
    except (UnidentifiedImageError, *DECODING_ERRORS) as error:
        raise ImageError(path, f"is a damaged {kind} file ({error}); a complete one is needed") from error


def _of_dicom(path: Path) -> Frame:
    dataset, _ = open_dicom(path, keywords=("SOPClassUID", "Rows", "Columns", *SPACINGS))
    with parsing(path):
        header = Attributes(dataset)
        rows, columns = (int(header.number(keyword) or 0) for keyword in ("Rows", "Columns"))
        spacings = [tuple(float(side) for side in header.texts(keyword)) for keyword in SPACINGS]
    if not (rows and columns):
        reason = "Rows (0028,0010) or Columns (0028,0011) is missing; the file may be truncated, or hold no image"
        raise ImageError(path, reason, code="no-image")
    return Frame((rows, columns), next(((s[0], s[1]) for s in spacings if len(s) == 2 and min(s) > 0), None))
