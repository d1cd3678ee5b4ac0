import os
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from dibmg_monai.errors import ImageError
from dibmg_monai.exams.dicom_file import open_dicom
from tests.conftest import mammogram
from tests.exams.conftest import PIXELS, WriteImage

KEYWORDS = (
    "SOPClassUID",
    "Modality",
    "PatientID",
    "Rows",
    "Columns",
    "BitsAllocated",
    "SamplesPerPixel",
    "NumberOfFrames",
)
NATIVE_BYTES = PIXELS.nbytes


def opened(path: Path) -> tuple[str, str]:
    """Modality, and what is missing of the pixels."""
    dataset, missing = open_dicom(path, keywords=KEYWORDS)
    return dataset.get("Modality", ""), missing


def without_meta(content: bytes) -> bytes:
    length = int.from_bytes(content[140:144], "little")  # FileMetaInformationGroupLength (0002,0000)
    return content[144 + length :]


def test_whole_file(write_image: WriteImage) -> None:
    assert opened(write_image("a.dcm")) == ("MG", "")


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_every_native_encoding_is_followed_to_its_end(syntax: str, tmp_path: Path) -> None:
    dataset = mammogram(PIXELS)
    dataset.file_meta.TransferSyntaxUID = syntax
    path = tmp_path / "a.dcm"
    dataset.save_as(path, enforce_file_format=True)
    assert opened(path) == ("MG", "")
    path.write_bytes(path.read_bytes()[:-7])
    if syntax == DeflatedExplicitVRLittleEndian:
        with pytest.raises(ImageError, match="header cannot be parsed"):
            opened(path)
    else:
        assert opened(path) == ("MG", f"PixelData (7FE0,0010) has {NATIVE_BYTES - 7} of {NATIVE_BYTES} bytes")


@pytest.mark.parametrize(
    "cut", [lambda content: content[132:], without_meta], ids=["no preamble", "no meta information"]
)
def test_files_without_preamble(cut: Callable[[bytes], bytes], write_image: WriteImage) -> None:
    path = write_image("a.dcm")
    path.write_bytes(cut(path.read_bytes()))
    assert opened(path) == ("MG", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"short", "is not a DICOM file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "is not a DICOM file"),
        (b"\x08\x00" + bytes(200), "no preamble and no SOPClassUID"),
    ],
    ids=["empty", "text", "PNG", "zeros"],
)
def test_other_files_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=message) as caught:
        opened(path)
    assert caught.value.code == "not-dicom"


@pytest.mark.parametrize("kind", ["missing", "folder", "dangling link", "pipe"])
def test_what_is_no_file_is_refused_and_never_waited_for(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    if kind == "folder":
        path.mkdir()
    elif kind == "dangling link":
        path.symlink_to("nowhere")
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(ImageError, match="neither a file nor a link to one") as caught:
        opened(path)
    assert caught.value.code == "unreadable"


def test_header_that_cannot_be_parsed(write_image: WriteImage) -> None:
    path = write_image("a.dcm")
    content = bytearray(path.read_bytes())
    group_length = content.index(b"UL", 132)
    content[group_length + 2] = 3  # a length of three bytes for a number of four
    path.write_bytes(content)
    with pytest.raises(ImageError, match="header cannot be parsed") as caught:
        opened(path)
    assert caught.value.code == "unreadable"


def test_header_cut_anywhere_is_never_taken_for_whole(write_image: WriteImage) -> None:
    path = write_image("a.dcm", syntax=RLELossless)
    content = path.read_bytes()
    missing = set()
    for length in range(132, len(content) - 8, 7):
        path.write_bytes(content[:length])
        try:
            missing.add(opened(path)[1])
        except ImageError as error:
            missing.add(error.code)
    assert missing <= {
        "unreadable",
        "the file ends before PixelData (7FE0,0010)",
        "PixelData (7FE0,0010) breaks off before its end",
    }
    assert len(missing) >= 2


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (b"", "holds no compressed frame"),
        (b"\xfe\xff\x00\xe0\x00\x00\x00\x00", "holds no compressed frame"),
        (b"\xfe\xff\x00\xe0\x00\x00\x00\x00" + b"garbage!", "does not end where its length says"),
    ],
    ids=["nothing", "offset table only", "garbage"],
)
def test_damaged_compressed_pixels(items: bytes, message: str, write_image: WriteImage) -> None:
    path = write_image("a.dcm", syntax=RLELossless)
    content = path.read_bytes()
    start = content.index(b"\xe0\x7f\x10\x00OB") + 12
    path.write_bytes(content[:start] + items + b"\xfe\xff\xdd\xe0\x00\x00\x00\x00")
    assert message in opened(path)[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"PixelData": None}, "ends before PixelData"),
        ({"PixelData": None, "FloatPixelData": bytes(96)}, "is missing"),
        ({"Rows": None}, r"Rows .* is missing"),
        ({"NumberOfFrames": 2}, "has 48 of 96 bytes"),
    ],
)
def test_uncompressed_pixels_that_are_not_there(options: dict, message: str, write_image: WriteImage) -> None:
    assert re.search(message, opened(write_image("a.dcm", **options))[1])


def test_values_are_never_quoted_in_warnings(write_image: WriteImage) -> None:
    path = write_image("a.dcm", PatientID="SECRET")
    path.write_bytes(path.read_bytes().replace(b"1.2.840.10008.5.1.4.1.1.1.2", b"1.2.840.10008.5.1.4.SECRET!"))
    with warnings.catch_warnings(action="error"):
        open_dicom(path, keywords=KEYWORDS)
