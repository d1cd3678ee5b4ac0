"""Values of interest (PS3.3 C.11.2): which of an image's windows and lookup tables to show, and what comes of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from dibmg_monai.errors import DibmgError
from dibmg_monai.pixels.elements import numbers, texts
from dibmg_monai.pixels.lookup_table import read_lookup_table

POLICIES = ("window", "lut", "auto")
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
GRAYS, ENOUGH = (0.005, 0.995), 0.1  # what "auto" asks of a candidate; see ``doubt``


@dataclass(frozen=True)
class ValuesOfInterest:
    """What is shown.

    Attributes:
        shown: 0 to 1, one for each value that came in.
        words: which window or table it is, for the record.
        warnings: candidates that were passed over, and why.
    """

    shown: NDArray[np.float64]
    words: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Candidate:
    name: str
    words: str
    shown: NDArray[np.float64]
    warnings: tuple[str, ...]


def check_policy(policy: str) -> None:
    """Refuse a policy that is none.

    Raises:
        DibmgError: naming those that there are.
    """
    if policy not in POLICIES:
        raise DibmgError(f"voi is {policy!r}; {', '.join(POLICIES)} are accepted")


def values_of_interest(
    inputs: NDArray[np.float64], header: Dataset, *, policy: str, counts: NDArray[np.int64] | None = None
) -> ValuesOfInterest:
    """Show the first usable candidate in the policy's order; without any, the full range.

    Of several windows or tables the first is the manufacturer's default (PS3.3 C.11.2.1.2). "window" and "auto" begin
    with windows, "lut" with tables. "auto" goes on to the next where ``doubt`` speaks against one, and comes back to
    the first where it speaks against all.

    Args:
        inputs: (N,) all values that can come in, after the modality LUT.
        header: the image's.
        policy: one of ``POLICIES``.
        counts: (N,) how many pixels have each; for "auto".
    """
    kinds = (_tables, _windows) if policy == "lut" else (_windows, _tables)
    warnings: list[str] = []
    doubtful: _Candidate | None = None
    for kind in kinds:
        for candidate in kind(inputs, header, warnings):
            reason = doubt(candidate.shown, counts) if policy == "auto" and counts is not None else ""
            if not reason:
                return ValuesOfInterest(candidate.shown, candidate.words, (*warnings, *candidate.warnings))
            warnings.append(f"{candidate.name} was passed over: {reason}")
            doubtful = doubtful or candidate
    if doubtful:
        warnings.append(f"nothing better is in the header, so {doubtful.name} was shown")
        return ValuesOfInterest(doubtful.shown, doubtful.words, (*warnings, *doubtful.warnings))
    low, high = inputs.min(), inputs.max()
    return ValuesOfInterest((inputs - low) / (high - low or 1.0), f"full range: {low:g} to {high:g}", tuple(warnings))


def doubt(shown: NDArray[np.float64], counts: NDArray[np.int64]) -> str:
    """What speaks against a window or table, in view of the image; empty if nothing does.

    Of the values from the 1st to the 99th percentile of the pixels, a window that is meant for them makes at least a
    tenth gray, not black or white, and spreads them over at least a tenth of the grays. One made for another bit depth,
    or for values before the rescaling, fails one of the two.

    Args:
        shown: (N,) gray in [0, 1] of each stored value, in their order.
        counts: (N,) pixels that have it, padding left out.
    """
    total = counts.sum()
    if total == 0:
        return ""
    low, high = np.searchsorted(counts.cumsum(), [0.01 * total, 0.99 * total])
    used = shown[low : high + 1]
    gray, spread = float(((used > GRAYS[0]) & (used < GRAYS[1])).mean()), float(np.ptp(used))
    if gray < ENOUGH:
        return f"it leaves {gray:.1%} of the image's values between black and white; {ENOUGH:.0%} are expected"
    if spread < ENOUGH:
        return f"it spreads the image's values over {spread:.1%} of the grays; {ENOUGH:.0%} are expected"
    return ""


def window(values: NDArray[np.float64], center: float, width: float, *, function: str) -> NDArray[np.float64]:
    """A window's output, 0 to 1 (PS3.3 C.11.2.1.2.1 and C.11.2.1.3).

    Raises:
        ValueError: for a width or a function that the standard does not allow.
    """
    if function not in FUNCTIONS:
        raise ValueError(f"VOILUTFunction (0028,1056) is {function[:16]!r}; {', '.join(FUNCTIONS)} are defined")
    narrowest = 1.0 if function == "LINEAR" else 0.0
    if width < narrowest or width == 0:
        needed = "at least 1" if narrowest else "more than 0"
        raise ValueError(f"WindowWidth (0028,1051) is {width:g}; {function} needs {needed}")
    if function == "SIGMOID":
        return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - center) / width, -700.0, 700.0)))
    if function == "LINEAR_EXACT":
        return np.clip((values - center) / width + 0.5, 0.0, 1.0)
    if width == 1.0:
        return (values > center - 0.5).astype(np.float64)
    return np.clip((values - (center - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)


def _windows(inputs: NDArray[np.float64], header: Dataset, warnings: list[str]) -> Iterator[_Candidate]:
    """The usable windows; what is wrong with the others goes to ``warnings``."""
    pairs = list(zip_longest(numbers(header, "WindowCenter"), numbers(header, "WindowWidth")))
    function = next(iter(texts(header, "VOILUTFunction")), "").upper() or "LINEAR"
    explanations = texts(header, "WindowCenterWidthExplanation")
    for number, (center, width) in enumerate(pairs, start=1):
        name = f"window {number} of {len(pairs)}{_explained(explanations, number)}"
        try:
            if center is None or width is None:
                keyword = "WindowCenter (0028,1050)" if center is None else "WindowWidth (0028,1051)"
                raise ValueError(f"its {keyword} is missing or no number")
            shown = window(inputs, center, width, function=function)
        except ValueError as error:
            warnings.append(f"{name} was passed over: {error}")
            continue
        yield _Candidate(name, f"{name}: center {center:g}, width {width:g}, {function}", shown, ())


def _tables(inputs: NDArray[np.float64], header: Dataset, warnings: list[str]) -> Iterator[_Candidate]:
    """The usable lookup tables; what is wrong with the others goes to ``warnings``."""
    items = header.get("VOILUTSequence") or ()
    for number, item in enumerate(items, start=1):
        name = f"VOI LUT {number} of {len(items)}{_explained(texts(item, 'LUTExplanation'), 1)}"
        try:
            table = read_lookup_table(item, inputs=inputs)
        except ValueError as error:
            warnings.append(f"{name} was passed over: {error}")
            continue
        words = f"{name}: {len(table.entries)} entries from {table.first}, {table.bits} bits"
        found = tuple(f"{name}: {warning}" for warning in table.warnings)
        yield _Candidate(name, words, np.clip(table(inputs) / ((1 << table.bits) - 1), 0.0, 1.0), found)


def _explained(explanations: tuple[str, ...], number: int) -> str:
    """A manufacturer's word for a window or table, in one line."""
    text = " ".join(explanations[number - 1].split())[:32] if number <= len(explanations) else ""
    return f", {text}" if text else ""
