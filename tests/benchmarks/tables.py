"""Tables as they are printed and put into documents: aligned Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

Value = str | float | None


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        title: what was measured, on what.
        columns: their heads, with units.
        rows: one value a column; None where there is none.
        notes: what a reader has to know beside.
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Value]]
    notes: tuple[str, ...] = ()

    def without_times(self) -> "Table":
        """For documents: times and speeds are a machine's, ratios a program's."""
        kept = [index for index, head in enumerate(self.columns) if "seconds" not in head and "/s" not in head]
        rows = [tuple(row[index] for index in kept) for row in self.rows]
        return Table(self.title, tuple(self.columns[index] for index in kept), rows, self.notes)

    def __str__(self) -> str:
        cells = [self.columns, *([text(value) for value in row] for row in self.rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.columns))]
        numbers = [all(not isinstance(row[column], str) for row in self.rows) for column in range(len(self.columns))]
        lines = [
            "| "
            + " | ".join(_aligned(cell, width, right) for cell, width, right in zip(row, widths, numbers, strict=True))
            + " |"
            for row in cells
        ]
        rule = (
            "|"
            + "|".join(
                "-" * (width + 1) + (":" if right else "-") for width, right in zip(widths, numbers, strict=True)
            )
            + "|"
        )
        return "\n".join(
            [f"**{self.title}**", "", lines[0], rule, *lines[1:], *(f"\n{note}" for note in self.notes), ""]
        )


def text(value: Value) -> str:
    """A value as it is shown: three digits that count."""
    if isinstance(value, int | str):
        return str(value)
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 0.001:
        digits = 2 if abs(value) >= 1 else 3
        return f"{value:.{digits}f}" if abs(value) < 10 else f"{value:.1f}"
    return f"{value:.1g}"


def _aligned(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)
