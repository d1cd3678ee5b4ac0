"""The engine's parts: batches, metrics of labelled exams, results as they come."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.handlers import StatsHandler
from PIL import Image
from sklearn.metrics import roc_auc_score

from dibmg_monai.errors import DibmgError, ExamError, ImageError
from dibmg_monai.handlers import ExamAUC, PassKnownErrors, PrepareExamBatch, WriteResults, labelled_scores
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


@pytest.mark.parametrize("count", [8, 1])
def test_auc_is_that_of_the_exams_with_label_and_score(count: int) -> None:
    torch.manual_seed(0)
    scores, labels = torch.rand(40).round(decimals=1), torch.randint(-1, 2, (40,))
    scores[::5] = torch.nan
    items = [{"score": score[None], "label": {"label": label}} for score, label in zip(scores, labels, strict=True)]
    engine = Engine(lambda engine, batch: batch)
    ExamAUC().attach(engine, "auc")
    engine.run([items[start : start + count] for start in range(0, len(items), count)])
    known = (labels >= 0) & ~scores.isnan()
    assert engine.state.metrics["auc"] == pytest.approx(roc_auc_score(labels[known], scores[known]))
    engine.run([items[:1]])
    assert math.isnan(engine.state.metrics["auc"])


@pytest.fixture
def entries(tmp_path: Path, breast: Callable[..., np.ndarray]) -> list[dict]:
    Image.fromarray(breast(wall="left") * 16).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    return [
        {"exam_id": name, "label": 1, "LCC": f"{kind}.png"}
        for name, kind in zip("abc", ["good", "bad", "good"], strict=True)
    ]


def evaluate(
    entries: list[dict], folder: Path, *, outputs: tuple[str, ...] = ("json", "nifti"), allow_refused: bool = True
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
    assert (refused["exam_id"], refused["file"], refused["code"]) == ("b", "bad.png", "not-dicom")
    assert refused["reason"].startswith("is neither a DICOM nor a PNG file")
    assert (tmp_path / "out" / results[0]["views"]["LCC"]["map"]).is_file()


def test_an_exam_whose_files_cannot_be_made_is_refused(entries: list[dict], tmp_path: Path) -> None:
    with pytest.raises(ExamError, match=r"no result, for no exam could be read\. The first: .*good\.png: .*DICOM"):
        evaluate([entries[0], entries[2]], tmp_path, outputs=("json", "sc"))
    refused = json.loads((tmp_path / "out" / "refused.json").read_text())
    assert [item["file"] for item in refused] == ["good.png", "good.png"]


def test_no_result_at_all_is_an_error(entries: list[dict], tmp_path: Path) -> None:
    with pytest.raises(ExamError, match=r"no result, for no exam could be read\. The first: .*bad\.png"):
        evaluate([entries[1]], tmp_path)


def test_training_does_not_lose_exams_unnoticed(entries: list[dict], tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"bad\.png: is neither a DICOM nor a PNG file"):
        evaluate(entries, tmp_path, allow_refused=False)


def test_errors_that_a_user_can_mend_are_logged_without_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def fail(kind: type[Exception]) -> bool:
        def step(engine: Engine, batch: object) -> None:
            raise RuntimeError("while reading") from kind("said")

        engine = Engine(step)
        for handler in (PassKnownErrors(), StatsHandler(name=None)):
            handler.attach(engine)
        caplog.clear()
        with pytest.raises(RuntimeError, match="while reading"):
            engine.run([0])
        return any(record.exc_info for record in caplog.records)

    assert fail(ValueError)
    assert not fail(ExamError)


def test_outputs_of_another_kind(entries: list[dict], tmp_path: Path) -> None:
    with pytest.raises(DibmgError, match=r"outputs is \['maps'\]; any of json, png, .* is needed"):
        WriteResults(tmp_path, entries=entries, dataset_dir=tmp_path, model=MODEL, outputs=["maps"])
