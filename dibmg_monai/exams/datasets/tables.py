"""Tables that come with data sets: rows whose values are checked as they are taken out."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from dibmg_monai.errors import DatalistError

Meaning = TypeVar("Meaning")


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        place: file and line, for messages.
        values: column -> text, without blanks around it; column names are in ``plain`` form.
    """

    place: str
    values: Mapping[str, str]

    def text(self, column: str) -> str:
        """The text of a column; empty if the cell is empty, or the table lacks the column."""
        return self.values.get(plain(column), "")

    def number(self, column: str) -> float | None:
        """The number of a column; None if the cell is empty.

        Raises:
            DatalistError: if it is no number.
        """
        text = self.text(column)
        try:
            return float(text) if text else None
        except ValueError as error:
            raise self.wrong(column, allowed="a number") from error

    def choice(self, column: str, meanings: Mapping[str, Meaning]) -> Meaning:
        """What the text of a column stands for; capitals do not matter.

        Raises:
            DatalistError: if ``meanings`` does not have the text.
        """
        known = {key.lower(): meaning for key, meaning in meanings.items()}
        if (key := self.text(column).lower()) not in known:
            raise self.wrong(column, allowed=" or ".join(map(repr, meanings)))
        return known[key]

    def wrong(self, column: str, *, allowed: str) -> DatalistError:
        """The error that says what stands in a column, and what may stand there."""
        return DatalistError(f"{self.place}: {column} is {self.text(column)!r}; {allowed} is needed")


def plain(column: str) -> str:
    """A column's name without capitals, with single blanks: ``breast_density`` is ``Breast density``."""
    return " ".join(column.replace("_", " ").split()).lower()


def read_csv(path: Path, *, columns: Sequence[str], delimiter: str = ",") -> list[Row]:
    """Read a CSV file with a header line.

    Args:
        path: the file, in UTF-8 with or without a byte-order mark.
        columns: those that it must have; in any order, and beside others.
        delimiter: what stands between cells.

    Raises:
        DatalistError: if the file is missing, cannot be read, or lacks a column.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter)
            lines = [(f"line {reader.line_num}", cells) for cells in reader]
    except OSError as error:
        raise DatalistError(f"{path}: cannot be read ({error.strerror}); a table (CSV) is needed") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatalistError(f"{path}: is no table ({error}); CSV in UTF-8 is needed") from error
    return rows(lines, path=path, columns=columns)


def rows(lines: Iterable[tuple[str, Sequence[str]]], *, path: Path, columns: Sequence[str]) -> list[Row]:
    """Make rows of a table's lines.

    Args:
        lines: where it is, such as "line 2", and its cells; the first has the names of the columns. Empty ones are
            passed over.
        path: the file, for messages.
        columns: those that it must have.

    Raises:
        DatalistError: if a column is missing.
    """
    filled = [(where, [cell.strip() for cell in cells]) for where, cells in lines if any(map(str.strip, cells))]
    header = [plain(cell) for cell in filled[0][1]] if filled else []
    for column in columns:
        if plain(column) not in header:
            found = ", ".join(header) or "nothing"
            raise DatalistError(f"{path}: has no column {column!r}; it has {found}")
    return [Row(f"{path}, {where}", dict(zip(header, cells, strict=False))) for where, cells in filled[1:]]
