from pathlib import Path

import pytest

from dibmg_monai.errors import DibmgError
from dibmg_monai.exams.exclusion_table import read_exclusions
from dibmg_monai.exams.exclusions import Answer, Criterion


def test_a_table(tmp_path: Path) -> None:
    path = tmp_path / "known.csv"
    path.write_text("\ufeffImplant, exam_id ,surgery\r\nYes,1.2.3,no\r\n\r\n,1.2.4,\r\n", encoding="utf-8")
    assert read_exclusions(path) == {
        "1.2.3": {
            Criterion.IMPLANT: Answer("yes", "line 2 of known.csv"),
            Criterion.SURGERY: Answer("no", "line 2 of known.csv"),
        },
        "1.2.4": {},
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; the first line names exam_id and one or more of surgery, implant, clip_or_marker"),
        (b"exam_id,clip\n", "column 2 is none of exam_id, surgery, implant, clip_or_marker; the first line names"),
        (b"SECRET,yes\n", "column 1 is none of exam_id"),
        (b"exam_id,implant,implant\n", "column 3 is a second one of its name"),
        (b"exam_id\n1.2.3\n", "has too few columns"),
        (b"surgery,implant\nyes,no\n", "has too few columns"),
        (b"exam_id,surgery\n1,yes\n1.2.3,SECRET\n", "line 3: surgery is neither 'yes' nor 'no' nor empty"),
        (b"exam_id,surgery\n1.2.3,yes,SECRET\n", "line 2: has 3 cells; 2, as many as the first line, are needed"),
        (b"exam_id,surgery\n,yes\n", "line 2: exam_id is empty"),
        (b"exam_id,surgery\nSECRET,yes\n2,no\nSECRET,no\n", "line 4: has the exam_id of line 2; one line an exam"),
        (b"\xff\xfe\x00exam_id", "is no table; a CSV file in UTF-8 is needed"),
    ],
)
def test_tables_that_are_none(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DibmgError, match=message) as caught:
        read_exclusions(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "SECRET" not in str(caught.value)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DibmgError, match=r"table.csv: cannot be read \(No such file or directory\)"):
        read_exclusions(tmp_path / "table.csv")
