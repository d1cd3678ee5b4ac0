"""One image file, DICOM, PNG, PGM or TIFF -> presentation values, at full depth and in the file's own orientation."""

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

PICTURES = {b"\x89PNG\r\n\x1a\n": "PNG", b"P5": "PGM", b"II*\0": "TIFF", b"MM\0*": "TIFF"}  # how a file begins
# Pillow's names of gray modes -> white; I is what it makes of a PGM with more than 8 bits.
WHITES = {"1": 1, "L": 255, "I;16": 65535, "I;16B": 65535, "I": 65535}
TIFF_PHOTOMETRIC, BLACK_IS_ZERO = 262, 1
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
    kind = picture_format(path)
    return _read_picture(path, kind) if kind else _read_dicom(path)


def picture_format(path: Path) -> str | None:
    """PNG, PGM or TIFF by the file's first bytes; None for anything else, DICOM with whatever preamble (PS3.10 7.1).

    Raises:
        ImageError: if the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except OSError as error:
        raise ImageError(path, f"cannot be read ({error.strerror}); a DICOM or PNG file was expected") from error
    if start[128:] == b"DICM":
        return None
    return next((kind for signature, kind in PICTURES.items() if start.startswith(signature)), None)


def _read_picture(path: Path, kind: str) -> SourceImage:
    try:
        with Image.open(path) as image:
            mode, pixels = image.mode, np.array(image)
            frames, tags = getattr(image, "n_frames", 1), getattr(image, "tag_v2", {})
    except (UnidentifiedImageError, *DECODING_ERRORS) as error:
        raise ImageError(path, f"is a damaged {kind} file ({error}); a complete one is needed") from error
    if frames != 1:
        raise ImageError(path, f"is a {kind} of {frames} images; a single one is accepted", code="frames")
    if mode == "RGB" and (pixels == pixels[..., :1]).all():
        mode, pixels = "L", pixels[..., 0]
    if mode not in WHITES or (mode == "I" and kind != "PGM"):
        raise ImageError(path, f"is a {kind} of mode {mode}; gray with 8 or 16 bits is accepted", code="not-gray")
    if tags.get(TIFF_PHOTOMETRIC, BLACK_IS_ZERO) == 0:
        raise ImageError(
            path, "is a TIFF whose 0 is white (PhotometricInterpretation 0); 1 is accepted", code="inverted"
        )
    values = torch.from_numpy(pixels.astype(np.float32) / WHITES[mode])
    return SourceImage(values, None, 1.0, "full range", ())


def _read_dicom(path: Path) -> SourceImage:
    with parsing(path):
        dataset = pydicom.dcmread(path, force=True)
    if not dataset.preamble and "SOPClassUID" not in dataset:
        raise ImageError(
            path, "is neither a DICOM nor a PNG file, nor PGM or TIFF; one of these is needed", code="not-dicom"
        )
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
