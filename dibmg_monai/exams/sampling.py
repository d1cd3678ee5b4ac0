"""Which exams a training sees how often, and which one of several processes sees."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from dibmg_monai.errors import DatalistError


def share(entries: Sequence[Mapping[str, Any]], *, process: int, processes: int) -> Sequence[Mapping[str, Any]]:
    """The exams of one of several processes: every n-th, so that the last ones need not be filled up with copies.

    Args:
        entries: datalist entries.
        process: which one, from 0.
        processes: how many.

    Raises:
        DatalistError: if there are fewer exams than processes.
    """
    if len(entries) < processes:
        raise DatalistError(f"{len(entries)} exams for {processes} processes; at least one exam for each is needed")
    return entries[process::processes]


def balanced_weights(entries: Sequence[Mapping[str, Any]], *, within: Sequence[str]) -> list[float]:
    """Sampling weights that make both labels equally likely within every group, and leave the groups their size.

    What tells the groups apart, a scanner's look for instance, then tells nothing about the label. A group in which all
    labels are equal can't be balanced and is left out: weight 0.

    Args:
        entries: labelled datalist entries.
        within: the columns that define a group.

    Returns:
        One weight per entry, for ``torch.utils.data.WeightedRandomSampler``.
    """
    groups = [tuple(entry.get(column) for column in within) for entry in entries]
    sizes = Counter(groups)
    counts = Counter((group, entry["label"]) for group, entry in zip(groups, entries, strict=True))
    return [
        sizes[group] / counts[group, entry["label"]] if counts[group, entry["label"]] < sizes[group] else 0.0
        for group, entry in zip(groups, entries, strict=True)
    ]
