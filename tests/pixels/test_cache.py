"""A kept exam is the exam, to 16 bits, and no other: what changes, is torn or cannot be read is made anew."""

import errno
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from dibmg_monai.errors import FolderError, ImageError
from dibmg_monai.exams.exam import Exam
from dibmg_monai.pixels import cache
from dibmg_monai.pixels.cache import CachedPreprocessing
from dibmg_monai.pixels.preprocessing import ExamInput, Preprocessing
from dibmg_monai.views import View
from tests.conftest import WriteMammogram

ERROR = 1.6e-5  # half a step of 16 bits over -1..1, and what single precision adds


@pytest.fixture
def exam(write_mammogram: WriteMammogram, breast: Callable, tmp_path: Path) -> Exam:
    """Three views, one of them all black."""
    write_mammogram("a.dcm", breast(), view="RCC", BitsStored=12, HighBit=11)
    write_mammogram("b.dcm", breast(wall="left")[::-1].T.copy(), view="LMLO", PatientOrientation=["F", "A"])
    Image.fromarray(np.zeros((60, 40), np.uint16)).save(tmp_path / "c.png")
    files = {View.RCC: Path("a.dcm"), View.LMLO: Path("b.dcm"), View.LCC: Path("c.png")}
    return Exam("exam", tmp_path, files, warnings=("no RMLO",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "new" / "cache"


class Counted(Preprocessing):
    """Counts the exams that it reads."""

    calls = 0

    def __call__(self, exam: Exam) -> ExamInput:
        type(self).calls += 1
        return super().__call__(exam)


@pytest.fixture
def cached(folder: Path) -> CachedPreprocessing:
    Counted.calls = 0
    return CachedPreprocessing(Counted(image_size=96), folder)


def same(found: ExamInput, expected: ExamInput, *, error: float = 0.0) -> None:
    torch.testing.assert_close(found.image, expected.image, rtol=0, atol=error)
    assert torch.equal(found.view_present, expected.view_present)
    assert (found.geometries, found.voi) == (expected.geometries, expected.voi)
    assert found.warnings == expected.warnings


def test_a_kept_exam_is_the_exam(exam: Exam, cached: CachedPreprocessing) -> None:
    made, kept = cached(exam), cached(exam)
    assert Counted.calls == 1
    same(kept, made)
    same(kept, Preprocessing(image_size=96)(exam), error=ERROR)
    assert kept.image.dtype == torch.float32
    kept.image.add_(1)  # it belongs to whoever asked
    same(cached(exam), made)


@pytest.mark.parametrize("level", [0, 65535])
def test_black_and_white_are_exact(tmp_path: Path, folder: Path, level: int) -> None:
    Image.fromarray(np.full((60, 40), level, np.uint16)).save(tmp_path / "a.png")
    exam, preprocessing = Exam("exam", tmp_path, {View.LCC: Path("a.png")}), Preprocessing(image_size=64)
    for _ in range(2):
        assert torch.equal(CachedPreprocessing(preprocessing, folder)(exam).image, preprocessing(exam).image)


def test_only_what_is_not_black_takes_room(exam: Exam, cached: CachedPreprocessing, folder: Path) -> None:
    (image, (file,)) = cached(exam).image, folder.iterdir()
    squares = sum(int((view > -1).any(dim=0).sum()) * int((view > -1).any(dim=1).sum()) for view in image)
    assert 2 * squares < file.stat().st_size < 2 * squares + 2048


def test_without_a_folder_nothing_is_kept(exam: Exam, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    preprocessing = Preprocessing(image_size=96)
    same(CachedPreprocessing(preprocessing, None)(exam), preprocessing(exam))
    assert sorted(tmp_path.iterdir()) == before


def touch(exam: Exam) -> None:
    status = exam.path(View.RCC).stat()
    os.utime(exam.path(View.RCC), ns=(status.st_atime_ns, status.st_mtime_ns + 1))


def lengthen(exam: Exam) -> None:
    path = exam.path(View.RCC)
    times = path.stat()
    path.write_bytes(path.read_bytes() + b"\0")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@pytest.mark.parametrize("change", [touch, lengthen])
def test_a_file_that_changed_is_read_again(exam: Exam, cached: CachedPreprocessing, change: Callable) -> None:
    cached(exam)
    change(exam)
    cached(exam)
    assert Counted.calls == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"label": 1},
        {"exam_id": "another"},
    ],
)
def test_what_changes_no_pixels_is_no_other_exam(
    exam: Exam, cached: CachedPreprocessing, changed: dict[str, Any]
) -> None:
    cached(exam)
    cached(replace(exam, **changed))
    assert Counted.calls == 1


def test_views_changed_round_are_another_exam(exam: Exam, cached: CachedPreprocessing) -> None:
    cached(exam)
    files = {View.LCC: exam.files[View.LMLO], View.LMLO: exam.files[View.LCC], View.RCC: exam.files[View.RCC]}
    changed = replace(exam, files=files)
    same(cached(changed), Preprocessing(image_size=96)(changed), error=ERROR)


@pytest.mark.parametrize("option", [{"image_size": 64}, {"remove_background": True}, {"voi": "auto"}])
def test_another_preprocessing_has_its_own_files(exam: Exam, folder: Path, option: dict[str, Any]) -> None:
    for preprocessing in (Preprocessing(image_size=96), Preprocessing(**{"image_size": 96, **option})):
        same(CachedPreprocessing(preprocessing, folder)(exam), preprocessing(exam), error=ERROR)
    assert len(list(folder.iterdir())) == 2


def test_another_version_has_its_own_files(
    exam: Exam, cached: CachedPreprocessing, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached(exam)
    monkeypatch.setattr(cache, "_code", lambda: "of another version")
    cached(exam)
    assert Counted.calls == 2


@pytest.mark.parametrize("length", [0, 1, 100, -1000, -1])
def test_a_torn_file_is_made_anew(exam: Exam, cached: CachedPreprocessing, folder: Path, length: int) -> None:
    made = cached(exam)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:length])
    same(cached(exam), made)
    assert Counted.calls == 2
    assert file.read_bytes() == whole
    assert list(folder.iterdir()) == [file]


def test_an_exam_that_cannot_be_read_is_not_kept(exam: Exam, cached: CachedPreprocessing, folder: Path) -> None:
    exam.path(View.LCC).write_bytes(b"no image")
    for _ in range(2):
        with pytest.raises(ImageError, match=r"c\.png: is neither a DICOM nor a PNG file"):
            cached(exam)
    exam.path(View.LCC).unlink()
    with pytest.raises(ImageError, match=r"c\.png: "):
        cached(exam)
    assert not folder.exists()


def test_a_folder_that_is_none(exam: Exam, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"file/\w+\.exam: cannot be written \(File exists\)"):
        CachedPreprocessing(Preprocessing(image_size=64), tmp_path / "file")(exam)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_folder_without_room(
    exam: Exam, cached: CachedPreprocessing, folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(
        FolderError, match=rf"\.exam: cannot be written \({os.strerror(code)}\); a writable folder with"
    ):
        cached(exam)
    assert list(folder.iterdir()) == []


def fill(rank: int, exam: Exam, folder: Path) -> None:
    """One of two processes."""
    torch.set_num_threads(1)
    torch.save(CachedPreprocessing(Preprocessing(image_size=96), folder)(exam).image, f"{folder}.{rank}.pt")


def test_processes_may_fill_one_folder(exam: Exam, folder: Path) -> None:
    folder.mkdir(parents=True)
    torch.multiprocessing.start_processes(fill, args=(exam, folder), nprocs=2, start_method="fork")
    first, second = (torch.load(f"{folder}.{rank}.pt", weights_only=True) for rank in range(2))
    assert torch.equal(first, second)
    (file,) = folder.iterdir()
    head = json.loads(file.read_bytes().splitlines()[0])
    assert set(head["views"]) == {"RCC", "LCC", "LMLO"}
