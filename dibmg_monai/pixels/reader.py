"""One image file, DICOM, PNG, PGM or TIFF -> presentation values, at full depth and in the file's own orientation."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import torch
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dibmg_monai.errors import ImageError
from dibmg_monai.exams.dicom_file import parsing
from dibmg_monai.exams.image_file import SPACINGS, check_size, open_picture, picture_format
from dibmg_monai.pixels.elements import numbers, texts
from dibmg_monai.pixels.grayscale import POLARITY_SHAPES, grayscale
from dibmg_monai.pixels.resampling import EVERY, Grid, resample
from dibmg_monai.pixels.stored import stored_image
from dibmg_monai.pixels.voi import check_policy

# Pillow's names of gray modes -> white; I is what it makes of a PGM with more than 8 bits.
WHITES = {"1": 1, "L": 255, "I;16": 65535, "I;16B": 65535, "I": 65535}
TIFF_PHOTOMETRIC, BLACK_IS_ZERO = 262, 1


@dataclass(frozen=True)
class SourceImage:
    """An image as a workstation would show it, in stored orientation.

    Attributes:
        words: (H, W) uint8 or uint16, the pixels as decoded.
        grays: float32 in [0, 1], 0 black: what to show for each word that there can be.
        patient_orientation: PatientOrientation (0020,0020), directions of rows and of columns; None if not given.
        pixel_aspect: height of a pixel over its width.
        voi: which values of interest were shown: "window 1 of 2, NORMAL: center 2048, width 4096, LINEAR",
            "VOI LUT 1 of 1: 4096 entries from 0, 12 bits", or "full range: 0 to 4095".
        warnings: contradictions in the file and how they were settled.
    """

    words: NDArray[np.unsignedinteger]
    grays: NDArray[np.float32]
    patient_orientation: tuple[str, str] | None
    pixel_aspect: float
    voi: str
    warnings: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.words.shape[0], self.words.shape[1]

    @property
    def values(self) -> torch.Tensor:
        """(H, W) float32 in [0, 1], made anew each time; what can do with smaller copies asks for ``resampled``."""
        return self.rows(0, self.shape[0])

    def resampled(self, *grids: Grid) -> list[torch.Tensor]:
        """(rows, columns) float32 for each grid."""
        return resample(self.rows, self.shape, *grids)

    def rows(self, first: int, stop: int, columns: slice = EVERY) -> torch.Tensor:
        """(stop - first, columns) float32 in [0, 1], some rows, or a part of them."""
        # every word is in the table, and "clip" spares a look whether it is
        return torch.from_numpy(np.take(self.grays, self.words[first:stop, columns], mode="clip"))


def read_image(path: Path, *, voi: str = "window") -> SourceImage:
    """Read one single-frame gray image.

    Args:
        path: the file.
        voi: of a DICOM file's values of interest, which to show: "window" the first window or, without any, the first
            VOI LUT; "lut" the other way round; "auto" the first of both that ``voi.doubt`` has nothing against.

    Raises:
        DibmgError: if there is no such policy.
        ImageError: if the file is missing, damaged, or not a single gray image; the message says what would be right.
    """
    check_policy(voi)
    kind = picture_format(path)
    return _read_picture(path, kind) if kind else _read_dicom(path, voi=voi)


def _read_picture(path: Path, kind: str) -> SourceImage:
    with open_picture(path, kind) as image:
        mode, pixels = image.mode, np.array(image)
        frames, tags = getattr(image, "n_frames", 1), getattr(image, "tag_v2", {})
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
    words: NDArray[np.unsignedinteger] = pixels.astype(np.uint8 if pixels.itemsize == 1 else np.uint16)
    grays = np.arange(1 << 8 * words.itemsize, dtype=np.float32) / np.float32(WHITES[mode])
    return SourceImage(words, grays, None, 1.0, f"full range: 0 to {WHITES[mode]}", ())


def _read_dicom(path: Path, *, voi: str) -> SourceImage:
    with parsing(path):
        dataset = pydicom.dcmread(path, force=True)
        if not dataset.preamble and "SOPClassUID" not in dataset:
            reason = "is neither a DICOM nor a PNG file, nor PGM or TIFF; one of these is needed"
            raise ImageError(path, reason, code="not-dicom")
        if "TransferSyntaxUID" not in dataset.file_meta:  # no preamble, so uncompressed (PS3.10 7.1)
            implicit, little_endian = dataset.original_encoding
            explicit = ExplicitVRLittleEndian if little_endian else ExplicitVRBigEndian
            dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
        _check_single_gray(dataset, path=path)
        _check_bits(dataset, path=path)
        check_size(path, rows=int(dataset.Rows), columns=int(dataset.Columns))
        stored = stored_image(dataset, path=path)
        gray = grayscale(dataset, stored, voi=voi)
        aspect, odd_spacings = _pixel_aspect(dataset)
    grays = gray.show(stored.meanings)
    warnings = (*gray.warnings, *odd_spacings)
    corner = grays[stored.words[0, 0]]
    if stored.all_in(grays == corner):
        warnings += (f"every pixel comes out equally gray ({corner:.2f}): there is nothing to see",)
    return SourceImage(stored.words, grays, _patient_orientation(dataset), aspect, gray.voi, warnings)


def _check_single_gray(dataset: Dataset, *, path: Path) -> None:
    needed = ("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelData")
    for keyword in needed:
        if dataset.get(keyword) is None or (keyword in ("Rows", "Columns") and dataset[keyword].value == 0):
            reason = f"{keyword} is missing; the file may be truncated, or hold no image"
            raise ImageError(path, reason, code="no-image")
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


def _check_bits(dataset: Dataset, *, path: Path) -> None:
    """PS3.5 8.1.1: BitsStored bits, the highest of them HighBit, within BitsAllocated; PS3.3 C.8.11.3 has 8 or 16."""
    allocated, bits, high = (int(dataset[keyword].value) for keyword in ("BitsAllocated", "BitsStored", "HighBit"))
    if allocated not in (8, 16):
        raise ImageError(path, f"BitsAllocated (0028,0100) is {allocated}; 8 or 16 is accepted", code="bits")
    if not 1 <= bits <= allocated:
        found = f"BitsStored (0028,0101) is {bits}"
        raise ImageError(path, f"{found}; 1 to BitsAllocated (0028,0100) {allocated} is accepted", code="bits")
    if not bits - 1 <= high < allocated:
        found = f"HighBit (0028,0102) is {high}, with BitsStored (0028,0101) {bits}"
        raise ImageError(path, f"{found}; {bits - 1} to {allocated - 1} is accepted", code="bits")
    if dataset.PixelRepresentation not in (0, 1):
        found = f"PixelRepresentation (0028,0103) is {dataset.PixelRepresentation}"
        raise ImageError(path, f"{found}; 0, unsigned, or 1, signed, is accepted", code="bits")


def _patient_orientation(dataset: Dataset) -> tuple[str, str] | None:
    value = texts(dataset, "PatientOrientation")
    return (value[0].upper(), value[1].upper()) if len(value) == 2 else None


def _pixel_aspect(dataset: Dataset) -> tuple[float, tuple[str, ...]]:
    """Row spacing over column spacing; where none is given, PixelAspectRatio (PS3.3 C.7.6.3.1.7); what is wrong."""
    warnings: tuple[str, ...] = ()
    for keyword in (*SPACINGS, "PixelAspectRatio"):
        sides = numbers(dataset, keyword)
        if len(sides) == 2 and sides[0] and sides[1] and min(sides[0], sides[1]) > 0:
            return sides[0] / sides[1], warnings
        if sides:
            warnings += (f"{keyword} is not two numbers above 0; it was ignored",)
    return 1.0, warnings
