"""A lookup table of a DICOM header (PS3.3 C.11.1.1 and C.11.2.1.1), however wrong its descriptor may be."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from dibmg_monai.pixels.elements import numbers

WORD = 1 << 16
FAINT = 4  # a table whose highest entry is below 1/4 of what its bits can hold has other bits than it says


@dataclass(frozen=True)
class LookupTable:
    """What each input becomes.

    Attributes:
        entries: for the inputs first, first + 1, ...; those before and behind get the first and the last entry.
        first: the input of the first entry.
        bits: of the entries; the output range is 0 to 2^bits - 1.
        warnings: where LUTDescriptor is wrong, and what was done.
    """

    entries: NDArray[np.int64]
    first: int
    bits: int
    warnings: tuple[str, ...]

    def __call__(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """The entries of these inputs, any shape."""
        places = np.clip(inputs.round() - self.first, 0, len(self.entries) - 1).astype(np.int64)
        return self.entries[places].astype(np.float64)


def read_lookup_table(item: Dataset, *, inputs: NDArray[np.float64]) -> LookupTable:
    """The table of one item of ModalityLUTSequence or VOILUTSequence.

    Args:
        item: the item.
        inputs: all values that can come in; they tell the sign of the first value mapped.

    Raises:
        ValueError: if there is no table in it; the message says what is wrong.
    """
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3 or any(value is None for value in descriptor):
        raise ValueError(f"LUTDescriptor (0028,3002) has {len(descriptor)} values; three numbers are needed")
    told, first, bits = (int(value or 0) for value in descriptor)
    told = told % WORD or WORD  # 0 says 65536; as a signed number, more than 32767 are negative
    entries = _entries(item, told=told, bits=bits)
    if not entries.size:
        raise ValueError("LUTData (0028,3006) is missing or empty")
    warnings = []
    if entries.size != told:
        used = min(entries.size, told)
        warnings.append(
            f"LUTDescriptor (0028,3002) says {told} entries, LUTData (0028,3006) has {entries.size}; {used} used"
        )
        entries = entries[:told]
    right = _bits(entries, told=bits)
    if right != bits:
        found = f"LUTDescriptor (0028,3002) says {bits} bits, but the highest entry is {entries.max()}"
        warnings.append(f"{found}; {right} bits were taken")
    return LookupTable(entries, _first(first, inputs), right, tuple(warnings))


def _entries(item: Dataset, *, told: int, bits: int) -> NDArray[np.int64]:
    """LUTData as numbers or, if it is OW, as words in the file's byte order; 8 bits may be packed by two."""
    value = item.get("LUTData")
    if isinstance(value, bytes):
        order = ">" if item.original_encoding[1] is False else "<"
        words = np.frombuffer(value[: len(value) // 2 * 2], f"{order}u2").astype(np.int64)
    else:
        words = np.atleast_1d(np.array([] if value is None else value, dtype=np.int64)) % WORD
    if bits <= 8 and words.size == (told + 1) // 2 < told:
        return np.stack([words & 0xFF, words >> 8], axis=-1).ravel()[:told]
    return words


def _first(told: int, inputs: NDArray[np.float64]) -> int:
    """The first value mapped has the sign of the inputs, whatever the VR, US or SS (PS3.3 C.11.2.1.1)."""
    other = told - WORD if told >= WORD // 2 else told + WORD if told < 0 else told
    low, high = inputs.min(), inputs.max()
    return other if not low <= told <= high and low <= other <= high else told


def _bits(entries: NDArray[np.int64], *, told: int) -> int:
    """As told (PS3.3 C.11.2.1.1: 8 to 16), unless entries are higher than that, or all of them far lower."""
    needed = max(8, int(entries.max()).bit_length())
    return needed if not needed <= told <= 16 or (entries.max() + 1) * FAINT <= 1 << told else told
