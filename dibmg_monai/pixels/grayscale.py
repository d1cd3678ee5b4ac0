"""Stored DICOM values -> presentation values, as a table: one entry for each value that a pixel can have.

The steps are those of PS3.4 N.2: modality LUT, VOI LUT or window, polarity; then padding is blackened. Working on the
table (at most 65,536 entries) instead of the image makes every step exact, cheap and free of 8-bit roundings.
The output range is the theoretical one, never the image's own minimum and maximum.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from dibmg_monai.pixels.elements import number, numbers, texts
from dibmg_monai.pixels.lookup_table import read_lookup_table
from dibmg_monai.pixels.stored import StoredImage
from dibmg_monai.pixels.voi import values_of_interest

POLARITY_SHAPES = {"MONOCHROME1": "INVERSE", "MONOCHROME2": "IDENTITY"}  # PS3.3 C.8.11.7.1.8
BORDER = 0.02  # where the border is looked at, as a share of a side: behind the edges that scanners leave
WHITE, BLACK = 2 / 3, 1 / 3  # a border lighter or darker than this tells the polarity


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

    def show(self, stored: NDArray[np.int32]) -> NDArray[np.float32]:
        """The gray of stored values, any shape."""
        return self.table[stored - self.lowest]


def grayscale(header: Dataset, image: StoredImage, *, voi: str = "window") -> Grayscale:
    """The table of a single-frame MONOCHROME image.

    Args:
        header: its attributes.
        image: its pixels.
        voi: which values of interest to show, one of ``voi.POLICIES``.
    """
    stored, warnings = image.range, list(image.warnings)
    lowest = int(stored[0])
    modality = _modality(stored, header, warnings)
    padding = _padding(image, header, warnings)
    counts = None
    if voi == "auto":
        counts = np.zeros(len(stored), np.int64)
        np.add.at(counts, image.meanings - lowest, image.counts())
        counts *= ~padding
    chosen = values_of_interest(modality, header, policy=voi, counts=counts)
    shown = chosen.shown
    if _is_inverse(header, _border_gray(image, shown, padding), warnings):
        shown = 1.0 - shown
    shown[padding] = 0.0
    return Grayscale(shown.astype(np.float32), lowest, chosen.words, (*warnings, *chosen.warnings))


def _modality(stored: NDArray[np.int64], header: Dataset, warnings: list[str]) -> NDArray[np.float64]:
    """ModalityLUTSequence or, without it, RescaleSlope and RescaleIntercept (PS3.3 C.11.1)."""
    inputs = stored.astype(np.float64)
    for item in header.get("ModalityLUTSequence") or ():
        try:
            table = read_lookup_table(item, inputs=inputs)
        except ValueError as error:
            warnings.append(f"ModalityLUTSequence (0028,3000) was passed over: {error}")
            break
        warnings += [f"modality LUT: {warning}" for warning in table.warnings]
        return table(inputs)
    slope, intercept = number(header, "RescaleSlope"), number(header, "RescaleIntercept")
    if slope == 0 or (slope is None and texts(header, "RescaleSlope")):
        found = f"RescaleSlope (0028,1053) is {'0' if slope == 0 else 'no number'}"
        warnings.append(f"{found}; neither it nor RescaleIntercept (0028,1052) was applied")
        return inputs
    if intercept is None and texts(header, "RescaleIntercept"):
        warnings.append("RescaleIntercept (0028,1052) is no number; 0 was taken")
    return inputs * (1.0 if slope is None else slope) + (intercept or 0.0)


def _padding(image: StoredImage, header: Dataset, warnings: list[str]) -> NDArray[np.bool_]:
    """Which stored values are padding: PixelPaddingValue, or the range up to its limit (PS3.3 C.7.5.1.1.2)."""
    stored, ends = image.range, []
    for keyword, tag in (("PixelPaddingValue", "(0028,0120)"), ("PixelPaddingRangeLimit", "(0028,0121)")):
        for value in numbers(header, keyword)[:1]:
            as_stored = _as_stored(value, image)
            if as_stored is None:
                found = "no number" if value is None else f"{value:g}"
                warnings.append(
                    f"{keyword} {tag} is {found}, but pixels are {stored[0]} to {stored[-1]}; it was ignored"
                )
            else:
                ends.append(as_stored)
        if not ends:
            return np.zeros(stored.shape, dtype=bool)
    padding = (stored >= min(ends)) & (stored <= max(ends))
    if image.all_in(padding[image.meanings - stored[0]]):
        warnings.append("by PixelPaddingValue (0028,0120) and its range limit, every pixel is padding; it was ignored")
        return np.zeros(stored.shape, dtype=bool)
    return padding


def _as_stored(value: float | None, image: StoredImage) -> int | None:
    """A value whose VR, US or SS, and whose width may not be that of the pixels; None if it fits in no reading."""
    if value is None:
        return None
    stored, told = image.range, int(value)
    readings = [told, told - (1 << 16), told + (1 << 16)]
    if image.signed and told >= 0:
        readings.append(told - (1 << image.bits))
    return next((reading for reading in readings if stored[0] <= reading <= stored[-1]), None)


def _border_gray(image: StoredImage, shown: NDArray[np.float64], padding: NDArray[np.bool_]) -> float | None:
    """The median gray along the border, padding left out; None if it is all padding. Air is on three of its sides."""
    rows, columns = image.words.shape
    row, column = int(rows * BORDER), int(columns * BORDER)
    inner = image.words[row : rows - row, column : columns - column]
    border = image.meanings[np.concatenate([inner[0], inner[-1], inner[:, 0], inner[:, -1]])] - image.range[0]
    seen = border[~padding[border]]
    return float(np.median(shown[seen])) if seen.size else None


def _is_inverse(header: Dataset, border: float | None, warnings: list[str]) -> bool:
    """PhotometricInterpretation decides, unless PresentationLUTShape contradicts it and the border takes its side.

    The air around a breast is black on display. A header that agrees with itself is followed, whatever the border.
    """
    photometric = str(header.PhotometricInterpretation)
    inverse = photometric == "MONOCHROME1"
    shape, expected = next(iter(texts(header, "PresentationLUTShape")), ""), POLARITY_SHAPES[photometric]
    air = None if border is None else 1.0 - border if inverse else border
    tells = "unclear" if air is None or BLACK <= air <= WHITE else "white" if air > WHITE else "black"
    if shape.upper() not in ("", expected):
        found = (
            f"PresentationLUTShape (2050,0020) is {shape[:16]!r}, but PhotometricInterpretation (0028,0004) "
            f"{photometric} requires {expected}; by the latter the border is {tells}, so "
        )
        overruled = tells == "white" and shape.upper() in POLARITY_SHAPES.values()
        warnings.append(
            found + ("PresentationLUTShape" if overruled else "PhotometricInterpretation") + " was followed"
        )
        return inverse != overruled
    if tells == "white":
        told = f"by PhotometricInterpretation (0028,0004) {photometric} the border of the image is white"
        warnings.append(f"{told}; air should be black, so the polarity may be wrong")
    return inverse
