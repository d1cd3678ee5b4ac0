"""Results and datalists on disk, as outsiders have them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from dibmg_monai.evaluation.cases import Case

MODEL = {"name": "DIB-MG", "version": "9.9", "sha256": "abc123"}


def write_files(folder: Path, parts: Mapping[str, Sequence[Case]], **model: str) -> tuple[Path, Path]:
    """``results.json`` and ``datalist.json`` of cases by part."""
    folder.mkdir(parents=True, exist_ok=True)
    results = [{**case.result, "model": {**MODEL, **model}} for cases in parts.values() for case in cases]
    entries = {part: [dict(case.entry) for case in cases] for part, cases in parts.items()}
    for name, content in (("results.json", results), ("datalist.json", entries)):
        (folder / name).write_text(json.dumps(content))
    return folder / "results.json", folder / "datalist.json"
