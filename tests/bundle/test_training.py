"""Training as configured: the paper's recipe, and a run that is stopped goes on as if it had not been."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser
from monai.transforms import Compose
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from dibmg_monai.errors import DatalistError, DibmgError
from dibmg_monai.loss import ExamLoss
from dibmg_monai.weights import load_predictor

from .conftest import BUNDLE, Configure, LastWords, unwrapped

SHORT = {"epochs": 4, "batch_size": 4}


@pytest.fixture
def recipe() -> ConfigParser:
    """The training config as shipped."""
    return ConfigParser(ConfigParser.load_config_file(BUNDLE / "configs" / "train.yaml"))


def test_the_recipe_is_the_papers(recipe: ConfigParser) -> None:
    """Kim 2018, Training Set-up."""
    assert [recipe[key] for key in ("image_size", "epochs", "batch_size", "val_interval")] == [1600, 30, 16, 1]
    assert recipe["train#trainer#max_epochs"] == "@epochs"
    assert recipe["train#dataloader#batch_size"] == "@batch_size"
    assert recipe.get_parsed_content("exam_preprocessing").image_size == 1600
    optimizer, loss = recipe.get_parsed_content("optimizer"), recipe.get_parsed_content("loss")
    assert type(optimizer) is torch.optim.SGD
    (group,) = optimizer.param_groups
    assert {key: group[key] for key in ("lr", "momentum", "weight_decay", "nesterov", "dampening")} == {
        "lr": 0.001,
        "momentum": 0.9,
        "weight_decay": 0.0005,
        "nesterov": False,
        "dampening": 0,
    }
    assert sum(map(torch.numel, group["params"])) == sum(
        map(torch.numel, recipe.get_parsed_content("network_def").parameters())
    )
    assert isinstance(loss, ExamLoss)
    assert loss.cross_entropy.label_smoothing == 0


def test_the_page_on_speed_names_overrides_of_the_recipe(recipe: ConfigParser) -> None:
    page = re.sub(r'BENCH="[^"]*"', "", (BUNDLE.parent / "docs" / "training.md").read_text())  # options of another tool
    named = re.findall(r"--(\w+)", page)
    assert {"cache_dir", "checkpointing", "accumulation"} <= set(named) <= recipe.config.keys()


def test_the_learning_rate_falls_to_a_fifth_every_ten_epochs(recipe: ConfigParser) -> None:
    optimizer, schedule = recipe.get_parsed_content("optimizer"), recipe.get_parsed_content("lr_scheduler")
    rates = []
    for _ in range(recipe["epochs"]):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.001] * 10 + [0.0002] * 10 + [0.00004] * 10)


def test_contrast_and_brightness_vary_by_a_tenth(recipe: ConfigParser) -> None:
    change = Compose(recipe.get_parsed_content("train#augmentation")).set_random_state(0)
    image = torch.full((4, 8, 8), -0.5)
    image[:, ::2] = 0.5
    changed = [change({"image": image})["image"] for _ in range(300)]
    contrast = torch.stack([new.max() - new.min() for new in changed]) - 1  # 0 if unchanged
    brightness = torch.stack([new.mean() / 2 for new in changed])  # of the range -1..1
    for factor in (contrast, brightness):
        assert factor.abs().max() <= 0.1 + 1e-6
        assert factor.min() < -0.09
        assert factor.max() > 0.09
    white = [change({"image": torch.ones(4, 8, 8)})["image"].max() for _ in range(20)]
    assert max(white) <= 1


def states(folder: Path) -> dict[str, Any]:
    """Checkpoint and best model."""
    return {name: torch.load(folder / name, weights_only=True) for name in ("checkpoint.pt", "model.pt")}


def stopped_in_epoch(configure: Configure, *names: str, epoch: int, **overrides: object) -> None:
    """A training that ends within an epoch."""
    workflow = configure(*names, **overrides)
    last = (epoch - 1) * workflow.trainer.state.epoch_length + 1
    workflow.trainer.add_event_handler(Events.ITERATION_COMPLETED(once=last), Engine.terminate)
    workflow.run()
    assert workflow.trainer.state.epoch == epoch


@pytest.mark.parametrize(
    ("names", "overrides"),
    [
        (("train",), {}),
        (("train",), {"num_workers": 2}),
        (("train", "film"), {}),
        (("train", "film", "pretrain"), {"crop_size": 32, "mass_diameter": [4, 8]}),
    ],
    ids=["train", "workers", "film", "pretrain"],
)
def test_a_resumed_training_is_as_an_unbroken_one(
    configure: Configure, tmp_path: Path, names: tuple[str, ...], overrides: dict[str, object]
) -> None:
    configure(*names, **SHORT, **overrides, output_dir=str(tmp_path / "unbroken")).run()
    stopped_in_epoch(configure, *names, **SHORT, **overrides, epoch=3)
    workflow = configure(*names, **SHORT, **overrides, resume=True)
    workflow.run()
    unbroken, resumed = states(tmp_path / "unbroken"), states(tmp_path / "out")
    torch.testing.assert_close(resumed, unbroken, rtol=0, atol=0)
    assert resumed["checkpoint.pt"]["epoch"] == 4
    assert resumed["checkpoint.pt"]["best"]["value"] == workflow.evaluator.state.best_metric > 0


@pytest.mark.parametrize(
    ("names", "overrides"),
    [
        (("train",), {"num_workers": 2}),
        (("train", "film"), {}),
        (("train", "film", "pretrain"), {"crop_size": 32, "mass_diameter": [4, 8]}),
    ],
    ids=["train", "film", "pretrain"],
)
def test_a_cache_on_disk_changes_next_to_nothing(
    configure: Configure, exams: Path, tmp_path: Path, names: tuple[str, ...], overrides: dict[str, object]
) -> None:
    overrides = {"epochs": 2, "batch_size": 5, **overrides}
    for folder, cache in (("none", None), ("new", "cache"), ("filled", "cache")):
        cache_dir = cache and str(tmp_path / cache)
        configure(*names, **overrides, cache_dir=cache_dir, output_dir=str(tmp_path / folder)).run()
    without, new, filled = (states(tmp_path / folder)["checkpoint.pt"]["net"] for folder in ("none", "new", "filled"))
    torch.testing.assert_close(filled, new, rtol=0, atol=0)
    torch.testing.assert_close(new, without, rtol=0.01, atol=0.01)
    parts = json.loads((exams / "datalist.json").read_text())
    used = [e for part in ("training", "validation") for e in parts[part] if "pretrain" not in names or not e["label"]]
    assert len(list((tmp_path / "cache").iterdir())) == len(used)


@pytest.mark.parametrize("names", [("train",), ("train", "film")], ids=["train", "film"])
def test_checkpointing_changes_nothing(configure: Configure, tmp_path: Path, names: tuple[str, ...]) -> None:
    overrides = {"epochs": 2, "batch_size": 4, "accumulation": 2}
    for checkpointing in (False, True):
        configure(*names, **overrides, checkpointing=checkpointing, output_dir=str(tmp_path / str(checkpointing))).run()
    kept, forgotten = (states(tmp_path / name) for name in ("False", "True"))
    torch.testing.assert_close(forgotten, kept, rtol=0, atol=0)


@pytest.mark.parametrize("amp", [False, True])
def test_the_layers_see_channels_last_and_half_precision(configure: Configure, amp: bool) -> None:
    workflow = configure("train", epochs=1, batch_size=4, amp=amp)
    seen: dict[str, torch.Tensor] = {}
    for name, module in workflow.network_def.named_modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.BatchNorm2d):
            module.register_forward_hook(lambda module, inputs, output, name=name: seen.update({name: output}))
    workflow.run()
    assert len(seen) == 19 + 18
    assert all(features.is_contiguous(memory_format=torch.channels_last) for features in seen.values())
    assert {features.dtype for features in seen.values()} == {torch.bfloat16 if amp else torch.float32}
    assert {type(features) for features in seen.values()} == {torch.Tensor}


def test_the_peer_trains_and_its_weights_are_evaluated(configure: Configure, bundle: Path, tmp_path: Path) -> None:
    configure("train", "film", "peer", epochs=1, batch_size=4).run()
    config = yaml.safe_load((tmp_path / "out" / "model.yaml").read_text())
    assert config["network_def"] == {"_target_": "dibmg_monai.peer.ResNet18CAM"}
    predictor = load_predictor(bundle, model_path=tmp_path / "out" / "model.pt")
    assert type(predictor.network).__name__ == "ResNet18CAM"


def test_seeds_differ(configure: Configure, tmp_path: Path) -> None:
    for seed in (0, 1):
        configure("train", epochs=1, batch_size=4, seed=seed, output_dir=str(tmp_path / str(seed))).run()
    first, second = (states(tmp_path / str(seed))["model.pt"]["aggregate_block.weight"] for seed in (0, 1))
    assert not torch.equal(first, second)


def test_a_resumed_training_keeps_a_better_model(configure: Configure, tmp_path: Path) -> None:
    configure("train", epochs=1, batch_size=4).run()
    checkpoint = states(tmp_path / "out")["checkpoint.pt"]
    checkpoint["best"] = {"value": 1.0, "epoch": 1}  # as good as can be
    torch.save(checkpoint, tmp_path / "out" / "checkpoint.pt")
    kept = (tmp_path / "out" / "model.pt").read_bytes()
    workflow = configure("train", epochs=3, batch_size=4, resume=True)
    workflow.run()
    assert workflow.trainer.state.epoch == 3
    assert (tmp_path / "out" / "model.pt").read_bytes() == kept
    assert states(tmp_path / "out")["checkpoint.pt"]["best"] == {"value": 1.0, "epoch": 1}


def test_the_best_model_is_the_one_that_was_validated(configure: Configure, tmp_path: Path) -> None:
    configure("train", **SHORT).run()
    best = states(tmp_path / "out")["checkpoint.pt"]["best"]["value"]
    evaluation = configure(
        "evaluate", part="validation", model_path=str(tmp_path / "out" / "model.pt"), remove_background=False
    )
    evaluation.run()
    assert evaluation.evaluator.state.metrics["auc"] == pytest.approx(best)


def test_training_starts_from_weights_and_is_logged(configure: Configure, bundle: Path, tmp_path: Path) -> None:
    weights = bundle / "models" / "model.pt"
    workflow = configure("train", epochs=2, batch_size=4, learning_rate=0.0, init_path=str(weights))
    workflow.run()
    initial, final = torch.load(weights, weights_only=True), states(tmp_path / "out")["checkpoint.pt"]["net"]
    assert all(torch.equal(final[name], initial[name]) for name, _ in workflow.network_def.named_parameters())
    logged: dict[str, list[int]] = {}
    for path in (tmp_path / "out" / "tensorboard").iterdir():
        events = EventAccumulator(str(path)).Reload()
        logged |= {tag: [event.step for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    assert logged["val_auc"] == logged["train_auc"] == [1, 2]
    assert logged["train_loss"] == [1, 2, 3, 4]


def test_overrides_by_name(configure: Configure) -> None:
    workflow = configure(
        "train", **{"epochs": 7, "learning_rate": 0.5, "image_size": 96, "optimizer#nesterov": True, "batch_size": 3}
    )
    assert workflow.max_epochs == workflow.trainer.state.max_epochs == 7
    group = workflow.parser.get_parsed_content("optimizer").param_groups[0]
    assert (group["lr"], group["nesterov"]) == (0.5, True)
    assert workflow.train_dataset[0]["image"].shape == (4, 96, 96)
    assert len(workflow.trainer.data_loader) == 3


def test_mixed_precision_trains_almost_alike(configure: Configure, tmp_path: Path) -> None:
    configure("train", epochs=1, batch_size=4, output_dir=str(tmp_path / "full")).run()
    configure("train", epochs=1, batch_size=4, amp=True).run()
    full, mixed = (states(tmp_path / name)["checkpoint.pt"]["net"] for name in ("full", "out"))
    assert any(not torch.equal(full[name], mixed[name]) for name in full)
    torch.testing.assert_close(mixed, full, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("batch_size", [4, 5, 8, 16])
def test_processes_have_exams_whatever_the_batch_size(configure: Configure, batch_size: int) -> None:
    """Two processes share ten exams; of a batch that is not full, none may be left."""
    sampler = {
        "_target_": "DistributedSampler",
        "dataset": "@train#dataset",
        "even_divisible": True,
        "num_replicas": 2,
        "rank": 1,
    }
    workflow = configure("train", batch_size=batch_size, **{"train#sampler": sampler})
    batches = list(workflow.trainer.data_loader)
    assert [len(batch["exam_id"]) for batch in batches] == [min(batch_size, 5)]


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("cache_rate", [0.0, 1.0])
def test_an_unreadable_exam_ends_training_without_traceback(
    configure: Configure, exams: Path, broken: Path, last_words: LastWords, num_workers: int, cache_rate: float
) -> None:
    workflow = configure("train", **SHORT, datalist=str(broken), num_workers=num_workers, cache_rate=cache_rate)
    said = last_words(workflow.run)
    assert (
        f"error: {exams / 'broken.png'}: is neither a DICOM nor a PNG file, nor PGM or TIFF; one of these is needed\n"
        in said
    )
    assert "Traceback" not in said


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_cache_that_cannot_be_written_ends_training_without_traceback(
    configure: Configure, tmp_path: Path, last_words: LastWords, num_workers: int
) -> None:
    (tmp_path / "file").touch()
    workflow = configure("train", **SHORT, cache_dir=str(tmp_path / "file"), num_workers=num_workers)
    said = last_words(workflow.run)
    assert f"error: {tmp_path / 'file'}/" in said
    assert ".exam: cannot be written (File exists); a writable folder with room left is needed\n" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"resume": True}, r"checkpoint\.pt: no such checkpoint to resume from; train without resume first"),
        ({"init_path": __file__}, "is no PyTorch weights file"),
        ({"output_dir": __file__}, "cannot be written"),
        ({"datalist": "missing.json"}, r"missing\.json: cannot be read"),
        ({"checkpointing": "yes"}, "checkpointing is 'yes'; True or False is needed"),
        ({"image_size": 0}, "image_size is 0; a number of pixels, 1 or more, is needed"),
    ],
)
def test_what_a_user_can_get_wrong(configure: Configure, overrides: dict[str, object], message: str) -> None:
    with pytest.raises(DibmgError, match=message), unwrapped():
        configure("train", **SHORT, **overrides).run()


def test_a_datalist_without_labels(configure: Configure, exams: Path, tmp_path: Path) -> None:
    parts = json.loads((exams / "datalist.json").read_text())
    del parts["training"][0]["label"]
    (tmp_path / "unlabelled.json").write_text(json.dumps(parts))
    with pytest.raises(DatalistError, match=r"1 exams have no label, .* first; 0 or 1 is needed here"), unwrapped():
        configure("train", datalist=str(tmp_path / "unlabelled.json")).run()
