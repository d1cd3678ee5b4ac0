"""A table of figures: what reports show, and what they write as JSON and CSV."""

import csv
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from dibmg_monai.errors import writing
from dibmg_monai.evaluation.statistics import Estimate

Cell: TypeAlias = str | int | float | Estimate | None  # None: nothing to say; nan: nothing to estimate from


@dataclass(frozen=True)
class Table:
    """A table of figures.

    Attributes:
        name: a short name fit for a file name, and its key in ``tables.json``.
        title: one line above the table, with the paper's number of the table where there is one.
        columns: what the cells of a row are.
        rows: one cell a column.
        notes: what a reader has to know: tests used, cases left out and why.
        percent: columns of figures from 0 to 1 that people read in per cent; a ``Share`` is one of itself.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    percent: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Title, rows and notes."""
        return {"title": self.title, "rows": self.records(), "notes": self.notes}

    def records(self) -> list[dict[str, Any]]:
        """The rows for JSON: column -> cell; estimates as objects with value, low, high and cases."""
        return [
            {
                column: asdict(cell) if isinstance(cell, Estimate) else cell
                for column, cell in zip(self.columns, row, strict=True)
            }
            for row in self.rows
        ]

    def write_csv(self, path: Path) -> None:
        """Write the rows as CSV; an estimate takes four columns: itself, low, high and cases. What is nan stays empty.

        Raises:
            FolderError: if the file cannot be written.
        """
        rows = [dict(_flat(record)) for record in self.records()]
        columns = list(dict.fromkeys(column for row in rows for column in row)) or list(self.columns)
        with writing(path), path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def _flat(record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for column, cell in record.items():
        if isinstance(cell, dict):
            yield column, _without_nan(cell["value"])
            yield from ((f"{column} {bound}", _without_nan(cell[bound])) for bound in ("low", "high", "cases"))
        else:
            yield column, _without_nan(cell)


def _without_nan(cell: Any) -> Any:
    return None if isinstance(cell, float) and math.isnan(cell) else cell
