"""A table that says what headers do not: surgery, implants, clips or markers, an exam a line."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from dibmg_monai.errors import DibmgError
from dibmg_monai.exams.exclusions import Answer, Answers, Criterion

COLUMNS = ("exam_id", *Criterion)
ALLOWED = f"the first line names {COLUMNS[0]} and one or more of {', '.join(Criterion)}, with commas between them"


def read_exclusions(path: Path) -> dict[str, Answers]:
    """Read a table: CSV in UTF-8, ``exam_id`` and any of ``surgery``, ``implant``, ``clip_or_marker``.

    An exam id is that of the manifest: the StudyInstanceUID, or a public case number. The other columns hold ``yes``,
    ``no`` or nothing, in small or capital letters. Exams that are not in the folder may be in the table.

    Returns:
        Exam id -> the answers given.

    Raises:
        DibmgError: if it cannot be read or is no such table. What stands in it is never quoted.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(reader.line_num, row) for reader in [csv.reader(file)] for row in reader if any(row)]
    except OSError as error:
        raise DibmgError(f"{path}: cannot be read ({error.strerror or type(error).__name__})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DibmgError(f"{path}: is no table; a CSV file in UTF-8 is needed") from error
    if not rows:
        raise DibmgError(f"{path}: is empty; {ALLOWED}")
    columns = _columns(rows[0][1], path=path)
    table: dict[str, Answers] = {}
    lines: dict[str, int] = {}
    for line, row in rows[1:]:
        cells = dict(zip(columns, _cells(row, len(columns), place=f"{path}: line {line}"), strict=True))
        exam_id = cells.pop("exam_id")
        if not exam_id:
            raise DibmgError(f"{path}: line {line}: exam_id is empty; the id of an exam is needed, as in the manifest")
        if exam_id in lines:
            raise DibmgError(
                f"{path}: line {line}: has the exam_id of line {lines[exam_id]}; one line an exam is needed"
            )
        lines[exam_id] = line
        table[exam_id] = dict(_answers(cells, path=path, line=line))
    return table


def _columns(cells: Sequence[str], *, path: Path) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    for number, name in enumerate(names, start=1):
        if name not in COLUMNS or name in names[: number - 1]:
            again = "a second one of its name" if name in COLUMNS else f"none of {', '.join(COLUMNS)}"
            raise DibmgError(f"{path}: column {number} is {again}; {ALLOWED}")
    if "exam_id" not in names or len(names) < 2:
        raise DibmgError(f"{path}: has too few columns; {ALLOWED}")
    return names


def _cells(row: Sequence[str], count: int, *, place: str) -> list[str]:
    cells = [cell.strip() for cell in row]
    if len(cells) != count:
        raise DibmgError(f"{place}: has {len(cells)} cells; {count}, as many as the first line, are needed")
    return cells


def _answers(cells: dict[str, str], *, path: Path, line: int) -> Iterator[tuple[Criterion, Answer]]:
    for name, cell in cells.items():
        value = cell.lower()
        if value not in ("yes", "no", ""):
            raise DibmgError(f"{path}: line {line}: {name} is neither 'yes' nor 'no' nor empty")
        if value:
            yield Criterion(name), Answer(value, f"line {line} of {path.name}")
