"""Inference and evaluation as configured: right results, and one bad exam does not stop the others."""

import csv
import json
import math
from pathlib import Path

import pytest
import torch
from sklearn.metrics import roc_auc_score

from dibmg_monai.errors import DibmgError
from dibmg_monai.exams.datalist import exam_from_entry, read_part
from dibmg_monai.network import DIBMG
from dibmg_monai.outputs.exam_files import Output, write_exam
from dibmg_monai.outputs.scores import ResultsWriter, read_results
from dibmg_monai.weights import load_predictor, load_weights

from .conftest import NARROW, Configure, LastWords, unwrapped


def rows(folder: Path) -> dict[str, dict[str, str]]:
    """``scores.csv`` by exam."""
    with (folder / "scores.csv").open() as file:
        return {row["exam_id"]: row for row in csv.DictReader(file)}


def auc(folder: Path) -> float:
    """The AUC of ``scores.csv``, by scikit-learn."""
    table = rows(folder).values()
    return roc_auc_score([int(row["label"]) for row in table], [float(row["score"]) for row in table])


@pytest.mark.parametrize(
    "names",
    [
        ("inference",),
        ("evaluate",),
        ("train", "evaluate"),
        ("train", "film", "evaluate"),
        ("train",),
        ("train", "film"),
        ("train", "film", "pretrain"),
        ("train", "film", "peer"),
    ],
    ids="+".join,
)
def test_configs_have_the_properties_that_monai_expects(configure: Configure, names: tuple[str, ...]) -> None:
    assert configure(*names).check_properties() == []


def test_evaluation_over_training_keeps_the_training_properties(configure: Configure) -> None:
    assert configure("train", "evaluate", workflow_type="train").check_properties() == []


@pytest.mark.parametrize(
    ("names", "outputs"),
    [
        (("inference",), ("json", "png", "nifti")),
        (("evaluate",), ("json",)),
        (("train", "evaluate"), ("json",)),
    ],
    ids=["inference", "evaluate", "train+evaluate"],
)
def test_results_are_those_of_the_predictor(
    configure: Configure, bundle: Path, exams: Path, tmp_path: Path, names: tuple[str, ...], outputs: tuple[str, ...]
) -> None:
    workflow = configure(*names)
    workflow.run()
    workflow.finalize()
    predictor, direct = load_predictor(bundle), ResultsWriter(tmp_path / "direct")
    for entry in read_part(exams / "datalist.json", dataset_dir=exams, part="testing"):
        exam = exam_from_entry(entry, dataset_dir=exams)
        write_exam(predictor(exam), direct, outputs=[Output(name) for name in outputs])
    written = {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*.*")}
    assert written == {path.relative_to(tmp_path / "direct") for path in (tmp_path / "direct").rglob("*.*")}
    for name in ("results.json", "scores.csv"):
        assert (tmp_path / "out" / name).read_text() == (tmp_path / "direct" / name).read_text()
    table = rows(tmp_path / "out")
    assert len(table) == 5
    assert all(0 < float(row["score"]) < 1 for row in table.values())
    assert len({row["score"] for row in table.values()}) == 5


@pytest.mark.parametrize("part", ["testing", "validation"])
def test_auc_is_that_of_the_scores(configure: Configure, tmp_path: Path, part: str) -> None:
    workflow = configure("evaluate", part=part, batch_size=2)
    workflow.run()
    assert workflow.evaluator.state.metrics["auc"] == pytest.approx(auc(tmp_path / "out"))
    assert len(rows(tmp_path / "out")) == 5


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("name", ["inference", "evaluate"])
def test_one_unreadable_exam_does_not_stop_the_others(
    configure: Configure, broken: Path, tmp_path: Path, name: str, batch_size: int
) -> None:
    configure(name, output_dir=str(tmp_path / "all")).run()
    workflow = configure(name, datalist=str(broken), batch_size=batch_size, num_workers=1)
    workflow.run()
    (refused,) = json.loads((tmp_path / "out" / "refused.json").read_text())
    assert (refused["file"], refused["code"]) == ("broken.png", "not-dicom")
    assert refused["reason"].startswith("is neither a DICOM nor a PNG file")
    expected, found = rows(tmp_path / "all"), rows(tmp_path / "out")
    assert expected.keys() - found.keys() == {refused["exam_id"]}
    for exam_id, row in found.items():
        assert float(row["score"]) == pytest.approx(float(expected[exam_id]["score"]), abs=1e-6)
    if name == "evaluate":
        assert workflow.evaluator.state.metrics["auc"] == pytest.approx(auc(tmp_path / "out"))


@pytest.mark.parametrize("name", ["inference", "evaluate"])
def test_no_readable_exam_is_one_error_without_traceback(
    configure: Configure, broken: Path, tmp_path: Path, last_words: LastWords, name: str
) -> None:
    parts = json.loads(broken.read_text())
    broken.write_text(json.dumps({"testing": [parts["testing"][1]]}))
    said = last_words(configure(name, datalist=str(broken)).run)
    assert f"error: {tmp_path / 'out'}: no result, for no exam could be read. The first: " in said
    assert "Traceback" not in said


def test_torchscript_gives_the_same_scores(configure: Configure, bundle: Path, tmp_path: Path) -> None:
    network = load_weights(DIBMG(**NARROW), bundle / "models" / "model.pt").eval()
    torch.jit.script(network).save(tmp_path / "model.ts")
    configure("inference", outputs=["json"], output_dir=str(tmp_path / "eager")).run()
    configure("inference", outputs=["json"], model_path=str(tmp_path / "model.ts")).run()
    eager, script = (rows(tmp_path / name) for name in ("eager", "out"))
    assert script.keys() == eager.keys()
    for exam_id, row in script.items():
        assert float(row["score"]) == pytest.approx(float(eager[exam_id]["score"]), abs=1e-6)


def test_training_bundle_and_application_see_the_same_pixels(configure: Configure, bundle: Path, exams: Path) -> None:
    """Bit for bit, with augmentation off."""
    preprocessing = load_predictor(bundle).preprocessing
    weights = {"image_size": preprocessing.image_size, "remove_background": preprocessing.remove_background}
    inference = configure("inference", part="training").dataset
    train = configure("train", **weights, contrast=0, brightness=0).train_dataset
    augmented = configure("train", **weights).train_dataset
    entries = read_part(exams / "datalist.json", dataset_dir=exams, part="training")
    for entry, *items, other in zip(entries, inference, train, augmented, strict=True):
        application = preprocessing(exam_from_entry(entry, dataset_dir=exams))
        for item in items:
            assert torch.equal(torch.as_tensor(item["image"]), application.image)
            assert torch.equal(item["view_present"], application.view_present)
        assert not torch.equal(torch.as_tensor(other["image"]), application.image)


def test_mixed_precision_scores_almost_alike(configure: Configure, tmp_path: Path) -> None:
    configure("inference", outputs=["json"], output_dir=str(tmp_path / "full")).run()
    configure("inference", outputs=["json"], amp=True).run()
    full, mixed = (read_results(tmp_path / name / "results.json") for name in ("full", "out"))
    assert [item["score"] for item in mixed] != [item["score"] for item in full]
    assert [item["score"] for item in mixed] == pytest.approx([item["score"] for item in full], abs=0.02)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"datalist": "missing.json"}, "missing.json: cannot be read"),
        ({"part": "other"}, "has no exams for other; it has 10 training, 5 validation, 5 testing"),
        ({"model_path": "missing.pt"}, "missing.pt: no such file"),
        ({"bundle_root": "missing", "model_path": __file__}, "is no PyTorch weights file"),
        ({"output_dir": __file__}, "cannot be written"),
        ({"outputs": ["maps"]}, r"outputs is \['maps'\]; any of json, png, nifti, .* is needed"),
        ({"image_size": "large"}, "image_size is 'large'; a number of pixels"),
        ({"image_size": 100}, "image_size is 100, and the maps are 6 x 6 cells; a multiple of the network's stride"),
    ],
)
def test_what_a_user_can_get_wrong(configure: Configure, overrides: dict[str, object], message: str) -> None:
    with pytest.raises(DibmgError, match=message), unwrapped():
        configure("inference", **overrides).run()


def test_a_single_label_has_no_auc(configure: Configure, exams: Path, tmp_path: Path) -> None:
    entries = read_part(exams / "datalist.json", dataset_dir=exams, part="testing")
    (tmp_path / "normal.json").write_text(json.dumps({"testing": [entry for entry in entries if not entry["label"]]}))
    workflow = configure("evaluate", datalist=str(tmp_path / "normal.json"))
    workflow.run()
    assert math.isnan(workflow.evaluator.state.metrics["auc"])
    assert rows(tmp_path / "out")
