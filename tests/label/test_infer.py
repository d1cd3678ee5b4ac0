"""Scores and maps over MONAI Label's REST API: ``make test-label``."""

import io
import json
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.overlay import NOTICE
from dibmg_monai.views import Laterality, View
from tests.label.conftest import BENIGN, MALIGNANT, NAME, PATIENT
from tests.label.server import Server

pytest.importorskip("monailabel", reason="needs MONAI Label, which has an environment of its own: make test-label")
import SimpleITK

Expected = Callable[[str], ExamResult]
RESEARCH = "research use only"


def read_image(content: bytes, folder: Path, *, name: str) -> SimpleITK.Image:
    (folder / name).write_bytes(content)
    return SimpleITK.ReadImage(str(folder / name))


def check_scores(found: dict, result: ExamResult) -> None:
    assert found["score"] == pytest.approx(result.score, abs=1e-6)
    assert found["breasts"] == {side: pytest.approx(result.breasts.get(side)) for side in Laterality}
    assert {view: item["score"] for view, item in found["views"].items()} == {
        view: pytest.approx(each.score, abs=1e-6) for view, each in result.views.items()
    }


def test_what_the_server_offers(server: Server) -> None:
    info = server.ask("GET", "/info/").json()
    assert {name: model["type"] for name, model in info["models"].items()} == {
        "dib_mg": "classification",
        "dib_mg_map": "segmentation",
    }
    assert list(info["trainers"]) == list(info["scoring"]) == ["dib_mg"]
    assert list(info["strategies"]) == ["most_uncertain", "strongest"]
    described = [*info["models"].values(), *info["trainers"].values(), *info["scoring"].values()]
    assert RESEARCH in info["name"]
    assert all(RESEARCH in item["description"].lower() for item in described)
    assert info["datastore"]["total"] == 14


@pytest.mark.parametrize("exam_id", [BENIGN, MALIGNANT])
def test_scores_are_those_of_the_package(server: Server, expected: Expected, exam_id: str) -> None:
    found, result = server.infer("dib_mg", image=exam_id).json(), expected(exam_id)
    check_scores(found, result)
    assert found["exam_id"] == exam_id
    assert found["missing_views"] == []
    assert found["model"]["sha256"] == result.model.sha256
    assert found["notice"] == NOTICE
    assert [(item["label"], item["idx"]) for item in found["prediction"]] == [("normal", 0), ("cancer", 1)]
    assert found["prediction"][1]["score"] == found["score"] == 1 - found["prediction"][0]["score"]


def test_a_session_of_four_files_is_an_exam(server: Server, expected: Expected, exams: dict[str, Exam]) -> None:
    paths = [exams[MALIGNANT].path(view) for view in View]
    files = [("files", (f"{NAME}.{path.name}", path.read_bytes())) for path in paths]
    session = server.ask("PUT", "/session/", files=files).json()["session_id"]
    found = server.infer("dib_mg", session_id=session).json()
    check_scores(found, expected(MALIGNANT))
    assert found["view"] == "RMLO"  # the strongest evidence


def test_an_upload_of_one_image_is_an_exam_of_one_view(
    server: Server, expected: Expected, exams: dict[str, Exam]
) -> None:
    path = exams[MALIGNANT].path(View.LCC)
    found = server.infer("dib_mg", files={"file": (f"{NAME}.dcm", path.read_bytes())}).json()
    assert found["score"] == pytest.approx(expected(MALIGNANT).views[View.LCC].score, abs=1e-6)
    assert found["missing_views"] == ["RCC", "RMLO", "LMLO"]
    assert found["breasts"]["R"] is None


@pytest.mark.parametrize("extension", [".nrrd", ".nii.gz"])
def test_the_map_lies_on_the_mammogram(
    server: Server, expected: Expected, exams: dict[str, Exam], tmp_path: Path, extension: str
) -> None:
    params = {"result_extension": extension, "result_dtype": "float32"}
    answer = server.infer("dib_mg_map", image=f"{MALIGNANT}.RMLO", output="image", params=params)
    overlay = read_image(answer.content, tmp_path, name=f"map{extension}")
    source = SimpleITK.ReadImage(str(exams[MALIGNANT].path(View.RMLO)))
    assert overlay.GetSize() == source.GetSize()
    for found, needed in (
        (overlay.GetSpacing(), source.GetSpacing()),
        (overlay.GetOrigin(), source.GetOrigin()),
        (overlay.GetDirection(), source.GetDirection()),
    ):
        assert found == pytest.approx(needed)
    result = expected(MALIGNANT).views[View.RMLO]
    log_odds = SimpleITK.GetArrayFromImage(overlay)[0]
    assert np.allclose(log_odds, result.geometry.map_to_source(result.dib).numpy(), atol=1e-3)
    row, column = np.unravel_index(log_odds.argmax(), log_odds.shape)
    cell = result.geometry.source_rows / result.dib.shape[0]
    assert (row, column) == pytest.approx((result.peak_row, result.peak_column), abs=cell)


def test_label_maps_are_what_viewers_show(server: Server, expected: Expected, tmp_path: Path) -> None:
    """As 3D Slicer and OHIF ask for them."""
    params = {"result_extension": ".nrrd", "result_dtype": "uint8", "result_compress": False}
    asked = {"image": f"{MALIGNANT}.RMLO", "params": params}
    content = server.infer("dib_mg_map", output="image", **asked).content
    overlay = read_image(content, tmp_path, name="map.nrrd")
    labels = server.ask("GET", "/info/").json()["models"]["dib_mg_map"]["labels"]
    values = SimpleITK.GetArrayFromImage(overlay)[0]
    assert overlay.GetPixelID() == SimpleITK.sitkUInt8
    assert sorted(np.unique(values)) == [0, *labels.values()]
    assert b"encoding: raw" in content
    assert content.endswith(values.tobytes())  # OHIF takes the values as they stand
    result = expected(MALIGNANT)
    scale = max(found.peak_value for found in result.views.values())
    log_odds = result.views[View.RMLO].geometry.map_to_source(result.views[View.RMLO].dib).numpy()
    for label, share in zip(labels.values(), (0.25, 0.5, 0.75), strict=True):
        assert np.mean((values >= label) != (log_odds >= share * scale)) < 1e-4


def test_scores_go_with_the_map(server: Server, expected: Expected) -> None:
    answer = server.infer("dib_mg_map", image=MALIGNANT, output="all", params={"view": "LCC"})
    header = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message_from_bytes(header + answer.content).get_payload()
    }
    params = json.loads(parts["params"])
    check_scores(params, expected(MALIGNANT))
    assert params["view"] == "LCC"
    assert parts["image"].startswith(b"NRRD")


def test_the_map_comes_as_dicom_segmentation(server: Server, exams: dict[str, Exam]) -> None:
    params = {"result_extension": ".dcm"}
    answer = server.infer("dib_mg_map", image=f"{MALIGNANT}.RMLO", output="image", params=params)
    made, source = dcmread(io.BytesIO(answer.content)), dcmread(exams[MALIGNANT].path(View.RMLO))
    assert made.Modality == "SEG"
    assert (made.Rows, made.Columns) == (source.Rows, source.Columns)
    assert made.StudyInstanceUID == source.StudyInstanceUID


@pytest.mark.parametrize(
    ("model", "image", "params", "status", "words"),
    [
        ("dib_mg", "nobody", {}, 404, "image 'nobody' is not there; an exam, a view of it"),
        ("dib_mg", "/etc", {}, 404, "image '/etc' is not there"),
        ("dib_mg", f"{MALIGNANT}.XCC", {}, 404, "is not there"),
        ("dib_mg", MALIGNANT, {"view": "XCC"}, 400, "view is 'XCC'; the exam has RCC, RMLO, LCC, LMLO"),
        ("dib_mg", MALIGNANT, {"store": "sc"}, 400, "is a folder, where no results are stored"),
        ("dib_mg", MALIGNANT, {"store": "what"}, 400, "outputs is 'what'; any of json,"),
        ("dib_mg_map", MALIGNANT, {"result_extension": ".jpg"}, 400, "result_extension is '.jpg'; .nrrd,"),
        ("dib_mg_map", MALIGNANT, {"result_dtype": "int8"}, 400, "result_dtype is 'int8'; uint8 or float32"),
    ],
)
def test_what_cannot_be_answered_is_said(
    server: Server, model: str, image: str, params: dict, status: int, words: str
) -> None:
    assert words in server.infer(model, image=image, params=params, status=status).json()["detail"]


def test_an_upload_that_is_no_mammogram_is_refused(server: Server) -> None:
    answer = server.infer("dib_mg", files={"file": (f"{NAME}.png", b"no image")}, status=400)
    assert "has no mammography exam, only 1 not-dicom" in answer.json()["detail"]


def test_a_session_of_two_exams_is_refused(server: Server, exams: dict[str, Exam]) -> None:
    paths = [exams[exam_id].path(View.LCC) for exam_id in (BENIGN, MALIGNANT)]
    session = server.ask("PUT", "/session/", files=[("files", (path.name, path.read_bytes())) for path in paths])
    answer = server.infer("dib_mg", session_id=session.json()["session_id"], status=400)
    assert answer.json()["detail"] == "the images are of 2 exams; those of one are needed"


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_images_are_neither_added_nor_removed(server: Server, method: str) -> None:
    answer = server.ask(
        method, "/datastore/image", status=405, params={"image": "a", "id": BENIGN}, files={"file": ("a", b"a")}
    )
    assert "is not offered; the images stay as they are" in answer.json()["detail"]


def test_the_log_names_no_patient(server: Server, exams: dict[str, Exam]) -> None:
    exam_id = next(exam_id for exam_id in exams if exam_id not in (BENIGN, MALIGNANT))
    path = exams[exam_id].path(View.RCC)
    assert NAME in str(dcmread(path).PatientName)
    server.infer("dib_mg", image=exam_id)
    server.infer("dib_mg", files={"file": (f"{NAME}.dcm", path.read_bytes())})
    server.infer("dib_mg_map", image=exam_id, params={"result_extension": ".dcm"})
    session = server.ask("PUT", "/session/", files=[("files", (f"{NAME}.dcm", path.read_bytes()))]).json()
    server.infer("dib_mg", session_id=session["session_id"])
    log = server.log.read_text()
    assert "Uvicorn running" in log
    assert NAME not in log
    assert PATIENT not in log
