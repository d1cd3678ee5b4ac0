"""Mammograms in every transfer syntax, each by an encoder that is not the decoder wherever there is one."""

import base64
import io
from collections.abc import Callable
from pathlib import Path

import gdcm
import numpy as np
import pydicom
from jpeg_ls import encode_array as encode_jpeg_ls
from numpy.typing import NDArray
from openjpeg.utils import encode_array as encode_jpeg_2000
from PIL import Image
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from tests.conftest import mammogram

GDCM = {
    "JPEGLossless": gdcm.TransferSyntax.JPEGLosslessProcess14,
    "JPEGLosslessSV1": gdcm.TransferSyntax.JPEGLosslessProcess14_1,
    "JPEG2000Lossless": gdcm.TransferSyntax.JPEG2000Lossless,
    "JPEGLSLossless": gdcm.TransferSyntax.JPEGLSLossless,
    "RLELossless": gdcm.TransferSyntax.RLELossless,
}


def ramp(bits: int, *, signed: bool = False, shape: tuple[int, int] = (48, 32)) -> NDArray[np.int64]:
    """(rows, columns): all of the range, the lowest value first and the highest last."""
    lowest = -(1 << (bits - 1)) if signed else 0
    return np.linspace(lowest, lowest + (1 << bits) - 1, shape[0] * shape[1]).round().astype(np.int64).reshape(shape)


def described(
    values: NDArray, *, bits: int, signed: bool = False, allocated: int = 16, **attributes: object
) -> Dataset:
    """A mammogram with these stored values, uncompressed, the sign in all bits."""
    pixels = values.astype(f"{'i' if signed else 'u'}{allocated // 8}")
    return mammogram(pixels, **{"BitsStored": bits, "HighBit": bits - 1, **attributes})


def encapsulated(dataset: Dataset, frame: bytes, *, syntax: str) -> Dataset:
    """The same with a compressed frame for its pixels."""
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return dataset


def by_gdcm(dataset: Dataset, syntax: UID, *, folder: Path) -> Dataset:
    """Compressed by GDCM, which would also change the header: it drops PixelAspectRatio and adds spacings."""
    plain, packed = folder / "plain.dcm", folder / "packed.dcm"
    dataset.save_as(plain, enforce_file_format=True)
    reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
    reader.SetFileName(str(plain))
    assert reader.Read()
    change.SetTransferSyntax(gdcm.TransferSyntax(GDCM[syntax.keyword]))
    change.SetInput(reader.GetImage())
    assert change.Change()
    writer.SetFileName(str(packed))
    writer.SetFile(reader.GetFile())
    writer.SetImage(change.GetOutput())
    assert writer.Write()
    found = pydicom.dcmread(packed)
    assert found.file_meta.TransferSyntaxUID == syntax
    dataset["PixelData"] = found["PixelData"]
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def jpeg_baseline(values: NDArray) -> bytes:
    """8 bits, by libjpeg in Pillow, at its best quality."""
    buffer = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(buffer, "JPEG", quality=100)
    return buffer.getvalue()


def jpeg_ls(values: NDArray, *, error: int = 0) -> bytes:
    """8 or 16 bits, each pixel wrong by at most ``error``."""
    return bytes(encode_jpeg_ls(values, lossy_error=error))


def jpeg_2000(values: NDArray, *, bits: int | None = None, ratio: float | None = None) -> bytes:
    """As many bits as told, lossless or compressed to a part."""
    options = {"compression_ratios": [ratio]} if ratio else {}
    return bytes(encode_jpeg_2000(values, bits_stored=bits, photometric_interpretation=2, **options))


def rewritten(dataset: Dataset, path: Path, *, implicit: bool = False, little_endian: bool = True) -> Path:
    """Uncompressed, in another byte order or without VRs."""
    if not little_endian:
        wide = dataset.BitsAllocated == 16
        pixels = np.frombuffer(dataset.PixelData, "<u2" if wide else "u1")
        dataset.PixelData = pixels.astype(">u2" if wide else "u1").tobytes()
    dataset.preamble = b"\0" * 128
    dataset.save_as(path, implicit_vr=implicit, little_endian=little_endian, enforce_file_format=False)
    return path


# Made by OpenJPH 0.26.3, which has no wheel of its own. Rows x columns 24 x 16, the pixel number n times a step.
HTJ2K: dict[str, tuple[bytes, Callable[[NDArray], NDArray]]] = {
    name: (base64.b64decode(text), formula)
    for name, (text, formula) in {
        "16 bits": (
            "/0//UQApQAAAAAAQAAAAGAAAAAAAAAAAAAAAEAAAABgAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQ"
            "kJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAKQAAf+TwAAm28kEh3QAwAATADxsBYd0AMAAE8AAEwAi"
            "LMIDC3QAHfwDB3QAwAAVUAAFQA466OAAojKCdgDyYHnwgSK0AMAAFbAABWj8+PHjx4/funpyAnYAzq/zc37O7+iEAey2AMAALWgABbBS"
            "UlJSUlJSUlJSUlLn6np6enpxgnoAPtWnfMqnfMqnfMqn/v8wHOB79nOB7LsA/9k=",
            lambda n: n * 170,
        ),
        "16 bits, signed": (
            "/0//UQApQAAAAAAQAAAAGAAAAAAAAAAAAAAAEAAAABgAAAAAAAAAAAABjwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCIkJCQ"
            "kJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAKQAAf+TwAAm28kEh3QAwAATADxsBYd0AMAAE8AAEwAi"
            "LMIDC3QAHfwDB3QAwAAVUAAFQA466OAAojKCdgDyYHnwgSK0AMAAFbAABWj8+PHjx4/funpyAnYAzq/zc37O7+iEAey2AMAALWgABbBS"
            "UlJSUlJSUlJSUlLn6np6enpxgnoAPtWnfMqnfMqnfMqn/v8wHOB79nOB7LsA/9k=",
            lambda n: n * 170 - 32768,
        ),
        "8 bits": (
            "/0//UQApQAAAAAAQAAAAGAAAAAAAAAAAAAAAEAAAABgAAAAAAAAAAAABBwEB/1AACAACAAAAAv9SAAwAAgABAAUEBEAB/1wAEyBIUFBQ"
            "UFBQUFBQUFBQSEhI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAFwAAf+TwCXzAId0AMASgBABh3QAwBLAEYCIAEt0ACdz"
            "AMASwBMA+AxydABI5IAitADAEsAVIMCxS+QAohDi6AAB7LYAoBWAbtu2/zASe/ZJ7LkA/9k=",
            lambda n: n // 2,
        ),
        "lossy": (
            "/0//UQApQAAAAAAQAAAAGAAAAAAAAAAAAAAAEAAAABgAAAAAAAAAAAABDwEB/1AACAACAAAAJv9SAAwAAgABAAUEBEAA/1wAIyKUXZQ3"
            "lDeUEoxJjEmMMYSIhIiEnH0hfSF9jXT2dPZ0mf9kABcAAU9wZW5KUEggVmVyIDAuMjYuMy7/kAAKAAAAAADeAAH/k8AAEwCxrQUHdADA"
            "ABMAlkMFh3QAwAAngABMBjbwAot0AIP+Awd0AMAAVcAAVwAHB6CgB0ADmMK1AAqsUIErwGSY/AmZQbUAwAC1YABb4BCex+tB+DyeB+Hz"
            "eN4MkvJLypt4ADgSOBI4EjgSMzMZGZiRgRkZmJGBAFKADHldCEDQuwDAAXQQAF04ZIYIzhDBGSI4QwRniOAM0V4ElfyV/JX8lfyV/iuL"
            "cAFm0zRN0zSX0C5Bu4S2hHYJbQntEtoS2h/YAYwKdMYwKbvJrXJqMAH/2Q==",
            lambda n: n * 170,
        ),
    }.items()
}
