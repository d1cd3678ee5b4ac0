"""The page in docs is what the command makes."""

from pathlib import Path

import pytest

from dibmg_monai.__main__ import main

PAGE = Path(__file__).parents[2] / "docs" / "reproduction.md"


def test_the_page_is_up_to_date(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    made = tmp_path / "docs" / "reproduction.md"
    assert main(["reproduction", "--output", f"{made}"]) == 0
    assert capsys.readouterr().out == f"written: {made}\n"
    assert made.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")


def test_a_folder_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["reproduction", "--output", f"{tmp_path}"]) == 2
    assert "cannot be written (Is a directory)" in capsys.readouterr().err
