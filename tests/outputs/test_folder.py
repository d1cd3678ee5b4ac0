from pathlib import Path

import pytest

from dibmg_monai.errors import FolderError
from dibmg_monai.outputs.folder import create_folder, exam_folder

AWKWARD = [
    "..",
    ".",
    "...",
    "a/b",
    "a%2Fb",
    "a\\b",
    "../../etc",
    "/etc",
    "C:\\x",
    "한국 1",
    "\udcff",
    "a\nb",
    ".hidden",
]


@pytest.mark.parametrize("exam_id", AWKWARD)
def test_awkward_ids_stay_inside_and_visible(exam_id: str, tmp_path: Path) -> None:
    folder = exam_folder(tmp_path, exam_id)
    assert folder.parent == tmp_path
    assert folder.resolve() == folder
    assert not folder.name.startswith(".")
    create_folder(folder)
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_different_ids_get_different_folders(tmp_path: Path) -> None:
    assert len({exam_folder(tmp_path, exam_id) for exam_id in AWKWARD}) == len(AWKWARD)


def test_ordinary_ids_are_kept(tmp_path: Path) -> None:
    assert exam_folder(tmp_path, "Mass_P-00820.v2") == tmp_path / "Mass_P-00820.v2"


def test_folder_that_cannot_be_made(a_file: Path) -> None:
    with pytest.raises(FolderError, match=r"taken: cannot be written \(File exists\); a writable folder"):
        create_folder(a_file)
    with pytest.raises(FolderError, match=r"taken/below: cannot be written \(Not a directory\)"):
        create_folder(a_file / "below")
