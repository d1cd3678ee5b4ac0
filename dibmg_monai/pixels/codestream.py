"""What a compressed image says of itself: its size, its bits, and whether it comes to its end.

Where DICOM's attributes say otherwise, the codestream is right (PS3.5 8.2).
"""

import struct
from dataclasses import dataclass

_JP2_BOX, _J2K_START, _JPEG_START, _END = b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"\xff\xd8", b"\xff\xd9"
_NO_FRAME_HEADERS = (0xC4, 0xC8, 0xCC)  # of 0xC0 to 0xCF, all else begin a frame; and so does 0xF7, in JPEG-LS


@dataclass(frozen=True)
class Codestream:
    """A JPEG, JPEG-LS, JPEG 2000 or HTJ2K codestream.

    Attributes:
        rows, columns: of the image in it.
        bits: of each pixel.
        complete: whether its end marker is there.
    """

    rows: int
    columns: int
    bits: int
    complete: bool


def parse_codestream(frame: bytes) -> Codestream:
    """The headers of one compressed frame; odd ones are padded at the end, with 00 or FF.

    Raises:
        ValueError: if it is none.
    """
    try:
        rows, columns, bits = _jpeg_2000(frame) if b"\xff\x4f" in frame[:512] else _jpeg(frame)
    except (IndexError, struct.error) as error:
        raise ValueError("the codestream breaks off in its header") from error
    return Codestream(rows, columns, bits, complete=frame[-64:].rstrip(b"\0\xff").endswith(_END))


def _jpeg_2000(frame: bytes) -> tuple[int, int, int]:
    """ITU-T T.800 A.5.1: SIZ follows the first marker; some writers wrap the codestream in a JP2 file."""
    start = frame.find(_J2K_START) if frame.startswith(_JP2_BOX) else 0
    if not frame.startswith(_J2K_START, start):
        raise ValueError("it does not begin like JPEG 2000")
    right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
    return bottom - top, right - left, (frame[start + 42] & 0x7F) + 1


def _jpeg(frame: bytes) -> tuple[int, int, int]:
    """ITU-T T.81 B.2.2 and T.87 C.2.2: a frame header is among the segments before the first scan."""
    if not frame.startswith(_JPEG_START):
        raise ValueError("it does not begin like JPEG")
    at = len(_JPEG_START)
    while frame[at] == 0xFF:
        marker = frame[at + 1]
        if marker == 0xFF:  # fill
            at += 1
        elif marker == 0xF7 or (0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_HEADERS):
            bits, rows, columns = struct.unpack_from(">BHH", frame, at + 4)
            return rows, columns, bits
        else:
            at += 2 + struct.unpack_from(">H", frame, at + 2)[0]
    raise ValueError("no frame header is in its codestream")
