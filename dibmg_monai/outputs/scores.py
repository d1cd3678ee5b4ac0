"""Scores of a run, on disk after every exam: ``results.json``, ``scores.csv``, and ``refused.json`` where needed."""

import csv
import json
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dibmg_monai.errors import DatalistError, DibmgError, ImageError, writing
from dibmg_monai.exams.exam import Exam
from dibmg_monai.findings import Finding
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.folder import create_folder
from dibmg_monai.outputs.json_list import append_item, create_list
from dibmg_monai.views import VIEWS, Laterality, View

RESULTS, SCORES, REFUSED = "results.json", "scores.csv", "refused.json"
FILES = (RESULTS, SCORES, REFUSED)
COLUMNS = ("exam_id", "label", "score", *(f"score_{part}" for part in (*Laterality, *VIEWS)))
RESULT_KEYS = ("exam_id", "score", "breasts", "views", "missing_views", "warnings", "model")
VIEW_NUMBERS = ("score", "peak_row", "peak_column", "peak_value")


def part_name(name: str, part: int | str) -> str:
    """The name of the file of one of several processes: ``results.part0.json``."""
    stem, ending = name.split(".")
    return f"{stem}.part{part}.{ending}"


class ResultsWriter:
    """Writes the scores of one exam after another; what an earlier run left is replaced at the start.

    The files are complete and valid after every exam, so a run that is stopped loses nothing, and memory does not grow.

    Args:
        folder: the output folder; made if it is not there.
        scores: whether exams will be added; without, no file of scores is written.
        part: of several processes, which one this is: its files are ``results.part0.json`` and so on, until
            ``parts.join_parts`` joins them.

    Raises:
        FolderError: here and in every method, if the folder or a file in it cannot be written.
    """

    def __init__(self, folder: Path, *, scores: bool = True, part: int | None = None) -> None:
        self.folder = create_folder(folder)
        self.paths = {name: folder / (name if part is None else part_name(name, part)) for name in FILES}
        for path in self.paths.values():
            with writing(path):
                path.unlink(missing_ok=True)
        if scores:
            create_list(self.paths[RESULTS])
            with writing(self.paths[SCORES]):
                self.paths[SCORES].write_text(",".join(COLUMNS) + "\n", encoding="utf-8")

    def add(self, result: ExamResult, *, maps: Mapping[View, Path]) -> None:
        """Add one exam to ``results.json`` and ``scores.csv``.

        Args:
            result: the exam's result.
            maps: the NIfTI files of its maps, inside the output folder; empty if none were written.
        """
        relative = {view: path.relative_to(self.folder).as_posix() for view, path in maps.items()}
        append_item(self.paths[RESULTS], _result_item(result, maps=relative))
        row = {"exam_id": result.exam.exam_id, "label": result.exam.label, "score": result.score}
        row |= {f"score_{side}": score for side, score in result.breasts.items()}
        row |= {f"score_{view}": found.score for view, found in result.views.items()}
        path = self.paths[SCORES]
        with writing(path), path.open("a", encoding="utf-8", errors="surrogateescape", newline="") as file:
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(row)

    def refuse(self, exam: Exam, error: DibmgError) -> None:
        """Add an exam that gave no result to ``refused.json``, with the file at fault, if it is one file's."""
        file, code, reason = None, "exam", str(error)
        if isinstance(error, ImageError):
            inside = error.path.is_relative_to(exam.root)
            file = (error.path.relative_to(exam.root) if inside else error.path).as_posix()
            code, reason = error.code, error.reason
        path = self.paths[REFUSED]
        if not path.exists():
            create_list(path)
        append_item(path, {"exam_id": exam.exam_id, "file": file, "code": code, "reason": reason})


def read_results(path: Path) -> list[dict[str, Any]]:
    """The exams of a ``results.json``.

    Raises:
        DatalistError: if the file cannot be read, or is not a list of results.
    """
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DatalistError(f"{path}: cannot be read ({error}); a {RESULTS} of this package was expected") from error
    if not isinstance(results, list):
        raise DatalistError(f"{path}: holds a {type(results).__name__}; a list of exams was expected")
    for index, item in enumerate(results):
        missing = [key for key in RESULT_KEYS if not isinstance(item, dict) or key not in item]
        if missing:
            raise DatalistError(
                f"{path}: exam {index} lacks {', '.join(missing)}; all of {', '.join(RESULT_KEYS)} are needed"
            )
        _check_parts(item, place=f"{path}: exam {index}")
    return results


def _check_parts(item: Mapping[str, Any], *, place: str) -> None:
    """All but the exam's own score, which is checked where it is measured."""
    if not isinstance(item["exam_id"], str):
        raise DatalistError(f"{place}: exam_id is {reprlib.repr(item['exam_id'])}; a text is needed")
    for key, allowed in (("breasts", tuple(Laterality)), ("views", VIEWS)):
        if not isinstance(item[key], dict) or not set(item[key]) <= set(allowed):
            needed = f"an object with any of {', '.join(allowed)} is needed"
            raise DatalistError(f"{place}: {key} is {reprlib.repr(item[key])}; {needed}")
    for side, score in item["breasts"].items():
        if score is not None and type(score) not in (int, float):
            raise DatalistError(f"{place}: breast {side} has {reprlib.repr(score)}; a score or null is needed")
    for view, found in item["views"].items():
        if not isinstance(found, dict) or any(type(found.get(name)) not in (int, float) for name in VIEW_NUMBERS):
            needed = f"an object with numbers for {', '.join(VIEW_NUMBERS)} is needed"
            raise DatalistError(f"{place}: view {view} has {reprlib.repr(found)}; {needed}")


def read_refused(path: Path) -> list[dict[str, Any]]:
    """The exams of a ``refused.json``, each with exam_id, code and reason; none if there is no such file.

    Raises:
        DatalistError: if the file is something else.
    """
    if not path.exists():
        return []
    try:
        refused = json.loads(path.read_text(encoding="utf-8"))
        return [{key: item[key] for key in ("exam_id", "code", "reason")} for item in refused]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DatalistError(f"{path}: cannot be read ({error!r}); a {REFUSED} of this package was expected") from error


def _result_item(result: ExamResult, *, maps: Mapping[View, str]) -> dict[str, Any]:
    return {
        "exam_id": result.exam.exam_id,
        "score": result.score,
        "breasts": {side: result.breasts.get(side) for side in Laterality},
        "views": {
            view: {
                "score": found.score,
                "peak_row": found.peak_row,
                "peak_column": found.peak_column,
                "peak_value": found.peak_value,
                "file": found.file.as_posix(),
                "map": maps.get(view),
                "voi": found.voi,
                "findings": [_finding_item(finding) for finding in found.findings],
            }
            for view, found in result.views.items()
        },
        "missing_views": list(result.exam.missing_views),
        "exclusions": {
            name: {"answer": answer.value, "place": answer.place or None}
            for name, answer in result.exam.exclusions.items()
        },
        "warnings": list(result.warnings),
        "model": {"name": result.model.name, "version": result.model.version, "sha256": result.model.sha256},
    }


def _finding_item(finding: Finding) -> dict[str, Any]:
    return {
        "score": finding.score,
        "peak_row": finding.peak_row,
        "peak_column": finding.peak_column,
        "peak_value": finding.peak_value,
        "outline": finding.outline.tolist(),
    }
