"""Open one file as DICOM, without decoding pixels: is it DICOM, can it be parsed, is its pixel data all there?

pydicom returns what it got from a file that was cut, without a word, and with ``force=True`` it takes a PNG for DICOM.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pydicom import FileDataset, dcmread
from pydicom.errors import BytesLengthException

from dibmg_monai.errors import ImageError
from dibmg_monai.process_wide import silent, unvalidated

_PIXEL_DATA, _ITEM, _END_OF_ITEMS = 0x7FE00010, 0xFFFEE000, 0xFFFEE0DD
_UNDEFINED_LENGTH = 0xFFFFFFFF
_FIRST_GROUPS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")  # of a file without preamble: 0002 or 0008, either byte order
_PARSE_ERRORS = (
    ArithmeticError,
    AttributeError,
    BytesLengthException,
    EOFError,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


@contextmanager
def parsing(path: Path) -> Iterator[None]:
    """Turn whatever pydicom raises on a damaged file into an ``ImageError``; it converts many values on first use.

    Raises:
        ImageError: code ``unreadable``.
    """
    try:
        with unvalidated, silent:  # warnings may quote the patient
            yield
    except OSError as error:
        raise ImageError(path, f"cannot be read: {error.strerror or type(error).__name__}") from error
    except _PARSE_ERRORS as error:
        reason = f"begins like DICOM, but its header cannot be parsed ({type(error).__name__})"
        raise ImageError(path, reason) from error


def open_dicom(path: Path, *, keywords: Sequence[str]) -> tuple[FileDataset, str]:
    """Read the named attributes of a DICOM file, with or without preamble (PS3.10 7.1).

    Args:
        path: any file.
        keywords: the attributes wanted; Rows, Columns, BitsAllocated and their like are needed to judge pixel data.

    Returns:
        The attributes, and what is missing of the pixel data in words: empty if nothing is.

    Raises:
        ImageError: code ``not-dicom`` or ``unreadable``.
    """
    with parsing(path):
        if not path.is_file():
            raise ImageError(path, "cannot be read: neither a file nor a link to one")
        with path.open("rb") as file:
            start = file.read(132)
            has_preamble = start[128:] == b"DICM"
            if not has_preamble and start[:2] not in _FIRST_GROUPS:
                reason = "is not a DICOM file" if start else "is empty"
                raise ImageError(path, reason, code="not-dicom")
            file.seek(0)
            dataset = dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(keywords))
            if not has_preamble and "SOPClassUID" not in dataset:
                reason = "is not a DICOM file: it has no preamble and no SOPClassUID (0008,0016)"
                raise ImageError(path, reason, code="not-dicom")
            return dataset, _missing_pixels(file, dataset)


def _missing_pixels(file: BinaryIO, dataset: FileDataset) -> str:
    """What is missing of the pixel data that ``file`` stands before; empty if nothing is."""
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is not None and syntax.is_deflated:
        return ""  # inflated as a whole, PS3.5 A.5: zlib has found the end
    implicit, little_endian = dataset.original_encoding
    order = "<" if little_endian else ">"
    element = file.read(8 if implicit else 12)
    if len(element) < (8 if implicit else 12):
        return "the file ends before PixelData (7FE0,0010)"
    group, number, length = struct.unpack(order + ("HHL" if implicit else "HH4xL"), element)
    if group << 16 | number != _PIXEL_DATA:
        return "PixelData (7FE0,0010) is missing"
    if length == _UNDEFINED_LENGTH:
        return _missing_fragments(file, order)
    return _missing_bytes(file, dataset, length)


def _missing_fragments(file: BinaryIO, order: str) -> str:
    """Compressed frames, PS3.5 A.4: an offset table, fragments, a delimiter."""
    items = 0
    while len(header := file.read(8)) == 8:
        group, number, length = struct.unpack(order + "HHL", header)
        tag = group << 16 | number
        if tag == _END_OF_ITEMS:
            return "" if items > 1 else "PixelData (7FE0,0010) holds no compressed frame"
        if tag != _ITEM:
            return "PixelData (7FE0,0010) is damaged: a fragment does not end where its length says"
        items += 1
        file.seek(length, 1)
    return "PixelData (7FE0,0010) breaks off before its end"


def _missing_bytes(file: BinaryIO, dataset: FileDataset, length: int) -> str:
    """Uncompressed frames, PS3.5 8.1.1: rows x columns x samples x frames of BitsAllocated each."""
    sides = [dataset.get(keyword) for keyword in ("Rows", "Columns", "BitsAllocated")]
    if not all(sides):
        return "Rows (0028,0010), Columns (0028,0011) or BitsAllocated (0028,0100) is missing"
    rows, columns, bits = sides
    samples = int(dataset.get("SamplesPerPixel") or 1) * int(dataset.get("NumberOfFrames") or 1)
    expected = (rows * columns * samples * bits + 7) // 8
    start = file.tell()
    present = min(length, file.seek(0, 2) - start)
    return "" if present >= expected else f"PixelData (7FE0,0010) has {present} of {expected} bytes"
