"""One image file, DICOM or PNG -> presentation values, at full bit depth and in the file's own orientation."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from pydicom import Dataset
from pydicom.pixels import pixel_array
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from dibmg_monai.errors import ImageError
from dibmg_monai.exams.dicom_file import parsing
from dibmg_monai.pixels.grayscale import POLARITY_SHAPES, grayscale

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_RANGES = {"1": 1, "L": 255, "I;16": 65535, "I;16B": 65535}  # Pillow's names of gray modes -> white
# What pydicom, its plug-ins and Pillow raise on pixel data that is damaged, missing or of a kind they do not know.
DECODING_ERRORS = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)


@dataclass(frozen=True)
class SourceImage:
    """An image as a workstation would show it, in stored orientation.

    Attributes:
        values: (H, W) float32 in [0, 1], 0 black.
        patient_orientation: PatientOrientation (0020,0020), directions of rows and of columns; None if not given.
        pixel_aspect: height of a pixel over its width.
        voi: which values of interest were shown: "window LINEAR", "VOI LUT", "full range", ...
        warnings: contradictions in the file and how they were settled.
    """

    values: torch.Tensor
    patient_orientation: tuple[str, str] | None
    pixel_aspect: float
    voi: str
    warnings: tuple[str, ...]


def read_image(path: Path) -> SourceImage:
    """Read one single-frame gray image.

    Raises:
        ImageError: if the file is missing, damaged, or not a single gray image; the message says what would be right.
    """
    try:
        with path.open("rb") as file:
            is_png = file.read(len(PNG_SIGNATURE)) == PNG_SIGNATURE
    except OSError as error:
        raise ImageError(path, f"cannot be read ({error.strerror}); a DICOM or PNG file was expected") from error
    return _read_png(path) if is_png else _read_dicom(path)


def _read_png(path: Path) -> SourceImage:
    try:
        with Image.open(path) as image:
            mode, pixels = image.mode, np.array(image)
    except (UnidentifiedImageError, *DECODING_ERRORS) as error:
        raise ImageError(path, f"is a damaged PNG file ({error}); a complete one is needed") from error
    if mode == "RGB" and (pixels == pixels[..., :1]).all():
        mode, pixels = "L", pixels[..., 0]
    if mode not in PNG_RANGES:
        raise ImageError(path, f"is a PNG of mode {mode}; gray with 8 or 16 bits is accepted", code="not-gray")
    values = torch.from_numpy(pixels.astype(np.float32) / PNG_RANGES[mode])
    return SourceImage(values, None, 1.0, "full range", ())


def _read_dicom(path: Path) -> SourceImage:
    with parsing(path):
        dataset = pydicom.dcmread(path, force=True)
    if not dataset.preamble and "SOPClassUID" not in dataset:
        raise ImageError(path, "is neither a DICOM nor a PNG file; one of the two is needed", code="not-dicom")
    if "TransferSyntaxUID" not in dataset.file_meta:  # no preamble, so uncompressed (PS3.10 7.1)
        implicit, little_endian = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    _check_single_gray(dataset, path=path)
    try:
        stored = _stored_values(dataset)
        gray = grayscale(dataset, path=path)
    except DECODING_ERRORS as error:
        syntax = dataset.file_meta.TransferSyntaxUID.name
        raise ImageError(
            path, f"its pixel data ({syntax}) cannot be decoded ({error}); a complete file is needed"
        ) from error
    highest = gray.lowest + len(gray.table) - 1
    if stored.min() < gray.lowest or stored.max() > highest:
        raise ImageError(
            path,
            f"its pixels reach from {stored.min()} to {stored.max()}, but BitsStored (0028,0101) {dataset.BitsStored} "
            f"allows {gray.lowest} to {highest}",
            code="bits",
        )
    values = torch.from_numpy(gray.table[stored - gray.lowest])
    return SourceImage(values, _patient_orientation(dataset), _pixel_aspect(dataset), gray.voi, gray.warnings)


def _check_single_gray(dataset: Dataset, *, path: Path) -> None:
    needed = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData")
    for keyword in needed:
        if keyword not in dataset:
            raise ImageError(
                path, f"{keyword} is missing; the file may be truncated, or hold no image", code="no-image"
            )
    photometric = dataset.get("PhotometricInterpretation")
    if photometric not in POLARITY_SHAPES or dataset.get("SamplesPerPixel", 1) != 1:
        raise ImageError(
            path,
            f"PhotometricInterpretation (0028,0004) is {photometric!r}; {' or '.join(POLARITY_SHAPES)} is accepted",
            code="not-gray",
        )
    if int(dataset.get("NumberOfFrames") or 1) != 1:
        raise ImageError(
            path, f"NumberOfFrames (0028,0008) is {dataset.NumberOfFrames}; a single frame is accepted", code="frames"
        )


def _stored_values(dataset: Dataset) -> NDArray[np.int64]:
    """(H, W) stored values, integers: BitsStored bits up to HighBit, whatever lies in the others (PS3.5 8.1.1).

    pydicom takes HighBit for BitsStored - 1 and lets overlay bits through, so where the codec keeps whole words they
    are read as such and cut out here. JPEG codecs carry BitsStored bits and nothing else.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated and syntax != RLELossless:
        return pixel_array(dataset).astype(np.int64)
    bits, high, signed = int(dataset.BitsStored), int(dataset.HighBit), bool(dataset.PixelRepresentation)
    words = pixel_array(dataset, bits_stored=int(dataset.BitsAllocated), pixel_representation=0)
    stored = (words.astype(np.int64) >> (high - bits + 1)) & ((1 << bits) - 1)
    return np.where(stored >> (bits - 1), stored - (1 << bits), stored) if signed else stored


def _patient_orientation(dataset: Dataset) -> tuple[str, str] | None:
    value = dataset.get("PatientOrientation")
    return (
        (str(value[0]), str(value[1])) if isinstance(value, pydicom.multival.MultiValue) and len(value) == 2 else None
    )


def _pixel_aspect(dataset: Dataset) -> float:
    """Row spacing over column spacing; where none is given, PixelAspectRatio (PS3.3 C.7.6.3.1.7)."""
    for keyword in ("ImagerPixelSpacing", "PixelSpacing", "PixelAspectRatio"):
        value = dataset.get(keyword)
        if (
            isinstance(value, pydicom.multival.MultiValue)
            and len(value) == 2
            and all(float(side) > 0 for side in value)
        ):
            return float(value[0]) / float(value[1])
    return 1.0
