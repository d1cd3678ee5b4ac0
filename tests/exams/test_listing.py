from pathlib import Path

import pytest

from dibmg_monai.errors import FolderError
from dibmg_monai.exams.listing import list_files


def names(folder: Path) -> list[str]:
    return [path.as_posix() for path in list_files(folder).files]


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_any_depth_any_name_in_order(tmp_path: Path) -> None:
    touch(tmp_path / "b/c/IM 0001", tmp_path / "b/ä", tmp_path / ".hidden", tmp_path / "a.dcm")
    assert names(tmp_path) == [".hidden", "a.dcm", "b/c/IM 0001", "b/ä"]


def test_loops_end_and_a_file_keeps_its_own_name(tmp_path: Path) -> None:
    touch(tmp_path / "study/deep/a.dcm", tmp_path / "elsewhere/b.dcm")
    folder = tmp_path / "study"
    (folder / "deep/loop").symlink_to(folder)
    (folder / "alias").symlink_to(folder / "deep")
    (folder / "outside").symlink_to(tmp_path / "elsewhere")
    (folder / "self").symlink_to("self")
    assert names(folder) == ["deep/a.dcm", "outside/b.dcm", "self"]


def test_one_file(tmp_path: Path) -> None:
    touch(tmp_path / "a.dcm", tmp_path / "b.dcm")
    listing = list_files(tmp_path / "a.dcm")
    assert (listing.root, listing.files) == (tmp_path, (Path("a.dcm"),))


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="nowhere: there is no such folder; a folder of DICOM files is needed"):
        list_files(tmp_path / "nowhere")


def test_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "sub/sub").mkdir(parents=True)
    with pytest.raises(FolderError, match="is empty; a folder of DICOM files is needed"):
        list_files(tmp_path)


@pytest.fixture
def locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that cannot be listed, even by root."""
    iterdir = Path.iterdir

    def fail_in_locked(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", fail_in_locked)
    touch(tmp_path / "study/a.dcm", tmp_path / "study/locked/b.dcm")
    return tmp_path / "study/locked"


def test_a_locked_folder_does_not_hide_the_others(locked: Path) -> None:
    listing = list_files(locked.parent)
    assert listing.files == (Path("a.dcm"),)
    assert listing.unreadable == {Path("locked"): "Permission denied"}


def test_a_folder_that_is_locked_itself(locked: Path) -> None:
    with pytest.raises(FolderError, match=r"locked: cannot be read \(Permission denied\)"):
        list_files(locked)
