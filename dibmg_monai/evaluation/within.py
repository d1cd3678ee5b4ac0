"""AUC within groups: free of what tells the groups apart, such as the hospital or the digitizer of a film."""

from collections.abc import Sequence

from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.statistics import Estimate, auc, mean_of
from dibmg_monai.evaluation.tables import Table
from dibmg_monai.exams.characteristics import UNKNOWN

SMALLEST_CLASS = 10  # exams of either label that a group needs for an AUC


def auc_within_table(cases: Sequence[Case], *, columns: Sequence[str]) -> Table:
    """The AUC of the exams that agree in all of the columns, and the plain mean over such groups."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        values = [case.column(column) for column in columns]
        groups.setdefault(" ".join(UNKNOWN if value is None else str(value) for value in values), []).append(case)
    rows: list[tuple[str, int, int, Estimate]] = []
    left_out = 0
    for name, members in sorted(groups.items()):
        cancers = int(labels_of(members).sum())
        if min(cancers, len(members) - cancers) < SMALLEST_CLASS:
            left_out += len(members)
        else:
            rows.append((name, cancers, len(members) - cancers, auc(scores_of(members), labels_of(members))))
    mean = ("mean", sum(row[1] for row in rows), sum(row[2] for row in rows), mean_of([row[3] for row in rows]))
    small = f"{left_out} exams are in groups with fewer than {SMALLEST_CLASS} exams of a class, which have no AUC."
    return Table(
        "auc_within",
        f"AUC within {', '.join(columns)}",
        ("group", "cancers", "non-cancers", "AUC"),
        (*rows, mean),
        ("DeLong's intervals. The mean is the plain one.", *((small,) if left_out else ())),
    )
