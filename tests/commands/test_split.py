import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dibmg_monai.__main__ import main
from dibmg_monai.exams.characteristics import CHARACTERISTICS
from dibmg_monai.exams.datalist import read_datalist

Entry = dict[str, Any]


def entries() -> list[Entry]:
    """14 cancers and 21 normals; half the normals are a patient's with two exams."""
    found = []
    for number in range(35):
        label = int(number < 14)
        entry = {"exam_id": f"e{number}", "label": label, "RCC": f"images/{number}.png", "room": "ab"[number % 2]}
        entry["density"] = "BC"[number % 2]
        if number >= 25:
            entry["patient_id"] = f"SECRET{number // 2}"
        found.append(entry)
    return found


@pytest.fixture
def datalist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("datalist.json")
    path.write_text(json.dumps({"training": entries()[:20], "testing": entries()[20:]}))
    return path


def split(*arguments: str) -> int:
    return main(["split", "--datalist", "datalist.json", *arguments])


def test_a_new_datalist_and_its_tables(datalist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert split("--output", "new") == 0
    parts = read_datalist("new/datalist.json", dataset_dir=".", need_files=False)
    assert [sum(entry["label"] for entry in part) for part in parts.values()] == [10, 2, 2]
    made = [entry for part in parts.values() for entry in part]
    assert sorted(made, key=lambda entry: entry["exam_id"]) == sorted(entries(), key=lambda entry: entry["exam_id"])
    tables = json.loads(Path("new/datalist_tables.json").read_text())
    assert list(tables) == ["table1_cancers", "table2_normals"]
    assert tables["table1_cancers"]["rows"][0]["training"] == 10
    csv = Path("new/datalist_table1_cancers.csv").read_text().splitlines()
    assert csv[:3] == [
        "characteristic,level,training,training %,validation,validation %,testing,testing %,p",
        "exams,,10,,2,,2,,",
        "density,B,5,50.0,1,50.0,1,50.0,1.0",
    ]
    assert Path("new/datalist_table2_normals.csv").is_file()
    out = capsys.readouterr().out
    assert "Cancers (as Kim 2018, Table 1)\n" in out
    assert "Normals (as Kim 2018, Table 2)\n" in out
    assert (
        "\ndensity         B             5        50.0           1          50.0        1       50.0  1.0000\n" in out
    )
    assert "\n25 exams have no patient_id: each is taken for a patient of its own\nmatched on: density\n" in out
    assert "SECRET" not in out
    assert out.endswith(
        "\ndatalist: new/datalist.json, with paths relative to the same folder as those of datalist.json\n"
    )


def test_options(datalist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert split("--output", "a.json", "--match", "room", "--ratio", "5", "1", "1") == 0
    out = capsys.readouterr().out
    assert "matched on: room\n" in out
    assert "\nroom" in out
    assert split("--output", "b.json", "--match", "room", "--seed", "0") == 0
    assert split("--output", "c.json", "--match", "room", "--seed", "1") == 0
    assert Path("a.json").read_text() == Path("b.json").read_text() != Path("c.json").read_text()
    assert split("--output", "d.json", "--ratio", "3", "2", "2") == 0
    parts = read_datalist("d.json", dataset_dir=".", need_files=False)
    assert [sum(entry["label"] for entry in part) for part in parts.values()] == [6, 4, 4]


def test_exams_without_label_are_left_out_aloud(datalist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    datalist.write_text(json.dumps({"training": [*entries(), {"exam_id": "x", "RCC": "x.png", "size_mm": 3}]}))
    assert split("--output", "new") == 0
    assert "left out: 1 exams without a label\n" in capsys.readouterr().out
    parts = read_datalist("new/datalist.json", dataset_dir=".", need_files=False)
    assert sum(map(len, parts.values())) == 35


def test_nothing_to_match_on_is_said(datalist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = [{key: value for key, value in entry.items() if key != "density"} for entry in entries()]
    datalist.write_text(json.dumps({"training": plain}))
    assert split("--output", "new") == 0
    assert "matched on: nothing; the datalist has no column of the default, see --match" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--output", "."], "error: datalist.json: is the datalist that is read; name another with --output"),
        (["--output", "sub/../datalist.json"], "error: sub/../datalist.json: is the datalist that is read"),
        (["--output", "datalist.json/below"], "error: datalist.json/below/datalist.json: cannot be written"),
        (
            ["--output", "o", "--match", "nothing"],
            "error: no exam has 'nothing' to match on; the columns are RCC, density",
        ),
        (["--output", "o", "--ratio", "9", "5", "1"], "error: there are 14 cancers; 15 or more are needed"),
        (["--output", "o", "--ratio", "0", "1", "1"], "error: ratio is 0:1:1"),
        (["--output", "o", "--seed", "-1"], "error: seed is -1"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str], message: str, datalist: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = datalist.read_text()
    assert split(*arguments) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(message)
    assert errors.count("\n") == 1
    assert datalist.read_text() == before
    assert not Path("o").exists()


def test_help_names_the_default_columns_and_waits_for_no_library() -> None:
    program = (
        "import sys; from dibmg_monai.__main__ import main\n"
        "try: main(['split', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit(', '.join(name for name in ('torch', 'numpy', 'scipy', 'pandas') if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(item.column in done.stdout for item in CHARACTERISTICS)
