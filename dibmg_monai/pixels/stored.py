"""The pixels of a DICOM file as integers: each syntax by one decoder, each pixel by the bits that are stored in it.

pydicom tries whatever plug-ins are installed, one after the other, and takes BitsStored and HighBit at their word.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom.uid as uids
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder, pixel_array

from dibmg_monai.errors import ImageError
from dibmg_monai.pixels.codestream import Codestream, parse_codestream
from dibmg_monai.process_wide import silent

NATIVE = (
    uids.ImplicitVRLittleEndian,
    uids.ExplicitVRLittleEndian,
    uids.DeflatedExplicitVRLittleEndian,
    uids.ExplicitVRBigEndian,
)
# PS3.5 A.4 -> pydicom's plug-in, all of them under permissive licenses. pydicom's bridge to GDCM takes no 12 bits in
# JPEG Extended; GDCM itself does, and looks at the codestream alone.
DECODERS = {
    uids.JPEGBaseline8Bit: "gdcm",
    uids.JPEGExtended12Bit: "gdcm",
    uids.JPEGLossless: "gdcm",
    uids.JPEGLosslessSV1: "gdcm",
    uids.JPEGLSLossless: "pyjpegls",
    uids.JPEGLSNearLossless: "pyjpegls",
    uids.JPEG2000Lossless: "pylibjpeg",
    uids.JPEG2000: "pylibjpeg",
    uids.HTJ2KLossless: "pylibjpeg",
    uids.HTJ2KLosslessRPCL: "pylibjpeg",
    uids.HTJ2K: "pylibjpeg",
    uids.RLELossless: "pylibjpeg",
}
DECODED_AS = {uids.JPEGExtended12Bit: uids.JPEGLossless}
# What pydicom and its plug-ins raise on pixel data that is damaged or missing.
DECODING_ERRORS = (
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
STRIP_ROWS = 64  # looked at in one go


@dataclass(frozen=True)
class StoredImage:
    """Pixels as stored: the words as they were decoded, and a table of what each means.

    So signs, shifts and bits that are none of the image cost 65,536 steps, not one for every pixel.

    Attributes:
        words: (H, W) uint8 or uint16.
        meanings: (256 or 65,536,) int32, the value of every word.
        bits: of each pixel, the sign included.
        signed: two's complement, or not.
        warnings: contradictions between attributes and pixels, and how they were settled.
    """

    words: NDArray[np.unsignedinteger]
    meanings: NDArray[np.int32]
    bits: int
    signed: bool
    warnings: tuple[str, ...] = ()

    @property
    def range(self) -> NDArray[np.int64]:
        """All values that a pixel can have, in order."""
        lowest = -(1 << (self.bits - 1)) if self.signed else 0
        return np.arange(lowest, lowest + (1 << self.bits))

    @property
    def values(self) -> NDArray[np.int32]:
        """(H, W), made anew each time."""
        return self.meanings[self.words]

    def counts(self) -> NDArray[np.int64]:
        """How many pixels have each word."""
        counts = np.zeros(len(self.meanings), np.int64)
        for strip in self._strips():
            counts += np.bincount(strip.ravel(), minlength=len(counts))
        return counts

    def all_in(self, words: NDArray[np.bool_]) -> bool:
        """Whether every pixel has one of the words marked; where the first strip has others, no more is looked at."""
        return all(words[strip].all() for strip in self._strips())

    def _strips(self) -> Iterator[NDArray[np.unsignedinteger]]:
        return (self.words[first : first + STRIP_ROWS] for first in range(0, len(self.words), STRIP_ROWS))


def stored_image(dataset: Dataset, *, path: Path) -> StoredImage:
    """Decode the one frame of a gray image whose attributes ``reader`` has checked.

    Raises:
        ImageError: if it is compressed in a way that no decoder is chosen for, cannot be decoded, or is contradictory.
    """
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax not in (*NATIVE, *DECODERS):
        accepted = f"{', '.join(uid.name for uid in (*NATIVE, *DECODERS))} are accepted"
        raise ImageError(path, f"TransferSyntaxUID (0002,0010) is {syntax.name}; {accepted}", code="syntax")
    try:
        with silent:
            words, stream = _encapsulated(dataset, path=path) if syntax.is_encapsulated else (_native(dataset), None)
    except DECODING_ERRORS as error:
        reason = f"its pixel data ({syntax.name}) cannot be decoded ({error}); a complete file is needed"
        raise ImageError(path, reason) from error
    return _cut_out(words, dataset, stream, path=path)


def _native(dataset: Dataset) -> NDArray[np.unsignedinteger]:
    """(H, W) whole words."""
    options: dict[str, Any] = {"bits_stored": int(dataset.BitsAllocated), "pixel_representation": 0, "view_only": True}
    return pixel_array(dataset, allow_excess_frames=False, **options)


def _encapsulated(dataset: Dataset, *, path: Path) -> tuple[NDArray[np.unsignedinteger], Codestream | None]:
    """(H, W) words as decoded, without regard to their sign, and what their codestream says; RLE has none."""
    syntax = dataset.file_meta.TransferSyntaxUID
    stream = None
    if syntax != uids.RLELossless:
        stream = parse_codestream(get_frame(dataset.PixelData, 0, number_of_frames=1))
    bits = allocated = int(dataset.BitsAllocated)
    if stream:
        _check_stream(stream, dataset, path=path)
        bits, allocated = stream.bits, 8 if stream.bits <= 8 else 16
    options: dict[str, Any] = {
        "rows": int(dataset.Rows),
        "columns": int(dataset.Columns),
        "samples_per_pixel": 1,
        "number_of_frames": 1,
        "photometric_interpretation": str(dataset.PhotometricInterpretation),
        "bits_allocated": allocated,
        "bits_stored": bits,
        "pixel_representation": 0,
        "pixel_keyword": "PixelData",
    }
    decoder = get_decoder(DECODED_AS.get(syntax, syntax))
    # as_array would copy the frame once more
    frame, _ = decoder.as_buffer(dataset.PixelData, index=0, decoding_plugin=DECODERS[syntax], **options)
    words = np.frombuffer(frame, np.uint8 if allocated == 8 else "<u2")
    return words.reshape(options["rows"], options["columns"]), stream


def _check_stream(stream: Codestream, dataset: Dataset, *, path: Path) -> None:
    """Before memory is taken for it."""
    if (stream.rows, stream.columns) != (dataset.Rows, dataset.Columns):
        raise ImageError(
            path,
            f"its codestream holds {stream.rows} x {stream.columns} pixels, but Rows (0028,0010) is {dataset.Rows} and "
            f"Columns (0028,0011) is {dataset.Columns}; the same are needed",
            code="size",
        )
    if not stream.complete:
        raise ImageError(path, "its codestream breaks off before its end marker; a complete file is needed")
    if stream.bits > 16:
        raise ImageError(path, f"its codestream has {stream.bits} bits a pixel; up to 16 are accepted", code="bits")


def _cut_out(
    words: NDArray[np.unsignedinteger], dataset: Dataset, stream: Codestream | None, *, path: Path
) -> StoredImage:
    """BitsStored bits up to HighBit, whatever lies in the others (PS3.5 8.1.1); of a codestream, at most what it has.

    Bits outside may be overlays or copies of the sign. Anything else makes BitsStored doubtful, in a codestream wrong.
    """
    bits, high, signed = int(dataset.BitsStored), int(dataset.HighBit), bool(dataset.PixelRepresentation)
    found: list[str] = []
    if stream and stream.bits < bits:
        found.append(f"BitsStored (0028,0101) is {bits}, but the codestream has {stream.bits} bits; these were taken")
        bits, high = stream.bits, stream.bits - 1
    every = np.arange(1 << 8 * words.itemsize, dtype=np.int32)
    meanings = (every >> (high - bits + 1)) & ((1 << bits) - 1)
    if signed:
        meanings -= (meanings >> (bits - 1)) << bits
    image = StoredImage(words, meanings, bits, signed)
    used = ((1 << bits) - 1) << (high - bits + 1)
    unused = ((1 << (stream.bits if stream else int(dataset.BitsAllocated))) - 1) & ~used & ~_overlay_bits(dataset)
    odd = every & unused
    if signed:
        odd[(meanings < 0) & (odd == unused >> (high + 1) << (high + 1))] = 0
    if int(np.bitwise_or.reduce(words, axis=None)) & unused and not image.all_in(odd == 0):
        share = f"in {image.counts()[odd != 0].sum() / words.size:.2%} of its pixels, bits are set that BitsStored "
        share += f"(0028,0101) {bits} and HighBit (0028,0102) {high} leave out"
        if stream:
            raise ImageError(path, f"{share}; none is accepted in a codestream", code="bits")
        found.append(f"{share}; they were ignored")
    return replace(image, warnings=tuple(found))


def _overlay_bits(dataset: Dataset) -> int:
    """The bits that overlays have in the pixels (PS3.3 C.9.2, retired there), as a mask."""
    positions = [dataset.get((group, 0x0102)) for group in range(0x6000, 0x6020, 2)]  # OverlayBitPosition
    mask = 0
    for position in positions:
        mask |= 1 << int(position.value or 0) if position else 0
    return mask
