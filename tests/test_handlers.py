"""The engine's parts: metrics of labelled exams, the best model kept, seeds by epoch, results as they come."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedEvaluator
from monai.transforms import RandShiftIntensityd
from PIL import Image

from dibmg_monai.errors import ExamError, ModelError
from dibmg_monai.handlers import (
    BestModel,
    PrepareExamBatch,
    SeedEpochs,
    WriteResults,
    labelled_scores,
    latest_checkpoint,
)
from dibmg_monai.inference import ModelInfo
from dibmg_monai.network import DIBMG
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.transforms import ExamScored, LoadExamd

MODEL = ModelInfo("test", "0", "0" * 64)


def validation(best: BestModel, value: float, *, epoch: int) -> None:
    """What the handler sees at the end of a validation."""
    engine = Engine(lambda engine, batch: None)
    engine.state.metrics, engine.state.epoch = {"val_auc": value}, epoch
    best(engine)


def test_unlabelled_and_unreadable_exams_are_in_no_metric() -> None:
    items = [(0.9, 1), (0.2, 0), (0.5, -1), (float("nan"), 1)]
    output = [{"score": torch.tensor([score]), "label": {"label": label}} for score, label in items]
    scores, labels = labelled_scores(output)
    assert scores.flatten().tolist() == pytest.approx([0.9, 0.2])
    assert labels.flatten().tolist() == [1, 0]


def test_the_best_model_is_kept_and_remembered(tmp_path: Path) -> None:
    network, path = torch.nn.Linear(1, 1), tmp_path / "new" / "model.pt"

    def weight() -> float:
        return torch.load(path, weights_only=True)["weight"].item()

    best = BestModel(network, path=path)
    for epoch, (value, filled) in enumerate([(float("nan"), 0.0), (0.6, 1.0), (0.8, 2.0), (0.7, 3.0)], start=1):
        torch.nn.init.constant_(network.weight, filled)
        validation(best, value, epoch=epoch)
    assert weight() == 2.0
    resumed = BestModel(network, path=path)
    resumed.load_state_dict(best.state_dict())
    validation(resumed, 0.75, epoch=5)
    assert (weight(), resumed.epoch) == (2.0, 3)
    validation(resumed, 0.85, epoch=6)
    assert weight() == 3.0
    assert [file.name for file in path.parent.iterdir()] == ["model.pt"]


def test_seeds_depend_on_run_and_epoch_alone() -> None:
    def draws(seed: int, epoch: int) -> list[float]:
        torch.rand(epoch + 3)  # whatever was drawn before does not matter
        data = Dataset([{"image": torch.zeros(1)}] * 4, RandShiftIntensityd("image", offsets=1.0, prob=1.0))
        engine = Engine(lambda engine, batch: None)
        engine.state.epoch = epoch
        SeedEpochs(seed, dataset=data)(engine)
        return [*(float(item["image"]) for item in data), float(torch.rand(1))]

    assert draws(0, 1) == draws(0, 1)
    assert len({tuple(draws(seed, epoch)) for seed in (0, 5) for epoch in (1, 2)}) == 4


def test_latest_checkpoint_is_of_the_highest_epoch(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no checkpoint_epoch=N\.pt to resume from"):
        latest_checkpoint(tmp_path)
    for epoch in (9, 10):
        (tmp_path / f"checkpoint_epoch={epoch}.pt").touch()
    assert latest_checkpoint(tmp_path) == str(tmp_path / "checkpoint_epoch=10.pt")


@pytest.fixture
def entries(tmp_path: Path, breast: Callable[..., np.ndarray]) -> list[dict]:
    Image.fromarray(breast(wall="left") * 16).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"no image")
    return [{"exam_id": name, "label": 1, "LCC": f"{kind}.png"} for name, kind in zip("abc", ["good", "bad", "good"])]


def evaluate(entries: list[dict], folder: Path) -> None:
    loader = LoadExamd(Preprocessing(image_size=64), dataset_dir=folder, refuse=True)
    writer = WriteResults(folder / "out", entries=entries, dataset_dir=folder, model=MODEL, outputs=["map"])
    SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(entries, loader), batch_size=2, num_workers=0),
        network=DIBMG(init_widths=(4, 4), residual_widths=(4, 4, 4, 4)),
        prepare_batch=PrepareExamBatch(),
        postprocessing=ExamScored(),
        val_handlers=[writer],
    ).run()


def test_one_bad_exam_does_not_stop_the_others(entries: list[dict], tmp_path: Path) -> None:
    evaluate(entries, tmp_path)
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    (refused,) = json.loads((tmp_path / "out" / "refused.json").read_text())
    assert [result["exam_id"] for result in results] == ["a", "c"]
    assert refused["exam_id"] == "b"
    assert "bad.png: is neither a DICOM nor a PNG file" in refused["reason"]
    assert (tmp_path / "out" / results[0]["views"]["LCC"]["map"]).is_file()


def test_no_result_at_all_is_an_error(entries: list[dict], tmp_path: Path) -> None:
    with pytest.raises(ExamError, match=r"no result, for no exam could be read\. The first: .*bad\.png"):
        evaluate([entries[1]], tmp_path)
