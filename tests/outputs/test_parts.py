import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dibmg_monai.errors import ImageError
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.parts import join_parts, remove_parts
from dibmg_monai.outputs.scores import ResultsWriter

EXAMS = ("c", "a", "b", "d")


def write(folder: Path, exam_ids: tuple[str, ...], make_result: Callable[..., ExamResult], **options: int) -> None:
    """Exams b and d are refused."""
    writer = ResultsWriter(folder, **options)
    for exam_id in exam_ids:
        result = make_result(exam_id)
        if exam_id in ("b", "d"):
            writer.refuse(result.exam, ImageError("x.dcm", "is broken"))
        else:
            writer.add(result, maps={})


@pytest.mark.parametrize("shares", [(("c", "b"), ("a", "d")), (("c", "a", "b", "d"), ()), (("d",), ("b",), ("c", "a"))])
def test_joined_parts_are_what_one_process_writes(
    shares: tuple[tuple[str, ...], ...], make_result: Callable[..., ExamResult], tmp_path: Path
) -> None:
    write(tmp_path / "one", EXAMS, make_result)
    ResultsWriter(tmp_path / "several")
    for part, exam_ids in enumerate(shares):
        write(tmp_path / "several", exam_ids, make_result, part=part)
    assert len(list((tmp_path / "several").glob("*.part*"))) >= 2 * len(shares)
    join_parts(tmp_path / "several", exam_ids=EXAMS)
    one, several = (
        {path.name: path.read_text() for path in (tmp_path / name).iterdir()} for name in ("one", "several")
    )
    assert several == one
    assert [item["exam_id"] for item in json.loads(several["refused.json"])] == ["b", "d"]


def test_parts_without_scores(make_result: Callable[..., ExamResult], tmp_path: Path) -> None:
    ResultsWriter(tmp_path, scores=False, part=0)
    join_parts(tmp_path, exam_ids=EXAMS)
    assert list(tmp_path.iterdir()) == []


def test_only_parts_are_removed(tmp_path: Path) -> None:
    for name in ("results.json", "results.part3.json", "scores.part0.csv", "notes.part0.txt"):
        (tmp_path / name).write_text("[]")
    remove_parts(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"results.json", "notes.part0.txt"}
