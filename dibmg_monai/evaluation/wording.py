"""Tables as people read them: per cent, intervals and counts in words, p-values as in Kim 2018."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from dibmg_monai.evaluation.statistics import Estimate, Share
from dibmg_monai.evaluation.tables import Cell, Table

SMALLEST_P = 0.0001  # printed, as in Kim 2018
NOTHING = "\N{EN DASH}"  # where there is nothing to estimate from


@dataclass(frozen=True)
class Words:
    """A cell: the figure, its interval, and how many cases it is of; the last two may be empty."""

    figure: str
    interval: str = ""
    counts: str = ""

    def __str__(self) -> str:
        details = ", ".join(filter(None, (self.interval, self.counts)))
        return f"{self.figure} ({details})" if details else self.figure


@dataclass(frozen=True)
class Column:
    """A column in words.

    Attributes:
        head: what it is called; after the figure that it tests, a p-value's is just p.
        is_text: whether it names things; it has figures else.
        cells: one a row.
    """

    head: str
    is_text: bool
    cells: tuple[Words, ...]


def worded(table: Table) -> list[Column]:
    """A table in words, without counts that the share beside them says, too."""
    repeated = _repeated(table)
    columns: list[Column] = []
    shown = [(name, index) for index, name in enumerate(table.columns) if index not in repeated]
    for (before, _), (name, index) in zip([("", 0), *shown], shown, strict=False):
        cells = [row[index] for row in table.rows]
        in_words = tuple(words(cell, column=name, percent=name in table.percent) for cell in cells)
        is_text = any(isinstance(cell, str) for cell in cells)
        columns.append(Column("p" if name == f"{before} p" else name, is_text, in_words))
    return columns


def lines(table: Table) -> Iterator[str]:
    """A table as text: title, columns, rows, notes, an empty line."""
    columns = [(column.is_text, [column.head, *map(str, column.cells)]) for column in worded(table)]
    aligned = []
    for is_text, column in columns:
        width = max(map(len, column))
        aligned.append([f"{word:{width}}" if is_text else f"{word:>{width}}" for word in column])
    yield table.title
    yield from ("  ".join(row).rstrip() for row in zip(*aligned, strict=True))
    yield from table.notes
    yield ""


def words(cell: Cell, *, column: str = "", percent: bool = False) -> Words:
    """A cell in words.

    Args:
        cell: of a table.
        column: what it is called: its last word, p or %, says how figures are written.
        percent: whether a figure from 0 to 1 is written in per cent.
    """
    if isinstance(cell, Estimate):
        return _estimate(cell, percent=percent or isinstance(cell, Share))
    if not isinstance(cell, float):
        return Words("" if cell is None else str(cell))
    if math.isnan(cell):
        return Words(NOTHING)
    if f" {column}".endswith(" p"):
        return Words(f"{cell:.4f}" if cell >= SMALLEST_P else f"<{SMALLEST_P:.4f}")
    return Words(f"{cell:.1f}" if column.endswith("%") else _number(cell, percent=percent))


def _estimate(cell: Estimate, *, percent: bool) -> Words:
    if math.isnan(cell.value):
        return Words(NOTHING)
    counts = f"{cell.hits} of {cell.cases}" if isinstance(cell, Share) else f"n = {cell.cases}"
    if math.isnan(cell.low):
        return Words(_number(cell.value, percent=percent), "no interval", counts)
    low, high = (_number(bound, percent=percent) for bound in (cell.low, cell.high))
    return Words(_number(cell.value, percent=percent), f"{low.removesuffix(' %')} to {high}", counts)


def _number(value: float, *, percent: bool) -> str:
    if percent:
        return f"{100 * value:.1f} %"
    return f"{value:.3f}" if abs(value) >= 0.0005 or value == 0 else f"{value:.1g}"


def _repeated(table: Table) -> set[int]:
    """Columns of the hits and cases that the shares right after them say, too."""
    columns = list(zip(*table.rows, strict=True))
    return {
        index - back
        for index in range(2, len(columns))
        if all(
            isinstance(share, Share) and (hits, cases) == (share.hits, share.cases)
            for hits, cases, share in zip(*columns[index - 2 : index + 1], strict=True)
        )
        for back in (1, 2)
    }
