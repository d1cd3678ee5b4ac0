import shutil
from pathlib import Path

import pytest
from pydicom.fileset import FileSet

from dibmg_monai.exams.scanning import scan
from dibmg_monai.views import VIEWS, View
from tests.exams.conftest import WriteImage


def test_a_medium_with_its_index(write_image: WriteImage, tmp_path: Path) -> None:
    medium = FileSet()
    for view in VIEWS:
        patient = {
            "PatientName": "Test",
            "StudyDate": "20200101",
            "StudyTime": "080000",
            "StudyID": "1",
            "AccessionNumber": "",
        }
        path = write_image(f"in/{view}.dcm", view=view, SeriesNumber=1, InstanceNumber=1, **patient)
        medium.add(path)
    medium.write(tmp_path / "medium")
    found = scan(tmp_path / "medium")
    assert {file: why.code for file, why in found.refusals.items()} == {Path("DICOMDIR"): "dicomdir"}
    assert {header.view for file, header in found.headers.items() if file != Path("DICOMDIR")} == set(VIEWS)


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("no preamble", lambda content: content[132:], None),
        ("empty", lambda content: b"", "not-dicom"),
        ("text", lambda content: b"a note", "not-dicom"),
        ("cut", lambda content: content[:-5], "truncated"),
        ("half", lambda content: content[:700], "truncated"),
    ],
)
def test_files_of_all_kinds(
    name: str, change: object, code: str | None, write_image: WriteImage, tmp_path: Path
) -> None:
    path = write_image("in/deep/IM 1", view="LMLO")
    shutil.copy(path, tmp_path / "in/copy")
    path.write_bytes(change(path.read_bytes()))
    found = scan(tmp_path / "in")
    file = Path("deep/IM 1")
    assert (found.refusals[file].code if file in found.refusals else None) == code
    if code is None:
        assert found.headers[file].view is View.LMLO
    assert Path("copy") not in found.refusals
