"""Sizes are read without decoding; what is too large to decode is refused before memory is taken for it."""

import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from dibmg_monai.errors import ImageError
from dibmg_monai.exams.image_file import MOST_PIXELS, Frame, check_size, open_picture, picture_format, read_frame
from dibmg_monai.pixels.reader import read_image
from tests.conftest import WriteMammogram

PIXELS = np.zeros((30, 20), np.uint16)


@pytest.mark.parametrize(
    ("attributes", "spacing_mm"),
    [
        ({}, None),
        ({"PixelSpacing": [0.09, 0.08]}, (0.09, 0.08)),
        ({"NominalScannedPixelSpacing": [0.05, 0.05]}, (0.05, 0.05)),
        ({"ImagerPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.09, 0.09]}, (0.1, 0.1)),
        ({"ImagerPixelSpacing": [0, 0], "PixelSpacing": [0.09, 0.09]}, (0.09, 0.09)),
    ],
)
def test_dicom(write_mammogram: WriteMammogram, attributes: dict, spacing_mm: tuple[float, float] | None) -> None:
    assert read_frame(write_mammogram("x.dcm", PIXELS, **attributes)) == Frame((30, 20), spacing_mm)


@pytest.mark.parametrize("name", ["x.png", "x.pgm", "x.tif"])
def test_pictures(tmp_path: Path, name: str) -> None:
    Image.fromarray(PIXELS).save(tmp_path / name)
    assert read_frame(tmp_path / name) == Frame((30, 20), None)
    assert read_frame(tmp_path / name).shape == tuple(read_image(tmp_path / name).values.shape)


def test_files_that_are_no_images(tmp_path: Path, write_mammogram: WriteMammogram) -> None:
    with pytest.raises(ImageError, match=r"none\.png: cannot be read"):
        read_frame(tmp_path / "none.png")
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\nrest")
    with pytest.raises(ImageError, match=r"x\.png: is a damaged PNG file"):
        read_frame(tmp_path / "x.png")
    (tmp_path / "x.txt").write_text("text")
    with pytest.raises(ImageError, match=r"x\.txt: is not a DICOM file"):
        read_frame(tmp_path / "x.txt")
    with pytest.raises(ImageError, match=r"x\.dcm: Rows \(0028,0010\) or Columns \(0028,0011\) is missing"):
        read_frame(write_mammogram("x.dcm", PIXELS, Rows=None))


def png(rows: int, columns: int) -> bytes:
    """A PNG that says it is so large, and holds next to nothing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    content = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


@pytest.mark.parametrize("side", [9000, 10000, 60000])
@pytest.mark.parametrize("read", [read_frame, read_image])
def test_pictures_that_claim_too_much(tmp_path: Path, side: int, read: Callable) -> None:
    """Pillow warns from 89 million pixels on and raises from 179 million on."""
    (tmp_path / "bomb.png").write_bytes(png(side, side))
    found = "a picture far too large" if side == 60000 else f"{side} x {side} pixels"
    message = rf"bomb\.png: is {found}; at most 80 million pixels are accepted"
    with warnings.catch_warnings(action="error"), pytest.raises(ImageError, match=message) as error:
        read(tmp_path / "bomb.png")
    assert error.value.code == "size"


def test_tiff_and_pgm_that_claim_too_much(tmp_path: Path) -> None:
    (tmp_path / "bomb.pgm").write_bytes(b"P5\n60000 60000\n65535\n")
    with pytest.raises(ImageError, match="at most 80 million pixels are accepted"):
        read_image(tmp_path / "bomb.pgm")


@pytest.mark.parametrize("read", [read_frame, read_image])
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless, JPEG2000Lossless])
def test_dicom_that_claims_too_much(
    tmp_path: Path, write_mammogram: WriteMammogram, read: Callable, syntax: str
) -> None:
    path = write_mammogram("bomb.dcm", np.zeros((64, 64), np.uint16), syntax=syntax)
    dataset = dcmread(path)
    dataset.Rows = dataset.Columns = 60000
    dataset.save_as(path)
    with pytest.raises(ImageError, match=r"bomb\.dcm: is 60000 x 60000 pixels; at most 80 million pixels are accepted"):
        read(path)


def test_the_largest_that_is_accepted() -> None:
    check_size(Path("x"), rows=10000, columns=MOST_PIXELS // 10000)
    with pytest.raises(ImageError, match="is 10000 x 8001 pixels; at most 80 million"):
        check_size(Path("x"), rows=10000, columns=8001)


def test_what_fails_while_a_picture_is_open(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((300, 200), np.uint8)).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:60])
    assert picture_format(tmp_path / "cut.png") == "PNG"
    with (
        pytest.raises(ImageError, match=r"cut\.png: is a damaged PNG file"),
        open_picture(tmp_path / "cut.png", "PNG") as image,
    ):
        image.load()
