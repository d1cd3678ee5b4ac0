"""What readers do over MONAI Label's REST API, and what comes of it: ``make test-label``."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from dibmg_monai.exams.datalist import read_datalist
from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ExamResult
from dibmg_monai.weights import load_predictor
from tests.label.conftest import BUNDLE, MALIGNANT
from tests.label.server import Server, running_server

pytest.importorskip("monailabel", reason="needs MONAI Label, which has an environment of its own: make test-label")
import SimpleITK

CANCER, NORMAL = json.dumps({"label": "cancer"}), json.dumps({"label": "normal"})
SEGMENTS = {"label_info": [{"name": "DIB above 25%", "idx": 1}, {"name": "cancer", "idx": 2}]}


@pytest.fixture(scope="module")
def desk(studies: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for the tests that change something, in their order."""
    with running_server(tmp_path_factory.mktemp("desk"), studies) as server:
        yield server


def known(server: Server) -> dict[str, dict]:
    return server.ask("GET", "/datastore/?output=all").json()["objects"]


def scores(server: Server) -> dict[str, float]:
    return {exam_id: item["image"]["info"]["dib_mg"]["score"] for exam_id, item in known(server).items()}


def chosen(server: Server, strategy: str) -> dict:
    return server.ask("POST", f"/activelearning/{strategy}", json={}).json()


def painted(tmp_path: Path, value: int) -> bytes:
    values = np.zeros((1, 4, 3), np.uint8)
    values[0, 2, 1] = value
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(tmp_path / "label.nrrd"))
    return (tmp_path / "label.nrrd").read_bytes()


def test_before_any_score_exams_come_by_id(desk: Server, exams: dict[str, Exam]) -> None:
    assert chosen(desk, "strongest")["id"] == min(exams)


def test_scoring_notes_all_exams_once(desk: Server, exams: dict[str, Exam]) -> None:
    first, second = (desk.finished("scoring", {}) for _ in range(2))
    assert '"scored": 14, "refused": 0, "left": 0' in first["details"][-1].replace('\\"', '"')
    assert '"scored": 0, "refused": 0, "left": 0' in second["details"][-1].replace('\\"', '"')
    assert set(scores(desk)) == set(exams)
    noted = desk.ask("GET", "/datastore/image/info", params={"image": MALIGNANT}).json()["dib_mg"]
    assert noted["view"] == "RMLO"  # where the strongest evidence is


def test_strategies_choose_by_score_and_show_the_strongest_evidence(
    desk: Server, expected: Callable[[str], ExamResult]
) -> None:
    found = scores(desk)
    uncertain, strongest = chosen(desk, "most_uncertain"), chosen(desk, "strongest")
    assert uncertain["exam_id"] == min(found, key=lambda exam_id: abs(found[exam_id] - 0.5))
    assert strongest["exam_id"] == max(found, key=lambda exam_id: found[exam_id])
    for sample in (uncertain, strongest):
        peaks = {view: item.peak_value for view, item in expected(sample["exam_id"]).views.items()}
        assert sample["id"] == f"{sample['exam_id']}.{max(peaks, key=lambda view: peaks[view])}"
        assert Path(sample["path"]).is_file()
        image = desk.ask("GET", "/datastore/image", params={"image": sample["id"]})
        assert image.content == Path(sample["path"]).read_bytes()


def test_a_label_that_a_reader_gives_is_kept(desk: Server, studies: Path) -> None:
    strongest = chosen(desk, "strongest")
    answer = desk.label(strongest["id"], NORMAL)
    assert answer == {"image": strongest["id"], "label": strongest["exam_id"]}
    assert desk.ask("GET", "/datastore/").json() == {"total": 14, "completed": 1, "label_tags": {"final": 1}}
    query = {"label": strongest["exam_id"], "tag": "final"}
    assert desk.ask("GET", "/datastore/label/info", params=query).json()["label"] == "normal"
    assert chosen(desk, "strongest")["exam_id"] != strongest["exam_id"]
    desk.ask("DELETE", "/datastore/label", params={"id": strongest["exam_id"], "tag": "final"})
    assert chosen(desk, "strongest") == strongest | {"strategy": chosen(desk, "strongest")["strategy"]}


@pytest.mark.parametrize(("value", "label"), [(0, "normal"), (1, "normal"), (2, "cancer")])
def test_painting_in_the_segment_cancer_is_a_label(desk: Server, tmp_path: Path, value: int, label: str) -> None:
    """As 3D Slicer submits it."""
    desk.label(MALIGNANT, json.dumps(SEGMENTS), file=painted(tmp_path, value), name="label.nrrd")
    query = {"label": MALIGNANT, "tag": "final"}
    assert desk.ask("GET", "/datastore/label/info", params=query).json()["label"] == label
    assert desk.ask("GET", "/datastore/label", params=query).content == painted(tmp_path, value)
    desk.ask("DELETE", "/datastore/label", params={"id": MALIGNANT, "tag": "final"})


@pytest.mark.parametrize(
    ("image", "params", "status", "words"),
    [
        (MALIGNANT, {"label": "benign"}, 400, "label is 'benign'; normal or cancer is needed"),
        (MALIGNANT, {}, 400, "the submission does not say what the exam is"),
        (MALIGNANT, SEGMENTS, 400, "the label map cannot be read; NRRD or NIfTI is needed"),
        ("nobody", {"label": "cancer"}, 404, "image 'nobody' is not there"),
    ],
)
def test_what_is_no_label_is_refused(desk: Server, image: str, params: dict, status: int, words: str) -> None:
    assert words in desk.label(image, json.dumps(params), status=status)["detail"]
    assert desk.ask("GET", "/datastore/").json()["completed"] == 0


def test_training_says_how_many_labels_it_needs(desk: Server) -> None:
    task = desk.finished("train", {})
    assert task["status"] == "ERROR"
    assert "error: there are 0 cancers; 3 or more are needed" in task["details"][-1]


def test_labels_make_a_datalist(desk: Server, exams: dict[str, Exam], studies: Path, tmp_path: Path) -> None:
    """The reader says the contrary of the present weights: the lower half of the scores is cancer."""
    found = scores(desk)
    by_score = sorted(found, key=lambda exam_id: found[exam_id])
    for number, exam_id in enumerate(by_score):
        desk.label(exam_id, CANCER if number < len(by_score) / 2 else NORMAL)
    (tmp_path / "datalist.json").write_bytes(desk.ask("GET", "/datastore/?output=train").content)
    parts = read_datalist(tmp_path / "datalist.json", dataset_dir=studies)
    assert list(parts) == ["training"]
    assert {entry["exam_id"]: entry["label"] for entry in parts["training"]} == {
        exam_id: int(number < len(by_score) / 2) for number, exam_id in enumerate(by_score)
    }
    assert len({entry["patient_id"] for entry in parts["training"]}) == len(exams)
    assert all(entry["patient_id"].startswith("patient ") for entry in parts["training"])


def test_training_gives_weights_that_the_next_inference_uses(desk: Server) -> None:
    before = desk.infer("dib_mg", image=MALIGNANT).json()
    task = desk.finished("train", {"max_epochs": 4, "learning_rate": 0.001})
    assert task["status"] == "DONE", task["details"]
    stats = desk.ask("GET", "/info/").json()["train_stats"]["dib_mg"]
    assert (stats["epoch"], stats["total_epochs"], stats["published"]) == (4, 4, True)
    assert stats["exams"] == {"training": 10, "validation": 4}
    assert stats["best_metric_epoch"] > 0
    assert stats["best_metric"] > 0  # which is what the weights before had, as the labels were chosen
    after = desk.infer("dib_mg", image=MALIGNANT).json()
    assert after["model"]["sha256"] != before["model"]["sha256"]
    assert after["score"] != before["score"]
    trained = load_predictor(BUNDLE, model_path=desk.work / "model.pt")
    assert trained.model.sha256 == after["model"]["sha256"]


def test_new_weights_score_again(desk: Server) -> None:
    said = desk.finished("scoring", {"limit": 5})["details"][-1].replace('\\"', '"')
    assert '"scored": 5, "refused": 0, "left": 9, "labelled": 14, "auc": 0.' in said
