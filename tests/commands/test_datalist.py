"""The command reads a data set's folder and says what it made of it; help and page say the same of every data set."""

import json
from pathlib import Path

import pytest
from PIL import Image

from dibmg_monai.__main__ import main
from dibmg_monai.exams.datasets import DATASETS
from tests.commands.datasets_page import PAGE, page

ROWS = """\
mdb001 G CIRC B 535 425 197
mdb002 G NORM
mdb003 D NORM
mdb004 D SPIC M 300 200 40
mdb005 F NORM
mdb006 F NORM
mdb008 F NORM
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three exams of mini-MIAS, a film that is not in the list, and two that are missing."""
    (tmp_path / "mias").mkdir()
    (tmp_path / "mias/Info.txt").write_text(ROWS)
    for number in (1, 2, 3, 4, 5, 9):
        Image.new("L", (1024, 1024)).save(tmp_path / f"mias/mdb{number:03}.pgm")
    return tmp_path / "mias"


def test_datalist(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = folder.parent / "new/datalist.json"
    assert main(["datalist", "mini-mias", str(folder), "--output", str(output)]) == 0
    assert [entry["exam_id"] for entry in json.loads(output.read_text())["testing"]] == [
        "mdb001-002",
        "mdb003-004",
        "mdb005-006",
    ]
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [
        "mini-MIAS database of mammograms",
        "Licence: Its own (Licence.txt): for research purposes only; not to be rented, leased or sold;",
    ]
    assert "Labels: Severity M in a film makes the exam a cancer, on its side; B without M is 0, marked" in said[6]
    assert said[-7:] == [
        "part     exams  cancers  benign  normal  no label  four views  with regions",
        "testing      3        1       1       1         0           0             1",
        "left out or changed:",
        "  1 exam: has no image of a standard view (mdb007-008)",
        "  2 images: in the list, but not in the folder (mdb006, mdb008)",
        "  1 image: is not in the list (mdb009.pgm)",
        f"datalist: {output}, with paths relative to {folder}",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mini-mias", "nowhere"], "error: nowhere: there is no such folder"),
        (["rsna", "mias"], "error: mias: a file named train.csv is needed; there is none"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str],
    message: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder.parent)
    assert main(["datalist", *arguments, "--output", "new.json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(message)
    assert said.err.count("\n") == 1
    assert not Path("new.json").exists()


def test_a_data_set_that_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["datalist", "ddsm2", ".", "--output", "new.json"])
    assert "invalid choice: 'ddsm2' (choose from " in capsys.readouterr().err


@pytest.mark.parametrize("name", DATASETS)
def test_help_describes_the_data_set(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["datalist", name, "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for heading, text in DATASETS[name].facts().items():
        assert text
        assert f"{heading}: {text}" in said


def test_the_page_says_what_the_readers_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.commands.datasets_page writes it anew"
