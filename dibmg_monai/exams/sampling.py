"""Which exams a training sees how often."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any


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
