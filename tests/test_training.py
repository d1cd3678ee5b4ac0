"""Seeds by epoch, the best model kept, and a training that goes on where it stopped."""

from pathlib import Path

import pytest
import torch
from ignite.engine import Engine, Events
from monai.data import Dataset
from monai.transforms import RandShiftIntensityd

from dibmg_monai.errors import FolderError, ModelError
from dibmg_monai.network import DIBMG
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.training import BestModel, Checkpoint, SeedEpochs, ShareBuffers
from dibmg_monai.weights import load_predictor

BUNDLE = Path(__file__).parents[1] / "bundle"


def validation(best: BestModel, value: float, *, epoch: int) -> None:
    """What the handler sees at the end of a validation."""
    engine = Engine(lambda engine, batch: None)
    engine.state.metrics, engine.state.epoch = {"val_auc": value}, epoch
    best(engine)


def test_the_best_model_is_kept_and_remembered(tmp_path: Path) -> None:
    network, path = DIBMG(init_widths=(2, 2), residual_widths=(2, 2, 2, 2)), tmp_path / "new" / "model.pt"
    preprocessing = Preprocessing(image_size=64, remove_background=True)

    def weight() -> float:
        return torch.load(path, weights_only=True)["aggregate_block.bias"][0].item()

    best = BestModel(network, path=path, preprocessing=preprocessing)
    for epoch, (value, filled) in enumerate([(float("nan"), 0.0), (0.6, 1.0), (0.8, 2.0), (0.7, 3.0)], start=1):
        torch.nn.init.constant_(network.aggregate_block.bias, filled)
        validation(best, value, epoch=epoch)
    assert weight() == 2.0
    resumed = BestModel(network, path=path, preprocessing=preprocessing)
    resumed.load_state_dict(best.state_dict())
    validation(resumed, 0.75, epoch=5)
    assert (weight(), resumed.epoch) == (2.0, 3)
    validation(resumed, 0.85, epoch=6)
    assert weight() == 3.0
    assert sorted(file.name for file in path.parent.iterdir()) == ["model.pt", "model.yaml"]


def test_weights_bring_their_network_and_preprocessing_along(tmp_path: Path) -> None:
    network = DIBMG(init_widths=(2, 4), residual_widths=(4, 4, 6, 6), stem_stride=1, pools=(2, 2, 1, 1, 1, 1))
    preprocessing = Preprocessing(image_size=64, remove_background=True)
    validation(BestModel(network, path=tmp_path / "model.pt", preprocessing=preprocessing), 0.5, epoch=1)
    predictor = load_predictor(BUNDLE, model_path=tmp_path / "model.pt")
    assert predictor.preprocessing == preprocessing
    image = torch.rand(1, 4, 64, 64)
    torch.testing.assert_close(predictor.network(image), network.eval()(image))


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


class Trainer(Engine):
    """Counts its epochs in a weight, up to ``epochs``."""

    def __init__(self, path: Path, *, epochs: int, resume: bool = False) -> None:
        super().__init__(lambda engine, batch: self.network.bias.add_(1))
        self.network = torch.nn.Linear(1, 1).requires_grad_(False)
        torch.nn.init.zeros_(self.network.bias)
        self.state.max_epochs, self.state.epoch_length = epochs, 1
        Checkpoint(path, state={"net": self.network}, resume=resume).attach(self)

    def train(self) -> tuple[list[int], float]:
        """Epochs run, and the weight."""
        epochs: list[int] = []
        self.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: epochs.append(engine.state.epoch))
        self.run([0], max_epochs=self.state.max_epochs)
        return epochs, self.network.bias.item()


def test_training_goes_on_after_the_last_epoch(tmp_path: Path) -> None:
    path = tmp_path / "new" / "checkpoint.pt"
    assert Trainer(path, epochs=2).train() == ([1, 2], 2.0)
    assert Trainer(path, epochs=4, resume=True).train() == ([3, 4], 4.0)
    assert Trainer(path, epochs=3, resume=True).train() == ([], 4.0)
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"checkpoint\.pt: no such checkpoint to resume from; train without resume first"),
        (b"torn", r"checkpoint\.pt: is no PyTorch weights file"),
        ({"net": {}}, r"checkpoint\.pt: is no checkpoint of a training like this one"),
        ({"epoch": 1, "net": {"other": torch.zeros(1)}}, r"checkpoint\.pt: is no checkpoint of a training like this"),
    ],
)
def test_what_is_no_checkpoint(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "checkpoint.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    with pytest.raises(ModelError, match=message):
        Trainer(path, epochs=1, resume=True).train()


def test_a_checkpoint_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"checkpoint\.pt: cannot be written"):
        Trainer(tmp_path / "file" / "checkpoint.pt", epochs=1).train()


def validate_in_process(rank: int, folder: Path) -> None:
    """One of two processes, whose networks saw other exams."""
    torch.set_num_threads(1)  # the parent's threads are not in a forked process
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    network = torch.nn.BatchNorm1d(1)
    network(torch.arange(4.0)[:, None] + 10 * rank)
    engine = Engine(lambda engine, batch: None)
    ShareBuffers(network).attach(engine)
    engine.run([0] * (2 - rank))  # not equally many steps
    torch.save(network.state_dict(), folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


def test_all_processes_validate_the_same_network(tmp_path: Path) -> None:
    torch.multiprocessing.start_processes(validate_in_process, args=(tmp_path,), nprocs=2, start_method="fork")
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    torch.testing.assert_close(second, first, rtol=0, atol=0)
    assert first["running_mean"].item() == pytest.approx(0.1 * 1.5)
