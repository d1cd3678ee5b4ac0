"""What is known of each exam beside its images: scores, readers' labels. A small file each, for all processes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock

from dibmg_monai.exams.json_file import write_json
from dibmg_monai.outputs.folder import create_folder, exam_folder

Record = dict[str, Any]


class Records:
    """Exam id -> record, ``{"info": {...}, "labels": {tag: {...}}}``. Scoring and training have processes of their own.

    Args:
        folder: made if it is not there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = create_folder(folder)
        self._lock = FileLock(folder / ".lock")

    def read(self, exam_id: str) -> Record:
        """The record as it is now; an empty one if nothing was written yet."""
        path = self._path(exam_id)
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"info": {}, "labels": {}}

    def change(self, exam_id: str, change: Callable[[Record], object]) -> None:
        """Have a record changed in place, and write it: no other process writes meanwhile, and none reads a half."""
        with self._lock:
            record = self.read(exam_id)
            change(record)
            path = self._path(exam_id)
            write_json(record, path=path.with_suffix(".partial"))
            path.with_suffix(".partial").replace(path)

    def _path(self, exam_id: str) -> Path:
        return self.folder / f"{exam_folder(self.folder, exam_id).name}.json"
