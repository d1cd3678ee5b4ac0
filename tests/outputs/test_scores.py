import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dibmg_monai.errors import DatalistError, ExamError, FolderError, ImageError
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.scores import ResultsWriter, read_refused, read_results
from dibmg_monai.views import View

MakeResult = Callable[..., ExamResult]


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "scores.csv").open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def test_results_json_has_the_agreed_form(make_result: MakeResult, tmp_path: Path) -> None:
    writer, result = ResultsWriter(tmp_path / "out"), make_result()
    writer.add(result, maps={View.LCC: tmp_path / "out" / "exam-1" / "LCC_dib.nii.gz"})
    (item,) = json.loads((tmp_path / "out" / "results.json").read_text())
    found = result.views[View.LCC]
    keys = ("exam_id", "score", "breasts", "views", "missing_views", "exclusions", "warnings", "model")
    assert tuple(item) == keys
    assert item["exam_id"] == "exam-1" and item["score"] == 0.625
    assert item["breasts"] == {"R": 0.125, "L": 0.875}
    assert list(item["views"]) == ["RCC", "RMLO", "LCC", "LMLO"]
    assert item["views"]["LCC"] == {
        "score": 0.75,
        "peak_row": found.peak_row,
        "peak_column": found.peak_column,
        "peak_value": 3.0,
        "file": "LCC.dcm",
        "map": "exam-1/LCC_dib.nii.gz",
        "voi": "full range",
        "findings": [
            {
                "score": found.findings[0].score,
                "peak_row": found.peak_row,
                "peak_column": found.peak_column,
                "peak_value": 3.0,
                "outline": found.findings[0].outline.tolist(),
            }
        ],
    }
    assert item["views"]["RCC"]["map"] is None
    assert item["exclusions"] == {}
    assert item["missing_views"] == [] and item["warnings"] == ["a warning"]
    assert item["model"] == {"name": "dib-mg", "version": "0.1.0", "sha256": "ab" * 32}


def test_absent_views_and_breasts(make_result: MakeResult, tmp_path: Path) -> None:
    ResultsWriter(tmp_path).add(make_result(views=(View.LMLO,), label=None), maps={})
    (item,) = read_results(tmp_path / "results.json")
    assert item["breasts"] == {"R": None, "L": 0.875}
    assert list(item["views"]) == ["LMLO"] and item["missing_views"] == ["RCC", "RMLO", "LCC"]
    assert (tmp_path / "scores.csv").read_text() == (
        "exam_id,label,score,score_R,score_L,score_RCC,score_RMLO,score_LCC,score_LMLO\nexam-1,,0.625,,0.875,,,,1.0\n"
    )


def test_files_are_complete_after_every_exam_and_only_grow(make_result: MakeResult, tmp_path: Path) -> None:
    writer, before = ResultsWriter(tmp_path), b"[\n]\n"
    assert (tmp_path / "results.json").read_bytes() == before and rows(tmp_path) == []
    for count in range(1, 6):
        writer.add(make_result(f"exam-{count}"), maps={})
        after = (tmp_path / "results.json").read_bytes()
        assert after.startswith(before.removesuffix(b"\n]\n"))
        assert len(read_results(tmp_path / "results.json")) == len(rows(tmp_path)) == count
        before = after
    assert [row["exam_id"] for row in rows(tmp_path)] == [f"exam-{count}" for count in range(1, 6)]


@pytest.mark.parametrize("exam_id", ['a,"b"', "한국 1", "\udcff", "line\nbreak"])
def test_ids_of_any_script_come_back(exam_id: str, make_result: MakeResult, tmp_path: Path) -> None:
    ResultsWriter(tmp_path).add(make_result(exam_id), maps={})
    assert read_results(tmp_path / "results.json")[0]["exam_id"] == rows(tmp_path)[0]["exam_id"] == exam_id


def test_scores_keep_their_precision(make_result: MakeResult, tmp_path: Path) -> None:
    ResultsWriter(tmp_path).add(make_result(), maps={})
    assert float(rows(tmp_path)[0]["score_RCC"]) == read_results(tmp_path / "results.json")[0]["views"]["RCC"]["score"]


def test_refused_exams_are_listed_with_the_file_at_fault(make_result: MakeResult, tmp_path: Path) -> None:
    writer, exam = ResultsWriter(tmp_path / "out"), make_result().exam
    assert not (tmp_path / "out" / "refused.json").exists()
    writer.refuse(exam, ImageError(exam.path(View.RCC), "is cut; a whole file is needed", code="truncated"))
    writer.refuse(exam, ImageError("/elsewhere/x.dcm", "is cut"))
    writer.refuse(exam, ExamError("exam exam-1: no good"))
    assert json.loads((tmp_path / "out" / "refused.json").read_text()) == [
        {"exam_id": "exam-1", "file": "RCC.dcm", "code": "truncated", "reason": "is cut; a whole file is needed"},
        {"exam_id": "exam-1", "file": "/elsewhere/x.dcm", "code": "unreadable", "reason": "is cut"},
        {"exam_id": "exam-1", "file": None, "code": "exam", "reason": "exam exam-1: no good"},
    ]


def test_earlier_run_is_replaced(make_result: MakeResult, tmp_path: Path) -> None:
    writer = ResultsWriter(tmp_path)
    writer.add(make_result(), maps={})
    writer.refuse(make_result().exam, ExamError("no good"))
    ResultsWriter(tmp_path)
    assert read_results(tmp_path / "results.json") == rows(tmp_path) == []
    assert not (tmp_path / "refused.json").exists()


def test_folder_that_cannot_be_written(make_result: MakeResult, a_file: Path, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"taken: cannot be written .* writable folder with room left is needed"):
        ResultsWriter(a_file)
    (tmp_path / "half" / "scores.csv").mkdir(parents=True)
    with pytest.raises(FolderError, match=r"scores.csv: cannot be written \(Is a directory\)"):
        ResultsWriter(tmp_path / "half")
    writer = ResultsWriter(tmp_path / "gone")
    shutil.rmtree(tmp_path / "gone")
    with pytest.raises(FolderError, match=r"results.json: cannot be written \(No such file or directory\)"):
        writer.add(make_result(), maps={})


def item(**parts: object) -> str:
    """A file with one exam, sound but for some parts."""
    sound = {"exam_id": "a", "score": 1, "breasts": {}, "views": {}, "missing_views": [], "warnings": [], "model": {}}
    return json.dumps([{**sound, **parts}])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", r"results.json: cannot be read \(Expecting value.*\); a results.json of this package was expected"),
        ("{}", "results.json: holds a dict; a list of exams was expected"),
        ("[1]", "results.json: exam 0 lacks exam_id, score,"),
        ('[{"exam_id": "a", "score": 1, "breasts": {}, "views": {}}]', "exam 0 lacks missing_views, warnings, model;"),
        (item(exam_id=1), "exam 0: exam_id is 1; a text is needed"),
        (item(breasts=[]), r"exam 0: breasts is \[\]; an object with any of R, L is needed"),
        (item(breasts={"R": "0.5"}), "exam 0: breast R has '0.5'; a score or null is needed"),
        (item(views={"XCCL": {}}), "exam 0: views is .*; an object with any of RCC, RMLO, LCC, LMLO is needed"),
        (item(views={"RCC": {"score": 0.5}}), "view RCC has .*; an object with numbers for score, peak_row, peak_col"),
    ],
)
def test_files_that_hold_no_results(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(DatalistError, match=message):
        read_results(tmp_path / "results.json")


def test_missing_results(tmp_path: Path) -> None:
    with pytest.raises(DatalistError, match=r"results.json: cannot be read .*No such file"):
        read_results(tmp_path / "results.json")


def test_refused_exams_come_back(make_result: Callable[..., ExamResult], tmp_path: Path) -> None:
    assert read_refused(tmp_path / "refused.json") == []
    writer = ResultsWriter(tmp_path)
    writer.refuse(make_result().exam, ImageError(tmp_path / "in" / "x.dcm", "is broken", code="unreadable"))
    assert read_refused(tmp_path / "refused.json") == [
        {"exam_id": "exam-1", "code": "unreadable", "reason": "is broken"}
    ]
    (tmp_path / "refused.json").write_text('["x"]')
    with pytest.raises(DatalistError, match=r"refused.json: cannot be read .*; a refused.json of this package"):
        read_refused(tmp_path / "refused.json")
