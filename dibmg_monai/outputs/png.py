"""Overlays as PNG files."""

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dibmg_monai.errors import writing
from dibmg_monai.outputs.material import Material
from dibmg_monai.views import VIEWS, View

TRUECOLOR, UP = 2, 2  # color type and filter type


class Overlays:
    """The overlay of each view."""

    names = tuple(f"{view}_overlay.png" for view in VIEWS)

    @staticmethod
    def file_name(view: View) -> str:
        """The file of one view."""
        return Overlays.names[view.channel]

    def write(self, material: Material, folder: Path) -> None:
        """Write the overlays of one exam."""
        for view, picture in material.pictures.items():
            path = folder / self.file_name(view)
            with writing(path):
                path.write_bytes(encode(picture))


def encode(picture: NDArray[np.uint8]) -> bytes:
    """A picture (H, W, 3), RGB, as a PNG file (ISO/IEC 15948), each row as its difference from the one above it.

    Pillow tries five filters on every row and compresses harder: six times the work for files of 80 to 110 % the size.
    """
    height, width, _ = picture.shape
    rows = picture.reshape(height, -1)
    lines = np.empty((height, 1 + rows.shape[1]), np.uint8)
    lines[:, 0], lines[0, 1:] = UP, rows[0]
    np.subtract(rows[1:], rows[:-1], out=lines[1:, 1:])
    header = struct.pack(">2I5B", width, height, 8, TRUECOLOR, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(lines.data, level=1)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
