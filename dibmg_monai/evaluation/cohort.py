"""Who is in a datalist, part by part: Tables 1 and 2 of the paper."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dibmg_monai.evaluation.statistics import chi_square
from dibmg_monai.evaluation.tables import Cell, Table
from dibmg_monai.exams.characteristics import (
    CANCER,
    CHARACTERISTICS,
    NORMAL,
    UNKNOWN,
    Characteristic,
    characteristics_of,
)
from dibmg_monai.exams.datalist import PARTS

Parts = Mapping[str, Sequence[Mapping[str, Any]]]


def cohort_tables(datalist: Parts, *, columns: Sequence[str] = ()) -> tuple[Table, Table]:
    """The paper's Table 1 (cancers) and Table 2 (normals) of a datalist.

    Args:
        datalist: part -> entries. Exams without a label are not counted.
        columns: to show beside the paper's, as they stand in the datalist.

    Returns:
        The exams of each part; then, for each characteristic that the datalist knows, its levels with counts, per cent
        and the p-value of a chi-square test between the parts.
    """
    shown = characteristics_of([*(item.column for item in CHARACTERISTICS), *columns])
    return (
        _table(datalist, shown, label=CANCER, name="table1_cancers", title="Cancers (as Kim 2018, Table 1)"),
        _table(datalist, shown, label=NORMAL, name="table2_normals", title="Normals (as Kim 2018, Table 2)"),
    )


def _table(datalist: Parts, shown: Sequence[Characteristic], *, label: int, name: str, title: str) -> Table:
    parts = {
        part: [entry for entry in datalist[part] if entry.get("label") == label] for part in PARTS if part in datalist
    }
    exams = [entry for entries in parts.values() for entry in entries]
    known = [item for item in shown if label in item.labels and item.is_known(exams)]
    first: tuple[Cell, ...] = ("exams", None, *(cell for entries in parts.values() for cell in (len(entries), None)))
    return Table(
        name,
        title,
        ("characteristic", "level", *(column for part in parts for column in (part, f"{part} %")), "p"),
        ((*first, None), *(row for item in known for row in _rows(parts, item))),
        tuple(_notes({item.column for item in known})),
    )


def _rows(parts: Parts, item: Characteristic) -> Iterator[tuple[Cell, ...]]:
    """A row for each level, unknown last; the p-value is in the first."""
    counts = [Counter(item.level(entry) for entry in entries) for entries in parts.values()]
    levels = sorted({level for counter in counts for level in counter if level is not None})
    known = [level for level in levels if level != UNKNOWN]
    totals = [sum(counter[level] for level in known) for counter in counts]
    p = chi_square([[counter[level] for level in known] for counter in counts])
    for level in known:
        cells: list[Cell] = []
        for counter, total in zip(counts, totals, strict=True):
            cells += [counter[level], 100 * counter[level] / total if total else None]
        yield item.name, level, *cells, None if level != known[0] or math.isnan(p) else p
    if UNKNOWN in levels:
        yield item.name, UNKNOWN, *(cell for counter in counts for cell in (counter[UNKNOWN], None)), None


def _notes(columns: set[str]) -> Iterator[str]:
    yield "p: Pearson's chi-square between the parts, without continuity correction."
    yield "Unknown values count neither in per cent nor in p."
    if "features" in columns:
        yield "An exam can show several features; the paper's table has mass and calcification."
    if "size_mm" in columns:
        yield "Size: of the invasive part; noninvasive cancers are left out."
    if "benign" in columns:
        yield "Normals include benign findings, which the paper leaves out."
