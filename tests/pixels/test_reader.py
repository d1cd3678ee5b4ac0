"""Every encoding gives the same pixels; what can't be read is refused with the reason."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
import torch
from PIL import Image
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from dibmg_monai.errors import DibmgError, ImageError
from dibmg_monai.pixels.reader import read_image
from tests.conftest import WriteMammogram
from tests.pixels.encoding import by_gdcm

RAMP = (np.arange(48 * 32).reshape(48, 32) * 42 % 65521).astype(np.uint16)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_compressed_is_as_uncompressed(write_mammogram: WriteMammogram, syntax: str) -> None:
    plain = read_image(write_mammogram("plain.dcm", RAMP))
    packed = read_image(write_mammogram("packed.dcm", RAMP, syntax=syntax))
    assert torch.equal(packed.values, plain.values)
    np.testing.assert_allclose(plain.values.numpy(), RAMP / 65535, atol=1e-6)


def test_jpeg_lossless(write_mammogram: WriteMammogram, tmp_path: Path) -> None:
    plain = write_mammogram("plain.dcm", RAMP)
    by_gdcm(pydicom.dcmread(plain), JPEGLosslessSV1, folder=tmp_path).save_as(tmp_path / "lossless.dcm")
    assert torch.equal(read_image(tmp_path / "lossless.dcm").values, read_image(plain).values)


@pytest.mark.parametrize(("bits", "high"), [(12, 11), (12, 13), (10, 15)])
def test_bits_around_the_stored_ones_are_ignored(write_mammogram: WriteMammogram, bits: int, high: int) -> None:
    values = RAMP % (1 << bits)
    shift = high - bits + 1
    overlay = (RAMP & 1) << ((high + 1) % 16) if high < 15 else 0
    words = ((values << shift) | overlay).astype(np.uint16)
    found = read_image(write_mammogram("odd.dcm", words, BitsStored=bits, HighBit=high)).values
    np.testing.assert_allclose(found.numpy(), values / ((1 << bits) - 1), atol=1e-6)


def test_signed_pixels(write_mammogram: WriteMammogram) -> None:
    values = np.arange(-32, 32, dtype=np.int16).reshape(8, 8)
    found = read_image(write_mammogram("signed.dcm", values & 0xFFF, BitsStored=12, HighBit=11, PixelRepresentation=1))
    np.testing.assert_allclose(found.values.numpy(), (values + 2048) / 4095, atol=1e-6)


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
def test_png_keeps_its_bit_depth(tmp_path: Path, dtype: type, white: int) -> None:
    pixels = (RAMP.astype(int) % (white + 1)).astype(dtype)
    Image.fromarray(pixels).save(tmp_path / "view.png")
    found = read_image(tmp_path / "view.png")
    np.testing.assert_allclose(found.values.numpy(), pixels / white, atol=1e-7)
    assert found.patient_orientation is None


@pytest.mark.parametrize(("maximum", "size"), [(255, 1), (100, 1), (4095, 2), (65535, 2)])
def test_pgm(tmp_path: Path, maximum: int, size: int) -> None:
    pixels = (RAMP.astype(int) % (maximum + 1)).astype(f">u{size}")
    (tmp_path / "view.pgm").write_bytes(b"P5\n32 48\n%d\n" % maximum + pixels.tobytes())
    found = read_image(tmp_path / "view.pgm").values
    np.testing.assert_allclose(found.numpy(), pixels / maximum, atol=0.51 / (255 if size == 1 else 65535))


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
def test_tiff(tmp_path: Path, dtype: type, white: int) -> None:
    pixels = (RAMP.astype(int) % (white + 1)).astype(dtype)
    Image.fromarray(pixels).save(tmp_path / "view.tif", compression="tiff_lzw")
    np.testing.assert_allclose(read_image(tmp_path / "view.tif").values.numpy(), pixels / white, atol=1e-7)


def test_tiffs_that_are_not_one_gray_image(tmp_path: Path) -> None:
    page = Image.fromarray(RAMP)
    page.save(tmp_path / "pages.tif", save_all=True, append_images=[page])
    page.save(tmp_path / "inverted.tif", tiffinfo={262: 0})
    Image.fromarray(RAMP.astype(np.int32)).save(tmp_path / "deep.tif")
    for name, message in {
        "pages": r"pages\.tif: is a TIFF of 2 images; a single one is accepted",
        "inverted": r"inverted\.tif: is a TIFF whose 0 is white \(PhotometricInterpretation 0\); 1 is accepted",
        "deep": r"deep\.tif: is a TIFF of mode I; gray with 8 or 16 bits is accepted",
    }.items():
        with pytest.raises(ImageError, match=message):
            read_image(tmp_path / f"{name}.tif")


def test_a_preamble_that_begins_like_tiff(write_mammogram: WriteMammogram) -> None:
    path = write_mammogram("both.dcm", RAMP)
    plain = read_image(path).values
    path.write_bytes(b"II*\0" + path.read_bytes()[4:])
    assert torch.equal(read_image(path).values, plain)


def test_gray_stored_as_rgb(tmp_path: Path) -> None:
    pixels = (RAMP % 256).astype(np.uint8)
    Image.fromarray(np.stack([pixels] * 3, axis=-1)).save(tmp_path / "rgb.png")
    np.testing.assert_allclose(read_image(tmp_path / "rgb.png").values.numpy(), pixels / 255, atol=1e-7)


def test_color_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), (200, 10, 10)).save(tmp_path / "color.png")
    with pytest.raises(ImageError, match=r"color\.png: is a PNG of mode RGB; gray with 8 or 16 bits is accepted"):
        read_image(tmp_path / "color.png")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"none\.dcm: cannot be read \(No such file or directory\)"):
        read_image(tmp_path / "none.dcm")


def test_text_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("not an image")
    with pytest.raises(ImageError, match="is neither a DICOM nor a PNG file"):
        read_image(tmp_path / "note.txt")


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian])
def test_a_file_without_preamble(write_mammogram: WriteMammogram, tmp_path: Path, syntax: pydicom.uid.UID) -> None:
    dataset = pydicom.dcmread(write_mammogram("plain.dcm", RAMP))
    bare = pydicom.Dataset({element.tag: element for element in dataset})
    bare.save_as(tmp_path / "bare", implicit_vr=syntax.is_implicit_VR, little_endian=True, enforce_file_format=False)
    assert (tmp_path / "bare").read_bytes()[128:132] != b"DICM"
    assert torch.equal(read_image(tmp_path / "bare").values, read_image(tmp_path / "plain.dcm").values)


@pytest.mark.parametrize("syntax", [None, RLELossless, JPEG2000Lossless])
def test_truncated_dicom(write_mammogram: WriteMammogram, syntax: str | None) -> None:
    path = write_mammogram("cut.dcm", RAMP, **({"syntax": syntax} if syntax else {}))
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ImageError, match=r"cut\.dcm: .*(truncated|cannot be decoded)"):
        read_image(path)


def test_truncated_png(tmp_path: Path) -> None:
    Image.fromarray(RAMP).save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:100])
    with pytest.raises(ImageError, match="is a damaged PNG file"):
        read_image(tmp_path / "cut.png")


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"PhotometricInterpretation": "RGB"}, r"PhotometricInterpretation \(0028,0004\) is 'RGB'; MONOCHROME1 or"),
        ({"NumberOfFrames": 3}, r"NumberOfFrames \(0028,0008\) is 3; a single frame is accepted"),
        ({"PixelData": None}, "PixelData is missing"),
        ({"Rows": None}, "Rows is missing"),
        ({"Rows": 0}, "Rows is missing"),
        ({"HighBit": None}, "HighBit is missing"),
        ({"BitsStored": 17}, r"BitsStored \(0028,0101\) is 17; 1 to BitsAllocated \(0028,0100\) 16 is accepted"),
        ({"BitsStored": 0}, r"BitsStored \(0028,0101\) is 0; 1 to BitsAllocated \(0028,0100\) 16 is accepted"),
        ({"HighBit": 16}, r"HighBit \(0028,0102\) is 16, with BitsStored \(0028,0101\) 16; 15 to 15 is accepted"),
        ({"BitsStored": 12, "HighBit": 10}, r"HighBit \(0028,0102\) is 10, with .* 12; 11 to 15 is accepted"),
        ({"BitsAllocated": 32}, r"BitsAllocated \(0028,0100\) is 32; 8 or 16 is accepted"),
        ({"BitsAllocated": 12}, r"BitsAllocated \(0028,0100\) is 12; 8 or 16 is accepted"),
        ({"BitsAllocated": 1, "BitsStored": 1, "HighBit": 0}, r"BitsAllocated \(0028,0100\) is 1; 8 or 16 is accepted"),
        ({"PixelRepresentation": 2}, r"PixelRepresentation \(0028,0103\) is 2; 0, unsigned, or 1, signed, is accepted"),
        ({"SamplesPerPixel": 3}, r"PhotometricInterpretation \(0028,0004\) is 'MONOCHROME2'"),
    ],
)
def test_what_is_not_one_gray_image(write_mammogram: WriteMammogram, attributes: dict, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        read_image(write_mammogram("odd.dcm", RAMP, **attributes))


@pytest.mark.parametrize(
    ("attributes", "aspect", "warnings"),
    [
        ({}, 1.0, 0),
        ({"ImagerPixelSpacing": [0.2, 0.1]}, 2.0, 0),
        ({"PixelSpacing": [0.1, 0.2]}, 0.5, 0),
        ({"NominalScannedPixelSpacing": [0.1, 0.05]}, 2.0, 0),
        ({"PixelAspectRatio": [3, 2]}, 1.5, 0),
        ({"ImagerPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.2, 0.1], "PixelAspectRatio": [3, 2]}, 1.0, 0),
        ({"ImagerPixelSpacing": [0, 0], "PixelAspectRatio": [3, 2]}, 1.5, 1),
        ({"ImagerPixelSpacing": [0.1, -0.2]}, 1.0, 1),
        ({"ImagerPixelSpacing": 0.1, "PixelSpacing": [0.1, 0.1, 0.1]}, 1.0, 2),
    ],
)
def test_pixel_aspect(write_mammogram: WriteMammogram, attributes: dict, aspect: float, warnings: int) -> None:
    found = read_image(write_mammogram("a.dcm", RAMP, **attributes))
    assert found.pixel_aspect == pytest.approx(aspect)
    assert len(found.warnings) == warnings
    assert all("is not two numbers above 0; it was ignored" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["A", "FR"], ("A", "FR")),
        (["p", "hl"], ("P", "HL")),
        (["A ", " F"], ("A", "F")),
        ("CC", None),
        ("", None),
        (None, None),
        (["A", "F", "R"], None),
    ],
)
def test_patient_orientation(write_mammogram: WriteMammogram, written: object, read: tuple[str, str] | None) -> None:
    assert read_image(write_mammogram("a.dcm", RAMP, PatientOrientation=written)).patient_orientation == read


def test_the_detectors_own_flips_turn_nothing(write_mammogram: WriteMammogram) -> None:
    plain = read_image(write_mammogram("plain.dcm", RAMP))
    flipped = read_image(write_mammogram("flipped.dcm", RAMP, FieldOfViewHorizontalFlip="YES", FieldOfViewRotation=180))
    assert torch.equal(flipped.values, plain.values)
    assert flipped.patient_orientation == plain.patient_orientation


def test_values_of_interest_by_the_policy(write_mammogram: WriteMammogram) -> None:
    item = pydicom.Dataset()
    item.add_new("LUTDescriptor", "US", [0, 0, 16])
    item.add_new("LUTData", "OW", np.arange(65536, dtype="<u2").tobytes())
    path = write_mammogram("x.dcm", RAMP, WindowCenter=100, WindowWidth=200, VOILUTSequence=[item])
    assert read_image(path).voi == "window 1 of 1: center 100, width 200, LINEAR"
    assert read_image(path, voi="lut").voi == "VOI LUT 1 of 1: 65536 entries from 0, 16 bits"
    auto = read_image(path, voi="auto")
    assert auto.voi == "VOI LUT 1 of 1: 65536 entries from 0, 16 bits"
    assert auto.warnings[0].startswith("window 1 of 1 was passed over: it leaves 0.0% of the image's values")
    np.testing.assert_allclose(auto.values.numpy(), RAMP / 65535, atol=1e-6)
    with pytest.raises(DibmgError, match="voi is 'best'; window, lut, auto are accepted"):
        read_image(path, voi="best")


def test_a_picture_has_its_full_range(tmp_path: Path) -> None:
    Image.fromarray(RAMP).save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png", voi="lut").voi == "full range: 0 to 65535"


def test_an_image_without_anything_in_it_is_told(write_mammogram: WriteMammogram) -> None:
    path = write_mammogram("x.dcm", RAMP, WindowCenter=-5000, WindowWidth=10)
    assert read_image(path).warnings[-1] == "every pixel comes out equally gray (1.00): there is nothing to see"


def test_damaged_numbers_do_not_stop_the_image(write_mammogram: WriteMammogram) -> None:
    """A window that is no number, as raw bytes in the file: pydicom raises on touching it."""
    path = write_mammogram(
        "x.dcm", RAMP, WindowCenter="1234", WindowWidth="5678", ImagerPixelSpacing=["0.125", "0.125"]
    )
    content = path.read_bytes()
    for good, bad in ((b"5678", b"56x8"), (b"0.125\\0.125", b"0.125\\0,125")):
        assert content.count(good) == 1
        content = content.replace(good, bad)
    path.write_bytes(content)
    found = read_image(path)
    assert (found.voi, found.pixel_aspect) == ("full range: 0 to 65535", 1.0)
    assert found.warnings == (
        "window 1 of 1 was passed over: its WindowWidth (0028,1051) is missing or no number",
        "ImagerPixelSpacing is not two numbers above 0; it was ignored",
    )


def test_nothing_of_the_patient_is_told(write_mammogram: WriteMammogram) -> None:
    path = write_mammogram(
        "x.dcm", RAMP, WindowCenter=1, WindowWidth=0, PresentationLUTShape="INVERSE", PixelPaddingValue=9
    )
    found = read_image(path)
    assert not any(name in text for text in (found.voi, *found.warnings) for name in ("Person", "TEST-1"))
