"""Stored DICOM values -> presentation values, as a table: one entry for each value that a pixel can have.

The steps are those of PS3.4 N.2: modality LUT, VOI LUT or window, polarity; then padding is blackened. Working on the
table (at most 65,536 entries) instead of the image makes every step exact, cheap and free of 8-bit roundings.
The output range is the theoretical one, never the image's own minimum and maximum.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.multival import MultiValue
from pydicom.pixels import apply_modality_lut, apply_voi

from dibmg_monai.errors import ImageError

POLARITY_SHAPES = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}  # PS3.3 C.8.11.7.1.8


@dataclass(frozen=True)
class Grayscale:
    """How stored values become gray.

    Attributes:
        table: presentation values 0 (black) to 1 (white), float32, one per possible stored value.
        lowest: the stored value of the first entry; negative for signed pixels.
        voi: which values of interest were shown, in words, for the record.
        warnings: contradictions in the header and how they were settled.
    """

    table: NDArray[np.float32]
    lowest: int
    voi: str
    warnings: tuple[str, ...]


def grayscale(header: Dataset, *, path: Path) -> Grayscale:
    """The table of a single-frame MONOCHROME image.

    Raises:
        ImageError: if a needed attribute is missing or has a value that no rule covers.
    """
    bits, signed = int(header.BitsStored), bool(header.PixelRepresentation)
    lowest = -(1 << (bits - 1)) if signed else 0
    stored = np.arange(lowest, lowest + (1 << bits))
    modality = apply_modality_lut(stored, header).astype(np.float64)
    shown, voi = _values_of_interest(modality, header, path=path)
    warnings = _polarity_warnings(header)
    if header.PhotometricInterpretation == "MONOCHROME1":
        shown = 1.0 - shown
    shown[_padding(stored, header)] = 0.0
    return Grayscale(shown.astype(np.float32), lowest, voi, warnings)


def _values_of_interest(modality: NDArray[np.float64], header: Dataset, *, path: Path) -> tuple[NDArray, str]:
    """Window first, as in the paper (Kim 2018, Training Set-up); without one the VOI LUT; without both the full range.

    Of several windows or LUTs the first is the manufacturer's default (PS3.3 C.11.2.1.2).
    """
    center, width = _first(header, "WindowCenter"), _first(header, "WindowWidth")
    if center is not None and width is not None:
        function = header.get("VOILUTFunction") or "LINEAR"
        return window(modality, center, width, function=function, path=path), f"window {function}"
    if header.get("VOILUTSequence"):
        item = header.VOILUTSequence[0]
        shown = apply_voi(modality.round().astype(np.int64), header).astype(np.float64)
        return np.clip(shown / ((1 << int(item.LUTDescriptor[2])) - 1), 0.0, 1.0), "VOI LUT"
    return (modality - modality.min()) / (np.ptp(modality) or 1.0), "full range"


def window(values: NDArray[np.float64], center: float, width: float, *, function: str, path: Path) -> NDArray:
    """A window's output, 0 to 1 (PS3.3 C.11.2.1.2.1 and C.11.2.1.3).

    Raises:
        ImageError: for a width or a function that the standard does not allow.
    """
    if function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        raise ImageError(
            path,
            f"VOILUTFunction (0028,1056) is {function!r}; LINEAR, LINEAR_EXACT and SIGMOID are defined",
            code="window",
        )
    narrowest = 1.0 if function == "LINEAR" else 0.0
    if width < narrowest or (width == 0 and function != "LINEAR"):
        raise ImageError(
            path,
            f"WindowWidth (0028,1051) is {width:g}; {function} needs {'at least 1' if narrowest else 'more than 0'}",
            code="window",
        )
    if function == "SIGMOID":
        return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - center) / width, -700.0, 700.0)))
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0.0, 1.0)
    if width == 1.0:
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)


def _first(header: Dataset, keyword: str) -> float | None:
    value = header.get(keyword)
    if isinstance(value, MultiValue):
        value = value[0] if len(value) else None
    return None if value in (None, "") else float(value)


def _padding(stored: NDArray[np.int64], header: Dataset) -> NDArray[np.bool_]:
    """Which stored values are padding: PixelPaddingValue, or the range up to its limit (PS3.3 C.7.5.1.1.2)."""
    value = header.get("PixelPaddingValue")
    if value in (None, ""):
        return np.zeros(stored.shape, dtype=bool)
    limit = header.get("PixelPaddingRangeLimit")
    low, high = sorted((int(value), int(value if limit in (None, "") else limit)))
    return (stored >= low) & (stored <= high)


def _polarity_warnings(header: Dataset) -> tuple[str, ...]:
    """PhotometricInterpretation decides; a PresentationLUTShape that says otherwise is reported."""
    found, expected = header.get("PresentationLUTShape"), POLARITY_SHAPES[header.PhotometricInterpretation]
    if not found or found == expected:
        return ()
    return (
        f"PresentationLUTShape (2050,0020) is {found!r}, but PhotometricInterpretation (0028,0004) "
        f"{header.PhotometricInterpretation} requires {expected}; PhotometricInterpretation was followed",
    )
