import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydicom import dcmread

from dibmg_monai import analysis
from dibmg_monai.analysis import analyze
from dibmg_monai.errors import ExamError, FolderError, ImageError
from dibmg_monai.exams.exam import Exam
from dibmg_monai.exams.exclusions import Exclusions, Policy
from dibmg_monai.inference import ExamResult, ModelInfo, Predictor
from dibmg_monai.network import DIBMG
from dibmg_monai.outputs.exam_files import Output, parse_outputs
from dibmg_monai.outputs.scores import ResultsWriter
from dibmg_monai.pixels.preprocessing import ExamInput, Preprocessing
from dibmg_monai.views import VIEWS


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    torch.manual_seed(0)
    network = DIBMG(init_widths=[2, 2], residual_widths=[2, 2, 2, 2], pools=[2, 2, 2, 2, 1, 1])
    return Predictor(network, preprocessing=Preprocessing(image_size=128), model=ModelInfo("narrow", "0", "ab" * 32))


@pytest.fixture
def write_study(write_mammogram: Callable[..., Path], breast: Callable[..., NDArray[np.uint16]]) -> Callable[..., Path]:
    """``write_study(uid, Keyword=value)`` writes four views into the folder study; gives the folder."""

    def write(uid: str, **attributes: object) -> Path:
        for view in VIEWS:
            pixels = breast(wall="right" if view.laterality == "R" else "left")
            path = write_mammogram(f"study/{uid}/{view}.dcm", pixels, view=view, StudyInstanceUID=uid, **attributes)
        return path.parents[1]

    return write


def read_json(path: Path) -> list | dict:
    return json.loads(path.read_text())


def test_a_folder_to_its_results(predictor: Predictor, write_study: Callable[..., Path], tmp_path: Path) -> None:
    for uid in ("1.2.3", "1.2.4"):
        folder = write_study(uid)
    done = analyze(folder, output_dir=tmp_path / "out", predictor=predictor, outputs=[Output.JSON, Output.SC])
    results = read_json(tmp_path / "out" / "results.json")
    assert done.scores == {item["exam_id"]: item["score"] for item in results}
    assert list(done.scores) == ["1.2.3", "1.2.4"]
    assert done.refused == {}
    assert str(done) == ", ".join(f"score {score:.3f}" for score in done.scores.values())
    assert len(read_json(tmp_path / "out" / "manifest.json")["files"]) == 8
    studies = [dcmread(path).StudyInstanceUID for path in sorted((tmp_path / "out").rglob("*.dcm"))]
    assert studies == 4 * ["1.2.3"] + 4 * ["1.2.4"]


@pytest.mark.parametrize(("outputs", "drawn"), [("json", False), ("json,sc", True), ("png", True)])
def test_pictures_are_made_once_and_only_for_overlays(
    predictor: Predictor,
    write_study: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    outputs: str,
    drawn: bool,
) -> None:
    results: list[ExamResult] = []
    monkeypatch.setattr(analysis, "write_exam", lambda result, *_, **__: results.append(result))
    analyze(write_study("1.2.3"), output_dir=tmp_path / "out", predictor=predictor, outputs=parse_outputs(outputs))
    assert [found.picture is not None for found in results[0].views.values()] == [drawn] * 4


def test_a_refused_exam_leaves_no_results_and_the_others_go_on(
    predictor: Predictor, write_study: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for uid in ("1.2.3", "1.2.4", "1.2.5"):
        folder = write_study(uid)
    write = analysis.write_exam

    read = predictor.read

    def read_or_fail(exam: Exam, *, pictures: bool) -> ExamInput:
        if exam.exam_id == "1.2.3":
            raise ImageError(exam.path(VIEWS[0]), "its pixel data cannot be decoded")
        return read(exam, pictures=pictures)

    def write_and_fail(result: ExamResult, results: ResultsWriter, *, outputs: list[Output]) -> None:
        write(result, results, outputs=outputs)
        if result.exam.exam_id == "1.2.4":
            raise ImageError(result.exam.path(VIEWS[1]), "has no SeriesInstanceUID", code="no-uid")

    monkeypatch.setattr(analysis, "write_exam", write_and_fail)
    monkeypatch.setattr(predictor, "read", read_or_fail)
    done = analyze(folder, output_dir=tmp_path / "out", predictor=predictor, outputs=[Output.SC])
    assert list(done.scores) == ["1.2.5"]
    assert {exam: error.code for exam, error in done.refused.items()} == {"1.2.3": "unreadable", "1.2.4": "no-uid"}
    assert str(done) == f"score {done.scores['1.2.5']:.3f}, refused, unreadable, refused, no-uid"
    refused = read_json(tmp_path / "out" / "refused.json")
    assert [(item["exam_id"], item["file"]) for item in refused] == [
        ("1.2.3", "1.2.3/RCC.dcm"),
        ("1.2.4", "1.2.4/RMLO.dcm"),
    ]
    assert {path.parent.name for path in (tmp_path / "out").rglob("*.dcm")} == {"1.2.5"}


def test_no_exam_is_a_result_too(predictor: Predictor, write_study: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_study("1.2.3", Modality="CT")
    done = analyze(folder, output_dir=tmp_path / "out", predictor=predictor)
    assert (done.scores, done.refused, str(done)) == ({}, {}, "no exam; manifest.json says why")
    codes = {item["code"] for item in read_json(tmp_path / "out" / "manifest.json")["files"]}
    assert codes == {"not-mammogram"}
    with pytest.raises(ExamError, match=r"has no mammography exam, only 4 not-mammogram"):
        done.assembly.require_exam()


def test_exclusions_are_passed_on(predictor: Predictor, write_study: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_study("1.2.3", BreastImplantPresent="YES")
    options = {"output_dir": tmp_path / "out", "predictor": predictor, "outputs": [Output.JSON]}
    assert list(analyze(folder, **options).scores) == ["1.2.3"]
    assert analyze(folder, **options, exclusions=Exclusions(Policy.REFUSE)).scores == {}


def test_a_folder_that_is_not_there(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"nowhere: there is no such folder"):
        analyze(tmp_path / "nowhere", output_dir=tmp_path / "out", predictor=predictor)
