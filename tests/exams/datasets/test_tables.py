"""Tables and folders: what is there is found, what is not is named."""

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from PIL import Image

from dibmg_monai.errors import DatalistError, ImageError
from dibmg_monai.exams.datasets.folder import Folder
from dibmg_monai.exams.datasets.tables import read_csv
from tests.conftest import WriteMammogram


def test_columns_are_found_however_they_are_spelled(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes('\ufeffbreast_density, Age \n 3 ,"51\n"\n,\n\n4\n'.encode())
    first, second = read_csv(tmp_path / "table.csv", columns=("Breast  Density", "age"))
    assert (first.text("breast density"), first.number("AGE"), first.text("other")) == ("3", 51, "")
    assert (second.text("breast density"), second.number("age")) == ("4", None)
    assert first.choice("breast_density", {"3": "C"}) == "C"
    with pytest.raises(DatalistError, match=r"table\.csv, line 6: breast density is '4'; '3' or 'x' is needed"):
        second.choice("breast density", {"3": "C", "x": ""})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"table\.csv: cannot be read \(No such file or directory\); a table \(CSV\) is needed"),
        (b"", r"table\.csv: has no column 'age'; it has nothing"),
        (b"name,sex\n", r"table\.csv: has no column 'age'; it has name, sex"),
        (b"\xff\xfe\x00", r"table\.csv: is no table \(.*\); CSV in UTF-8 is needed"),
    ],
)
def test_tables_that_do_not_serve(content: bytes | None, message: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(DatalistError, match=message):
        read_csv(tmp_path / "table.csv", columns=("age",))


def test_files_and_sizes_of_images(tmp_path: Path, write_mammogram: WriteMammogram) -> None:
    write_mammogram("deep/down/b.DCM", np.zeros((6, 4), np.uint16))
    Image.new("L", (5, 7)).save(tmp_path / "a.png")
    (tmp_path / "deep/Table.CSV").touch()
    folder = Folder.of(tmp_path)
    assert list(folder.ending(".dcm", ".png")) == [PurePosixPath("a.png"), PurePosixPath("deep/down/b.DCM")]
    assert folder.table("other.csv", "table.csv") == tmp_path / "deep/Table.CSV"
    assert [folder.image_size(file) for file in ("a.png", "deep/down/b.DCM")] == [(7, 5), (6, 4)]


def test_images_without_a_size(tmp_path: Path, write_mammogram: WriteMammogram) -> None:
    write_mammogram("a.dcm", np.zeros((6, 4), np.uint16), Rows=None)
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    folder = Folder.of(tmp_path)
    with pytest.raises(ImageError, match=r"a\.dcm: Rows \(0028,0010\) or Columns \(0028,0011\) is missing"):
        folder.image_size("a.dcm")
    with pytest.raises(ImageError, match=r"b\.png: is a damaged PNG file"):
        folder.image_size("b.png")
