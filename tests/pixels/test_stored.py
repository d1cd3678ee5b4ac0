"""What was encoded is decoded, bit for bit or within the bounds of its lossy syntax; what is contradictory is told."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from dibmg_monai.errors import ImageError
from dibmg_monai.pixels.stored import DECODERS, StoredImage, stored_image
from tests.pixels import encoding
from tests.pixels.encoding import by_gdcm, described, encapsulated, ramp, rewritten

FILE = Path("image.dcm")
DEPTHS = [(8, 8), (8, 16), (10, 16), (12, 16), (14, 16), (16, 16)]
NUMBERS = np.arange(24 * 16).reshape(24, 16)


def decoded(dataset: Dataset) -> StoredImage:
    return stored_image(dataset, path=FILE)


def assert_is(found: StoredImage, values: np.ndarray, *, bits: int) -> None:
    np.testing.assert_array_equal(found.values, values)
    assert (found.bits, found.warnings) == (bits, ())


@pytest.mark.parametrize(("bits", "allocated"), DEPTHS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [JPEGLossless, JPEGLosslessSV1, JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_what_gdcm_compressed_without_loss(
    syntax: UID, signed: bool, bits: int, allocated: int, tmp_path: Path
) -> None:
    values = ramp(bits, signed=signed)
    dataset = described(values, bits=bits, signed=signed, allocated=allocated)
    assert_is(decoded(by_gdcm(dataset, syntax, folder=tmp_path)), values, bits=bits)


@pytest.mark.parametrize(("bits", "allocated"), DEPTHS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_what_pydicom_compressed_without_loss(syntax: UID, signed: bool, bits: int, allocated: int) -> None:
    if syntax == RLELossless and (bits, allocated) == (8, 16):
        pytest.skip("pydicom writes one RLE segment here, where BitsAllocated 16 has two")
    values = ramp(bits, signed=signed)
    dataset = described(values, bits=bits, signed=signed, allocated=allocated)
    dataset.compress(syntax)
    assert_is(decoded(dataset), values, bits=bits)


@pytest.mark.parametrize(("bits", "allocated"), DEPTHS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("how", ["implicit", "explicit", "big endian", "deflated"])
def test_uncompressed(how: str, signed: bool, bits: int, allocated: int, tmp_path: Path) -> None:
    values = ramp(bits, signed=signed)
    dataset = described(values, bits=bits, signed=signed, allocated=allocated)
    if how == "deflated":
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dataset.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    elif how == "explicit":
        dataset.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    else:
        dataset.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2" if how == "implicit" else "1.2.840.10008.1.2.2")
        rewritten(dataset, tmp_path / "x.dcm", implicit=how == "implicit", little_endian=how == "implicit")
    found = pydicom.dcmread(tmp_path / "x.dcm")
    assert found.original_encoding == (how == "implicit", how != "big endian")
    assert_is(decoded(found), values, bits=bits)


@pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K])
@pytest.mark.parametrize("name", ["16 bits", "16 bits, signed", "8 bits"])
def test_htj2k(syntax: UID, name: str) -> None:
    stream, formula = encoding.HTJ2K[name]
    bits, values = 8 if name == "8 bits" else 16, formula(NUMBERS)
    dataset = described(values, bits=bits, allocated=bits, signed="signed" in name)
    assert_is(decoded(encapsulated(dataset, stream, syntax=syntax)), values, bits=bits)


def test_lossy_htj2k() -> None:
    stream, formula = encoding.HTJ2K["lossy"]
    found = decoded(encapsulated(described(formula(NUMBERS), bits=16), stream, syntax=HTJ2K))
    assert np.abs(found.values - formula(NUMBERS)).max() <= 6  # OpenJPH itself comes back with 5


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("signed", [False, True])
def test_lossy_jpeg_2000(bits: int, signed: bool) -> None:
    values = ramp(bits, signed=signed, shape=(64, 64))
    stream = encoding.jpeg_2000(values.astype(np.int16 if signed else np.uint16), bits=bits, ratio=4)
    found = decoded(encapsulated(described(values, bits=bits, signed=signed), stream, syntax=JPEG2000))
    assert 0 < np.abs(found.values - values).max() < 0.01 * (1 << bits)


@pytest.mark.parametrize("error", [1, 5])
def test_near_lossless_jpeg_ls(error: int) -> None:
    values = np.random.default_rng(0).integers(0, 1 << 16, (48, 32))
    stream = encoding.jpeg_ls(values.astype(np.uint16), error=error)
    found = decoded(encapsulated(described(values, bits=16), stream, syntax=JPEGLSNearLossless))
    assert np.abs(found.values - values).max() == error


@pytest.mark.parametrize("syntax", [JPEGBaseline8Bit, JPEGExtended12Bit])
@pytest.mark.parametrize("allocated", [8, 16])
def test_lossy_jpeg_of_8_bits(syntax: UID, allocated: int) -> None:
    values = ramp(8)
    dataset = described(values, bits=8, allocated=allocated)
    found = decoded(encapsulated(dataset, encoding.jpeg_baseline(values), syntax=syntax))
    assert np.abs(found.values - values).max() <= 2


@pytest.mark.parametrize("name", ["JPGExtended.dcm", "JPEG-lossy.dcm"])
def test_lossy_jpeg_of_12_bits(name: str) -> None:
    """Files that come with pydicom; the figures are those of DCMTK's dcmdjpeg."""
    found = decoded(pydicom.dcmread(get_testdata_file(name)))
    assert (found.values.min(), found.values.max(), found.values.sum()) == (0, 264, 3767007)
    assert (found.bits, found.values.shape) == (12, (1024, 256))


def test_every_syntax_has_its_decoder_and_none_needs_a_copyleft_one() -> None:
    assert set(DECODERS.values()) == {"gdcm", "pyjpegls", "pylibjpeg"}
    from pydicom.pixels import get_decoder

    for syntax, plugin in DECODERS.items():
        assert plugin in get_decoder(syntax).available_plugins
        if plugin == "pylibjpeg":  # pylibjpeg-libjpeg, GPL, would stand behind .50 to .81
            assert syntax in (JPEG2000Lossless, JPEG2000, HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K, RLELossless)


@pytest.mark.parametrize(
    "uid", ["1.2.840.10008.1.2.4.92", "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.4.110", "1.2.3"]
)
def test_a_syntax_without_decoder_is_named(uid: str) -> None:
    dataset = encapsulated(described(ramp(12), bits=12), b"\0" * 8, syntax=uid)
    with pytest.raises(
        ImageError, match=r"TransferSyntaxUID \(0002,0010\) is .*; Implicit VR Little Endian, .* accepted"
    ):
        decoded(dataset)


def with_fragments(dataset: Dataset, *, fragments: int, offsets: bytes) -> Dataset:
    """The frame in several fragments, the first with an even length, under any basic offset table."""
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    step = len(frame) // fragments // 2 * 2
    parts = [frame[at * step : (at + 1) * step if at < fragments - 1 else None] for at in range(fragments)]
    item = b"\xfe\xff\x00\xe0"
    packed = item + len(offsets).to_bytes(4, "little") + offsets
    for part in parts:
        padded = part + b"\0" * (len(part) % 2)
        packed += item + len(padded).to_bytes(4, "little") + padded
    dataset.PixelData = packed + b"\xfe\xff\xdd\xe0\0\0\0\0"
    return dataset


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, JPEGLSLossless, RLELossless])
@pytest.mark.parametrize("fragments", [1, 3])
@pytest.mark.parametrize("offsets", [b"", b"\0\0\0\0"])
def test_fragments_and_offset_tables(syntax: UID, fragments: int, offsets: bytes, tmp_path: Path) -> None:
    packed = by_gdcm(described(ramp(12), bits=12), syntax, folder=tmp_path)
    with_fragments(packed, fragments=fragments, offsets=offsets).save_as(tmp_path / "x.dcm", enforce_file_format=True)
    assert_is(decoded(pydicom.dcmread(tmp_path / "x.dcm")), ramp(12), bits=12)


@pytest.mark.parametrize("padding", [b"\0", b"\0\0\0\0", b"\xff"])
@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, JPEGLSLossless])
def test_padding_behind_the_end_marker(padding: bytes, syntax: UID, tmp_path: Path) -> None:
    packed = by_gdcm(described(ramp(12), bits=12), syntax, folder=tmp_path)
    frame = next(generate_frames(packed.PixelData, number_of_frames=1)).rstrip(b"\0")
    packed.PixelData = encapsulate([frame + padding])
    assert_is(decoded(packed), ramp(12), bits=12)


@pytest.mark.parametrize("more", [1, 7, 24 * 15 + 1, 3 * 24 * 15])
def test_uncompressed_pixels_with_more_behind(more: int) -> None:
    """An odd number of bytes has one more (PS3.5 8.1.1); some files have many, even as many as another frame."""
    values = ramp(8, shape=(25, 15))
    dataset = described(values, bits=8, allocated=8)
    dataset.PixelData += b"\x77" * more
    assert_is(decoded(dataset), values, bits=8)


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("kept", [0.95, 0.5])
def test_a_codestream_that_breaks_off(syntax: UID, kept: float, tmp_path: Path) -> None:
    """Its fragments are whole; some decoders return half a picture without a word."""
    noise = np.random.default_rng(0).integers(0, 4096, (48, 32))
    packed = by_gdcm(described(noise, bits=12), syntax, folder=tmp_path)
    frame = next(generate_frames(packed.PixelData, number_of_frames=1))
    packed.PixelData = encapsulate([frame[: int(len(frame) * kept)]])
    with pytest.raises(ImageError, match="its codestream breaks off before its end marker; a complete file is needed"):
        decoded(packed)


@pytest.mark.parametrize("junk", [b"\0" * 100, b"\xff\xd8\xff\xe0", b"\xff\x4f\xff\x51\0\0"])
@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, JPEGLSLossless, RLELossless])
def test_a_frame_that_is_none(syntax: UID, junk: bytes) -> None:
    with pytest.raises(
        ImageError, match=rf"its pixel data \({syntax.name.split(',')[0].split('(')[0]}.* cannot be decoded"
    ):
        decoded(encapsulated(described(ramp(12), bits=12), junk, syntax=syntax))


def test_uncompressed_pixels_under_a_compressed_syntax() -> None:
    dataset = described(ramp(12), bits=12)
    dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
    with pytest.raises(ImageError, match="cannot be decoded"):
        decoded(dataset)


@pytest.mark.parametrize(("true", "told"), [(12, 16), (14, 16), (10, 12)])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEGLSLossless])
def test_a_codestream_of_fewer_bits_is_right(syntax: UID, signed: bool, true: int, told: int) -> None:
    values = ramp(true, signed=signed)
    packed = described(values, bits=true, signed=signed)
    packed.compress(syntax)
    packed.BitsStored, packed.HighBit = told, told - 1
    found = decoded(packed)
    np.testing.assert_array_equal(found.values, values)
    assert found.bits == true
    assert found.warnings == (
        f"BitsStored (0028,0101) is {told}, but the codestream has {true} bits; these were taken",
    )


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, JPEGLSLossless])
def test_whole_words_in_a_codestream(syntax: UID, signed: bool, tmp_path: Path) -> None:
    values = ramp(12, signed=signed)
    packed = by_gdcm(described(values, bits=16, signed=signed), syntax, folder=tmp_path)
    packed.BitsStored, packed.HighBit = 12, 11
    assert_is(decoded(packed), values, bits=12)


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, JPEGLSLossless])
def test_high_bit_in_a_codestream(syntax: UID, tmp_path: Path) -> None:
    packed = by_gdcm(described(ramp(12) << 4, bits=16), syntax, folder=tmp_path)
    packed.BitsStored, packed.HighBit = 12, 15
    assert_is(decoded(packed), ramp(12), bits=12)


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEG2000Lossless, JPEGLSLossless])
def test_a_codestream_with_more_bits_than_allowed(syntax: UID, tmp_path: Path) -> None:
    """pydicom would take the lower 12 bits, and show bright pixels dark."""
    packed = by_gdcm(described(ramp(14), bits=14), syntax, folder=tmp_path)
    packed.BitsStored, packed.HighBit = 12, 11
    with pytest.raises(
        ImageError, match=r"bits are set that BitsStored \(0028,0101\) 12 .* leave out; none is accepted"
    ):
        decoded(packed)


@pytest.mark.parametrize(("bits", "high"), [(12, 11), (12, 13), (10, 15), (9, 10)])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_high_bit_and_overlays(syntax: UID | None, signed: bool, bits: int, high: int) -> None:
    values = ramp(bits, signed=signed)
    overlay = (high + 1) % 16
    words = ((values & ((1 << bits) - 1)) << (high - bits + 1)) | (np.indices(values.shape)[0] % 3 == 0) << overlay
    dataset = described(words, bits=bits, HighBit=high, PixelRepresentation=int(signed))
    dataset.add_new((0x6002, 0x0102), "US", overlay)
    if syntax:
        dataset.compress(syntax)
    assert_is(decoded(dataset), values, bits=bits)


def test_bits_that_nothing_explains_are_told() -> None:
    words = ramp(12)
    words[3, 5] |= 1 << 14
    found = decoded(described(words, bits=12))
    np.testing.assert_array_equal(found.values, ramp(12))
    (warning,) = found.warnings
    assert warning.startswith("in 0.07% of its pixels, bits are set that BitsStored (0028,0101) 12 and HighBit (0028,")


def test_the_sign_of_a_codestream_does_not_matter() -> None:
    """pydicom's example has signed pixels in an unsigned codestream."""
    dataset = pydicom.dcmread(get_testdata_file("J2K_pixelrep_mismatch.dcm"))
    found = decoded(dataset)
    np.testing.assert_array_equal(found.values, dataset.pixel_array)
    assert found.values.min() == -2000


def test_a_codestream_of_another_size() -> None:
    stream = encoding.jpeg_ls(np.zeros((30000, 8), np.uint8))
    with pytest.raises(
        ImageError, match=r"its codestream holds 30000 x 8 pixels, but Rows \(0028,0010\) is 48 and Col"
    ):
        decoded(encapsulated(described(ramp(8), bits=8, allocated=8), stream, syntax=JPEGLSLossless))


def test_a_codestream_of_too_many_bits() -> None:
    stream = bytearray(encoding.jpeg_2000(ramp(12).astype(np.uint16), bits=12))
    stream[42] = 23  # Ssiz: 24 bits
    with pytest.raises(ImageError, match="its codestream has 24 bits a pixel; up to 16 are accepted"):
        decoded(encapsulated(described(ramp(12), bits=12), bytes(stream), syntax=JPEG2000Lossless))


def test_a_folder_named_dl_does_not_disturb(tmp_path: Path) -> None:
    """gdcm.py imports a module ``dl`` that Python no longer has, and takes any folder of that name for it."""
    (tmp_path / "dl").mkdir()
    code = "from dibmg_monai.pixels import stored; from pydicom.pixels import get_decoder as g; "
    code += "print(all(p in g(s).available_plugins for s, p in stored.DECODERS.items()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=os.environ, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("True", 0), done.stderr
