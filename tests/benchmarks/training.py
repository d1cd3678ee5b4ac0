"""What training costs beside its steps alone, and how much memory a step needs: the recipe of train.yaml on phantoms.

A training's steps and the same steps alone take turns. All is computed on one core; the other is the workers'.
"""

import json
import logging
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import torch
from cost import apart, measure
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.transforms import Compose
from progress import say
from settings import BUNDLE, Settings
from tables import Table, Value
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed import destroy_process_group, init_process_group
from torch.distributed._tools.mem_tracker import MemTracker
from torch.multiprocessing import start_processes
from torch.nn.parallel import DistributedDataParallel

from dibmg_monai.checkpointing import checkpoint_blocks
from dibmg_monai.exams.assembly import assemble
from dibmg_monai.exams.datalist import write_datalist
from dibmg_monai.inferer import MixedPrecisionInferer
from dibmg_monai.loss import ExamLoss
from dibmg_monai.network import DIBMG
from dibmg_monai.phantom import write_phantoms
from dibmg_monai.pixels.cache import CachedPreprocessing
from dibmg_monai.pixels.preprocessing import Preprocessing

SMALL = 320  # pixels
USABLE = 12  # GiB
STEPS, EPOCHS = 3, 3
RUNS = 3  # of what is short; the fastest counts
WAYS: dict[str, dict[str, Any]] = {
    "exams in memory": {"cache_rate": 1.0, "num_workers": 0},
    "cache_dir, one worker": {"num_workers": 1},
    "cache_dir, no worker": {"num_workers": 0},
    "cache_dir, checkpointing": {"num_workers": 0, "checkpointing": True},
    "decoding, no worker": {"cache_dir": None, "num_workers": 0},
}


@dataclass(frozen=True)
class Seconds:
    """On the clock, and of this process on any processor."""

    clock: float
    processor: float

    @classmethod
    def now(cls) -> "Seconds":
        return cls(time.perf_counter(), time.process_time())

    def since(self, start: "Seconds", *, steps: int) -> "Seconds":
        return Seconds((self.clock - start.clock) / steps, (self.processor - start.processor) / steps)


def fastest(several: list[Seconds]) -> Seconds:
    return Seconds(min(one.clock for one in several), min(one.processor for one in several))


class TakeTurns:
    """A training's own steps, and after each epoch the same steps in a loop on a batch in memory; seconds a step.

    An epoch's first step does not count: workers start in it.
    """

    def __init__(self, workflow: ConfigWorkflow) -> None:
        self.trainer = workflow.trainer
        batch = next(iter(self.trainer.data_loader))
        self.images, self.target = self.trainer.prepare_batch(batch, self.trainer.state.device)
        self.trained: list[Seconds] = []
        self.alone: list[Seconds] = []
        self.trainer.add_event_handler(Events.ITERATION_COMPLETED, self.step_of_the_trainer)
        self.trainer.add_event_handler(Events.EPOCH_COMPLETED, self.steps_alone)

    def step_of_the_trainer(self, engine: Engine) -> None:
        done = (engine.state.iteration - 1) % STEPS
        if done == 0:
            self.start = Seconds.now()
        elif done == STEPS - 1:
            self.trained.append(Seconds.now().since(self.start, steps=done))

    def steps_alone(self, engine: Engine) -> None:
        trainer, start = self.trainer, Seconds.now()
        for _ in range(STEPS - 1):
            trainer.network.train()
            trainer.optimizer.zero_grad()
            trainer.loss_function(trainer.inferer(self.images, trainer.network), self.target).backward()
            trainer.optimizer.step()
        self.alone.append(Seconds.now().since(start, steps=STEPS - 1))


def training(folder: Path, **overrides: Any) -> ConfigWorkflow:
    """The training as configured, initialized."""
    settings = {
        "bundle_root": str(BUNDLE),
        "dataset_dir": str(folder),
        "output_dir": str(folder / "out"),
        "cache_dir": str(folder / "cache"),
        "epochs": EPOCHS,
        "val_interval": EPOCHS + 1,
        "device": "$torch.device('cpu')",
    }
    config = str(BUNDLE / "configs" / "train.yaml")
    workflow = ConfigWorkflow(config, logging_file=False, workflow_type="train", **settings | overrides)
    workflow.initialize()
    return workflow


def write_exams(folder: Path, *, exams: int, rows: int) -> None:
    """Phantoms for training, and one to validate on."""
    parts = json.loads(write_phantoms(folder, exams=exams + 1, rows=rows, seed=1).read_text())
    last, *others = (entry for part in parts.values() for entry in part)
    write_datalist({"training": others, "validation": [last]}, path=folder / "datalist.json")


def training_speeds(*, image_size: int, batch_size: int) -> Iterator[tuple[str, Seconds, Seconds]]:
    """What is trained on; what a step of the training costs; what a step alone costs."""
    with tempfile.TemporaryDirectory() as name:
        write_exams(Path(name), exams=STEPS * batch_size, rows=image_size * 3 // 2)
        for way, overrides in WAYS.items():
            with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
                workflow = training(Path(name), image_size=image_size, batch_size=batch_size, **overrides)
                turns = TakeTurns(workflow)
                workflow.run()
            yield way, fastest(turns.trained), fastest(turns.alone)


def peak_memory(*, image_size: int, batch_size: int, amp: bool, checkpointing: bool) -> float:
    """GiB of all tensors alive at once in a training step, the network's and the optimizer's included.

    Nothing is computed: shapes and lifetimes are enough, and the same on all devices. What a device's library needs
    beside its tensors is not in it.
    """
    with FakeTensorMode(), MemTracker() as memory:
        network = checkpoint_blocks(DIBMG().train(), enabled=checkpointing)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
        memory.track_external(network, optimizer)
        images = torch.empty(batch_size, 4, image_size, image_size)
        target = {"label": torch.zeros(batch_size, dtype=torch.long), "view_present": torch.ones(batch_size, 4) > 0}
        ExamLoss()(MixedPrecisionInferer(amp=amp)(images, network), target).backward()
        optimizer.step()
        peak: Mapping[torch.device, Mapping[str, int]] = memory.get_tracker_snapshot("peak")
    return sum(bytes_of["Total"] for bytes_of in peak.values()) / 2**30


def loading(settings: Settings) -> Table:
    """What one exam costs on its way into a batch."""
    torch.set_num_threads(1)
    exams = assemble(settings.study).exams
    preprocessing = Preprocessing(image_size=settings.size)
    recipe = ConfigParser(ConfigParser.load_config_file(BUNDLE / "configs" / "train.yaml"))
    augment = Compose(recipe.get_parsed_content("train#augmentation"))
    item = {"image": preprocessing(exams[0]).image}
    with tempfile.TemporaryDirectory() as folder:
        cached = CachedPreprocessing(preprocessing, folder)
        decoded = measure(lambda: [preprocessing(exam) for exam in exams], repeats=RUNS).cpu_seconds / len(exams)
        mapped = measure(lambda: [cached(exam) for exam in exams], repeats=RUNS).cpu_seconds / len(exams)
        augmented = measure(lambda: augment(item), repeats=RUNS).cpu_seconds
        kept = sum(path.stat().st_size for path in Path(folder).iterdir()) / len(exams)
    return Table(
        f"An exam on its way into a batch, {settings.size} pixels",
        ("step", "CPU seconds", "of decoding"),
        [
            (name, value, value / decoded)
            for name, value in (("decoded", decoded), ("from cache_dir", mapped), ("augmented", augmented))
        ],
        (f"In cache_dir it takes {kept / 1e6:.1f} MB: {kept / 1e6:.1f} GB for 1,000 exams.",),
    )


def speeds(image_size: int, batch_size: int) -> Table:
    """Trainings of the same exams, each beside its own steps alone."""
    torch.set_num_threads(1)
    logging.disable()
    rows: list[tuple[Value, ...]] = []
    for way, trained, alone in training_speeds(image_size=image_size, batch_size=batch_size):
        speed, busy = alone.clock / trained.clock, alone.processor / trained.processor
        rows.append((way, trained.clock, speed, trained.processor, busy))
        say(f"training, {way}")
    return Table(
        f"Training at {image_size} pixels, {batch_size} exams a step, one thread",
        ("exams", "seconds a step", "speed, steps alone are 1", "CPU seconds a step", "speed by CPU"),
        rows,
    )


def memory(image_size: int) -> Table:
    """GiB of tensors in a step, for several batches."""
    rows: list[tuple[Value, ...]] = []
    for amp in (False, True):
        for checkpointing in (False, True):
            options = {"image_size": image_size, "amp": amp, "checkpointing": checkpointing}
            one, two, sixteen = (peak_memory(batch_size=count, **options) for count in (1, 2, 16))
            name = f"{'bfloat16' if amp else 'float32'}{', checkpointing' if checkpointing else ''}"
            rows.append((name, one, two, sixteen, int((USABLE - one) / (two - one)) + 1))
    return Table(
        f"Memory of a training step at {image_size} pixels, GiB of tensors",
        ("how", "1 exam", "2 exams", "16 exams", f"exams in {USABLE} GiB"),
        rows,
        (f"{USABLE} GiB of tensors: a card of 16, less what CUDA and its libraries take.",),
    )


def steps_in_process(rank: int, processes: int, folder: Path, image_size: int) -> None:
    """One of several processes that train together, an exam a step each, as multi_gpu_train.yaml wires them."""
    torch.set_num_threads(1)
    init_process_group("gloo", init_method=f"file://{folder}/{processes}", rank=rank, world_size=processes)
    options = ConfigParser.load_config_file(BUNDLE / "configs" / "multi_gpu_train.yaml")["network"]
    wiring = {name: value for name, value in options.items() if name not in ("_target_", "module")}
    network = DistributedDataParallel(DIBMG().to(memory_format=torch.channels_last), **wiring)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    images = torch.rand(1, 4, image_size, image_size) * 2 - 1
    target = {"label": torch.tensor([rank % 2]), "view_present": torch.ones(1, 4) > 0}
    costs = []
    for _ in range(10):
        start = Seconds.now()
        optimizer.zero_grad()
        ExamLoss()(network(images), target).backward()
        optimizer.step()
        costs.append(Seconds.now().since(start, steps=1))
    (folder / f"{processes}.{rank}.json").write_text(json.dumps(astuple(fastest(costs))))
    destroy_process_group()


def scaling(image_size: int) -> Table:
    """One process and two, an exam a step each."""
    rows: list[tuple[Value, ...]] = []
    alone: Seconds | None = None
    with tempfile.TemporaryDirectory() as name:
        for processes in (1, 2):
            start_processes(steps_in_process, args=(processes, Path(name), image_size), nprocs=processes)
            costs = [Seconds(*json.loads(path.read_text())) for path in Path(name).glob(f"{processes}.*.json")]
            each = Seconds(max(cost.clock for cost in costs), max(cost.processor for cost in costs))
            alone = alone or each
            speed, busy = processes * alone.clock / each.clock, processes * alone.processor / each.processor
            rows.append((processes, each.clock, speed, each.processor, busy))
    return Table(
        f"Training in processes, an exam of {image_size} pixels a step each, gloo, one thread each",
        ("processes", "seconds a step", "speed", "CPU seconds a step", "speed by CPU"),
        rows,
    )


def run(settings: Settings) -> Iterator[Table]:
    """Four tables."""
    yield apart(loading, settings)
    yield apart(speeds, SMALL, 2)
    yield apart(scaling, SMALL)
    yield apart(memory, settings.size)
