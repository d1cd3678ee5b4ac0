"""The scores of several processes, each of which wrote its own files: joined to those that one process would write."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dibmg_monai.errors import writing
from dibmg_monai.outputs.json_list import append_item, create_list
from dibmg_monai.outputs.scores import REFUSED, RESULTS, SCORES, part_name


def join_parts(folder: Path, *, exam_ids: Sequence[str]) -> None:
    """Add the exams in the parts to the run's own files, and remove the parts.

    Args:
        folder: the output folder, in which a ``ResultsWriter`` began a run and others wrote the parts.
        exam_ids: of all exams, in the order that is wanted.

    Raises:
        FolderError: if a file cannot be read, written or removed.
    """
    order = {exam_id: position for position, exam_id in enumerate(exam_ids)}
    with writing(folder):
        for name in (RESULTS, REFUSED):
            paths = _parts(folder, name)
            if paths and not (folder / name).exists():
                create_list(folder / name)
            items: list[dict[str, Any]] = [item for path in paths for item in json.loads(path.read_text("utf-8"))]
            for item in sorted(items, key=lambda item: order[item["exam_id"]]):
                append_item(folder / name, item)
        rows = sorted((row for path in _parts(folder, SCORES) for row in _rows(path)), key=lambda row: order[row[0]])
        if rows:
            with (folder / SCORES).open("a", encoding="utf-8", errors="surrogateescape", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(rows)
    remove_parts(folder)


def remove_parts(folder: Path) -> None:
    """Remove the parts in a folder, also those of an earlier run that was stopped.

    Raises:
        FolderError: if that cannot be done.
    """
    with writing(folder):
        for path in (path for name in (RESULTS, SCORES, REFUSED) for path in _parts(folder, name)):
            path.unlink()


def _parts(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(part_name(name, "*")))


def _rows(path: Path) -> list[list[str]]:
    """The rows of a table, without its head."""
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.reader(file))[1:]
