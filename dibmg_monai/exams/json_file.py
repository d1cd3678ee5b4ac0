"""JSON on disk: one way to write it, one error when that fails."""

import json
from pathlib import Path
from typing import Any

from dibmg_monai.errors import FolderError


def write_json(value: Any, *, path: Path) -> None:
    """Write a value as indented JSON; folders on the way are made.

    Raises:
        FolderError: if the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise FolderError(f"{path}: cannot be written ({reason}); a place that can be written to is needed") from error
