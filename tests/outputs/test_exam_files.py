from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset

from dibmg_monai.errors import DibmgError, FolderError, ImageError
from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.exam_files import WRITERS, Output, parse_outputs, refuse_exam, write_exam
from dibmg_monai.outputs.scores import ResultsWriter, read_results
from dibmg_monai.views import VIEWS, View

MakeMammogram = Callable[..., Dataset]


def written(folder: Path) -> set[str]:
    return {path.name for path in (folder / "exam-1").glob("*")}


def test_everything_is_written_where_results_say(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out"), outputs=tuple(Output))
    assert written(tmp_path / "out") <= {name for writer in WRITERS.values() for name in writer.names}
    (item,) = read_results(tmp_path / "out" / "results.json")
    for view, found in exam_on_disk.views.items():
        values = nibabel.load(tmp_path / "out" / item["views"][view]["map"]).get_fdata()
        np.testing.assert_array_equal(values[..., 0], found.dib.numpy())
        (finding,) = item["views"][view]["findings"]
        assert (finding["peak_row"], finding["peak_column"]) == (found.peak_row, found.peak_column)
        assert finding["outline"] == found.findings[0].outline.tolist()


def test_dicom_objects_are_of_one_study_each_kind_in_a_series_of_its_own(
    exam_on_disk: ExamResult, tmp_path: Path
) -> None:
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out"), outputs=tuple(Output))
    objects = [dcmread(path) for path in sorted((tmp_path / "out" / "exam-1").glob("*.dcm"))]
    assert {made.StudyInstanceUID for made in objects} == {"2.25.1"}
    numbers: dict[str, set[int]] = {}
    for made in objects:
        numbers.setdefault(made.SeriesInstanceUID, set()).add(made.SeriesNumber)
        assert "AI" in made.SeriesDescription and "research use" in made.SeriesDescription
        assert made.SpecificCharacterSet == "ISO_IR 192"
        (equipment,) = made.ContributingEquipmentSequence
        assert equipment.ManufacturerModelName == "dib-mg" and "ab" * 32 in equipment.ContributionDescription
    assert all(len(of_series) == 1 for of_series in numbers.values())
    assert set.union(*numbers.values()) == set(range(9001, 9008))
    assert len({made.SOPInstanceUID for made in objects}) == len(objects)


def test_a_finding_has_one_name_in_all_objects(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out"), outputs=[Output.SR, Output.CADSR, Output.SEG])
    folder = tmp_path / "out" / "exam-1"
    segments = {dcmread(folder / f"{view}_seg.dcm").SegmentSequence[0].TrackingUID for view in VIEWS}
    assert len(segments) == 4
    (report,) = folder.glob("findings_sr*.dcm")
    assert segments <= {element.value for element in dcmread(report).iterall() if element.keyword == "UID"}


def test_capture_holds_the_overlay(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out"))
    folder = tmp_path / "out" / "exam-1"
    picture = np.asarray(Image.open(folder / "LCC_overlay.png"))
    np.testing.assert_array_equal(dcmread(folder / "LCC_overlay.dcm").pixel_array, picture)


def test_captures_share_a_series_within_a_study_only(
    exam_on_disk: ExamResult, make_mammogram: MakeMammogram, tmp_path: Path
) -> None:
    make_mammogram(exam_on_disk.exam.path(View.LCC), View.LCC, StudyInstanceUID="2.25.9")
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out"), outputs=[Output.SC])
    captures = {view: dcmread(tmp_path / "out" / "exam-1" / f"{view}_overlay.dcm") for view in VIEWS}
    assert len({captures[view].SeriesInstanceUID for view in (View.RCC, View.RMLO, View.LMLO)}) == 1
    assert captures[View.LCC].SeriesInstanceUID != captures[View.RCC].SeriesInstanceUID
    assert [captures[view].InstanceNumber for view in VIEWS] == [1, 2, 3, 4]
    assert len({capture.SOPInstanceUID for capture in captures.values()}) == 4


@pytest.mark.parametrize(
    ("outputs", "endings"),
    [
        ([], set()),
        ([Output.NIFTI], {"dib.nii.gz"}),
        ([Output.PNG], {"overlay.png"}),
        (["sc", "nifti"], {"overlay.dcm", "dib.nii.gz"}),
    ],
)
def test_choice_and_what_an_earlier_run_left(
    outputs: list[Output], endings: set[str], exam_on_disk: ExamResult, tmp_path: Path
) -> None:
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out"))
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out"), outputs=[Output.JSON, *outputs])
    assert written(tmp_path / "out") == {f"{view}_{ending}" for view in VIEWS for ending in endings}
    (item,) = read_results(tmp_path / "out" / "results.json")
    assert all((found["map"] is None) == ("dib.nii.gz" not in endings) for found in item["views"].values())


def test_png_exams_have_overlays_but_no_captures(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    Image.new("L", (40, 60)).save(tmp_path / "in" / "RCC.png")
    exam = Exam("exam-1", tmp_path / "in", {View.RCC: Path("RCC.png")})
    result = replace(exam_on_disk, exam=exam, views={View.RCC: exam_on_disk.views[View.RCC]})
    writer = ResultsWriter(tmp_path / "out")
    write_exam(result, writer, outputs=[Output.PNG])
    assert written(tmp_path / "out") == {"RCC_overlay.png"}
    with pytest.raises(ImageError, match=r"RCC.png: is not a DICOM file"):
        write_exam(result, writer)


def test_exam_that_cannot_be_written_is_not_in_the_results(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    writer = ResultsWriter(tmp_path / "out")
    (tmp_path / "out" / "exam-1").write_text("in the way")
    with pytest.raises(FolderError, match=r"exam-1.*: cannot be written \(Not a directory\)"):
        write_exam(exam_on_disk, writer)
    assert read_results(tmp_path / "out" / "results.json") == []


def test_a_refused_exam_keeps_no_file_but_those_of_others(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    results, exam, folder = ResultsWriter(tmp_path / "out"), exam_on_disk.exam, tmp_path / "out" / "exam-1"
    error = ImageError("RCC.dcm", "is damaged")
    refuse_exam(exam, error, results)  # nothing is there yet
    write_exam(exam_on_disk, results)
    refuse_exam(exam, error, results)
    assert not folder.exists()
    write_exam(exam_on_disk, results, outputs=[Output.PNG])
    (folder / "notes.txt").write_text("a reader's")
    refuse_exam(exam, error, results)
    assert written(tmp_path / "out") == {"notes.txt"}


def test_without_json_there_are_no_scores(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    write_exam(exam_on_disk, ResultsWriter(tmp_path / "out", scores=False), outputs=[Output.PNG])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"exam-1"}


def test_outputs_by_name() -> None:
    assert parse_outputs("sr, seg,sr") == parse_outputs(["sr", "seg"]) == (Output.SR, Output.SEG)
    with pytest.raises(DibmgError, match=r"outputs is 'sr,pdf'; any of json, png, .* is needed"):
        parse_outputs("sr,pdf")
