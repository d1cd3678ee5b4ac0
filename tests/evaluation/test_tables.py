"""Tables as files."""

import csv
import json
import math
from pathlib import Path

from dibmg_monai.evaluation.statistics import Estimate, proportion
from dibmg_monai.evaluation.tables import Table
from dibmg_monai.exams.json_file import write_json

TABLE = Table(
    "t", "Title", ("what", "AUC", "p"), (("all", Estimate(0.6, math.nan, math.nan, 6), math.nan), ("none", None, 0.5))
)


def test_csv_has_columns_for_an_estimate_and_nothing_for_nan(tmp_path: Path) -> None:
    TABLE.write_csv(tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["what", "AUC", "AUC low", "AUC high", "AUC cases", "p"],
        ["all", "0.6", "", "", "6", ""],
        ["none", "", "", "", "", "0.5"],
    ]


def test_json_is_strict(tmp_path: Path) -> None:
    write_json(TABLE.as_json(), path=tmp_path / "t.json")
    assert "NaN" not in (tmp_path / "t.json").read_text()
    read = json.loads((tmp_path / "t.json").read_text())
    assert read["title"] == "Title"
    assert read["rows"][0] == {"what": "all", "AUC": {"value": 0.6, "low": None, "high": None, "cases": 6}, "p": None}


def test_a_share_knows_its_hits() -> None:
    assert [proportion(hits, 619).hits for hits in range(620)] == list(range(620))
    assert proportion(0, 0).hits == 0
