from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset

from dibmg_monai.errors import FolderError, ImageError
from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.exam_files import Output, write_exam
from dibmg_monai.outputs.scores import ResultsWriter, read_results
from dibmg_monai.views import VIEWS, View

MakeMammogram = Callable[..., Dataset]


def written(folder: Path) -> set[str]:
    return {path.name for path in (folder / "exam-1").glob("*")}


def test_everything_is_written_where_results_say(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out"))
    endings = ("overlay.png", "overlay.dcm", "dib.nii.gz")
    assert written(tmp_path / "out") == {f"{view}_{ending}" for view in VIEWS for ending in endings}
    (item,) = read_results(tmp_path / "out" / "results.json")
    for view, found in exam_on_disk.views.items():
        values = nibabel.load(tmp_path / "out" / item["views"][view]["map"]).get_fdata()
        np.testing.assert_array_equal(values[..., 0], found.dib.numpy())


def test_capture_holds_the_overlay(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out"))
    folder = tmp_path / "out" / "exam-1"
    picture = np.asarray(Image.open(folder / "LCC_overlay.png"))
    np.testing.assert_array_equal(dcmread(folder / "LCC_overlay.dcm").pixel_array, picture)


def test_captures_share_a_series_within_a_study_only(
    exam_on_disk: ExamResult, make_mammogram: MakeMammogram, tmp_path: Path
) -> None:
    make_mammogram(exam_on_disk.exam.path(View.LCC), View.LCC, StudyInstanceUID="2.25.9")
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out"), outputs=[Output.CAPTURE])
    captures = {view: dcmread(tmp_path / "out" / "exam-1" / f"{view}_overlay.dcm") for view in VIEWS}
    assert len({captures[view].SeriesInstanceUID for view in (View.RCC, View.RMLO, View.LMLO)}) == 1
    assert captures[View.LCC].SeriesInstanceUID != captures[View.RCC].SeriesInstanceUID
    assert [captures[view].InstanceNumber for view in VIEWS] == [1, 2, 3, 4]
    assert len({capture.SOPInstanceUID for capture in captures.values()}) == 4


@pytest.mark.parametrize(
    ("outputs", "endings"),
    [
        ([], set()),
        ([Output.MAP], {"dib.nii.gz"}),
        ([Output.OVERLAY], {"overlay.png"}),
        (["overlay", "map"], {"overlay.png", "dib.nii.gz"}),
    ],
)
def test_choice_and_what_an_earlier_run_left(
    outputs: list[Output], endings: set[str], exam_on_disk: ExamResult, tmp_path: Path
) -> None:
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out"))
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out"), outputs=outputs)
    assert written(tmp_path / "out") == {f"{view}_{ending}" for view in VIEWS for ending in endings}
    (item,) = read_results(tmp_path / "out" / "results.json")
    assert all((found["map"] is None) == ("dib.nii.gz" not in endings) for found in item["views"].values())


def test_png_exams_have_overlays_but_no_captures(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    Image.new("L", (40, 60)).save(tmp_path / "in" / "RCC.png")
    exam = Exam("exam-1", tmp_path / "in", {View.RCC: Path("RCC.png")})
    result = replace(exam_on_disk, exam=exam, views={View.RCC: exam_on_disk.views[View.RCC]})
    writer = ResultsWriter(tmp_path / "out")
    write_exam(result, writer, outputs=[Output.OVERLAY])
    assert written(tmp_path / "out") == {"RCC_overlay.png"}
    with pytest.raises(ImageError, match=r"RCC.png: is not a DICOM file"):
        write_exam(result, writer)


def test_exam_that_cannot_be_written_is_not_in_the_results(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    writer = ResultsWriter(tmp_path / "out")
    (tmp_path / "out" / "exam-1").write_text("in the way")
    with pytest.raises(FolderError, match=r"exam-1.*: cannot be written \(Not a directory\)"):
        write_exam(exam_on_disk, writer)
    assert read_results(tmp_path / "out" / "results.json") == []
