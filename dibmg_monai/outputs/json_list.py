"""A JSON list on disk that grows item by item, and is complete and valid after each."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dibmg_monai.errors import writing

LIST_END = b"\n]\n"


def create_list(path: Path) -> None:
    """Write an empty list.

    Raises:
        FolderError: if the file cannot be written.
    """
    with writing(path):
        path.write_bytes(b"[" + LIST_END)


def append_item(path: Path, item: Mapping[str, Any]) -> None:
    """Append to the list in a file: one write, from its closing bracket on.

    Raises:
        FolderError: if the file cannot be written.
    """
    text = json.dumps(item, indent=2, allow_nan=False).encode()
    with writing(path), path.open("r+b") as file:
        end = file.seek(-len(LIST_END), os.SEEK_END)
        file.write((b"\n" if end == 1 else b",\n") + text + LIST_END)
