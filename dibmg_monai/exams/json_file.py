"""JSON on disk, written in one way."""

import json
import math
from pathlib import Path
from typing import Any

from dibmg_monai.errors import writing


def write_json(value: Any, *, path: Path) -> None:
    """Write a value as indented JSON; folders on the way are made. A nan, which JSON does not have, becomes null.

    Raises:
        FolderError: if the file cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_without_nan(value), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
