"""JSON that any reader takes."""

import json
import math
from pathlib import Path

import pytest

from dibmg_monai.errors import FolderError
from dibmg_monai.exams.json_file import write_json


def test_nan_becomes_null_wherever_it_is(tmp_path: Path) -> None:
    value = {"a": math.nan, "b": [1.5, (math.nan, {"c": math.nan})], "d": "nan", "e": None, "f": True}
    write_json(value, path=tmp_path / "new" / "x.json")
    text = (tmp_path / "new" / "x.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {
        "a": None, "b": [1.5, [None, {"c": None}]], "d": "nan", "e": None, "f": True,
    }  # fmt: skip


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"file/x\.json: cannot be written"):
        write_json({}, path=tmp_path / "file" / "x.json")
