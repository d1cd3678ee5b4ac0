"""The engine's parts: batches, metrics of labelled exams, results as they come."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from PIL import Image

from dibmg_monai.errors import DibmgError, ExamError, ImageError
from dibmg_monai.handlers import PrepareExamBatch, WriteResults, labelled_scores
from dibmg_monai.inference import ModelInfo
from dibmg_monai.network import DIBMG
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.transforms import ExamScored, LoadExamd

MODEL = ModelInfo("test", "0", "0" * 64)


def test_unlabelled_and_unreadable_exams_are_in_no_metric() -> None:
    items = [(0.9, 1), (0.2, 0), (0.5, -1), (float("nan"), 1)]
    output = [{"score": torch.tensor([score]), "label": {"label": label}} for score, label in items]
    scores, labels = labelled_scores(output)
    assert scores.flatten().tolist() == pytest.approx([0.9, 0.2])
    assert labels.flatten().tolist() == [1, 0]


@pytest.fixture
def entries(tmp_path: Path, breast: Callable[..., np.ndarray]) -> list[dict]:
    Image.fromarray(breast(wall="left") * 16).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    return [
        {"exam_id": name, "label": 1, "LCC": f"{kind}.png"}
        for name, kind in zip("abc", ["good", "bad", "good"], strict=True)
    ]


def evaluate(
    entries: list[dict], folder: Path, *, outputs: tuple[str, ...] = ("map",), allow_refused: bool = True
) -> None:
    loader = LoadExamd(Preprocessing(image_size=64), dataset_dir=folder)
    writer = WriteResults(folder / "out", entries=entries, dataset_dir=folder, model=MODEL, outputs=outputs)
    SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(entries, loader), batch_size=2, num_workers=0),
        network=DIBMG(init_widths=(4, 4), residual_widths=(4, 4, 4, 4)),
        prepare_batch=PrepareExamBatch(allow_refused=allow_refused),
        postprocessing=ExamScored(),
        val_handlers=[writer],
    ).run()


def test_one_bad_exam_does_not_stop_the_others(entries: list[dict], tmp_path: Path) -> None:
    evaluate(entries, tmp_path)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    (refused,) = json.loads((tmp_path / "out" / "refused.json").read_text())
    assert [result["exam_id"] for result in results] == ["a", "c"]
    assert (refused["exam_id"], refused["file"], refused["code"]) == ("b", "bad.png", "unreadable")
    assert refused["reason"].startswith("is neither a DICOM nor a PNG file")
    assert (tmp_path / "out" / results[0]["views"]["LCC"]["map"]).is_file()


def test_an_exam_whose_files_cannot_be_made_is_refused(entries: list[dict], tmp_path: Path) -> None:
    with pytest.raises(ExamError, match=r"no result, for no exam could be read\. The first: .*good\.png: .*DICOM"):
        evaluate([entries[0], entries[2]], tmp_path, outputs=("capture",))
    refused = json.loads((tmp_path / "out" / "refused.json").read_text())
    assert [item["file"] for item in refused] == ["good.png", "good.png"]


def test_no_result_at_all_is_an_error(entries: list[dict], tmp_path: Path) -> None:
    with pytest.raises(ExamError, match=r"no result, for no exam could be read\. The first: .*bad\.png"):
        evaluate([entries[1]], tmp_path)


def test_training_does_not_lose_exams_unnoticed(entries: list[dict], tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"bad\.png: is neither a DICOM nor a PNG file"):
        evaluate(entries, tmp_path, allow_refused=False)


def test_outputs_of_another_kind(entries: list[dict], tmp_path: Path) -> None:
    with pytest.raises(DibmgError, match=r"outputs is \['maps'\]; a list of any of overlay, map, capture is needed"):
        WriteResults(tmp_path, entries=entries, dataset_dir=tmp_path, model=MODEL, outputs=["maps"])
