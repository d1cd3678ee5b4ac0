"""JSON on disk, written in one way."""

import json
from pathlib import Path
from typing import Any

from dibmg_monai.errors import writing


def write_json(value: Any, *, path: Path) -> None:
    """Write a value as indented JSON; folders on the way are made.

    Raises:
        FolderError: if the file cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
