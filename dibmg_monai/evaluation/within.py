"""AUC within groups: free of what tells the groups apart, such as the hospital or the digitizer of a film."""

from collections.abc import Sequence

from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.statistics import Estimate, auc, mean_of
from dibmg_monai.evaluation.tables import Table
from dibmg_monai.exams.characteristics import UNKNOWN

SMALLEST_CLASS = 10  # exams of either label that a group needs for an AUC


def auc_within(cases: Sequence[Case], *, columns: Sequence[str]) -> dict[str, Estimate]:
    """The AUC of the exams that agree in all of the columns, for each such group that is large enough."""
    groups = _large_groups(cases, columns=columns)
    return {name: auc(scores_of(members), labels_of(members)) for name, members in groups.items()}


def auc_within_table(cases: Sequence[Case], *, columns: Sequence[str]) -> Table:
    """The same as a table, with the plain mean."""
    groups = _large_groups(cases, columns=columns)
    counts = {name: int(labels_of(members).sum()) for name, members in groups.items()}
    rows = [
        (name, counts[name], len(groups[name]) - counts[name], area)
        for name, area in auc_within(cases, columns=columns).items()
    ]
    mean = ("mean", sum(row[1] for row in rows), sum(row[2] for row in rows), mean_of([row[3] for row in rows]))
    left_out = len(cases) - sum(map(len, groups.values()))
    small = f"{left_out} exams are in groups with fewer than {SMALLEST_CLASS} exams of a class, which have no AUC."
    return Table(
        "auc_within",
        f"AUC within {', '.join(columns)}",
        ("group", "cancers", "non-cancers", "AUC"),
        (*rows, mean),
        ("DeLong's intervals. The mean is the plain one.", *((small,) if left_out else ())),
    )


def _large_groups(cases: Sequence[Case], *, columns: Sequence[str]) -> dict[str, list[Case]]:
    groups: dict[str, list[Case]] = {}
    for case in cases:
        values = [case.column(column) for column in columns]
        groups.setdefault(" ".join(UNKNOWN if value is None else str(value) for value in values), []).append(case)
    return {name: members for name, members in sorted(groups.items()) if _is_large(members)}


def _is_large(members: Sequence[Case]) -> bool:
    cancers = int(labels_of(members).sum())
    return min(cancers, len(members) - cancers) >= SMALLEST_CLASS
