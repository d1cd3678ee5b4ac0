"""What training needs of MONAI's engines beyond their own: seeds by epoch, the best model, and a way to go on."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from monai.data.utils import set_rnd
from monai.engines import Workflow
from monai.utils import set_determinism

from dibmg_monai.errors import ModelError, truth
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.weights import read_state, write_model_config, write_state

if TYPE_CHECKING:
    from dibmg_monai.network import DIBMG
    from dibmg_monai.peer import ResNet18CAM


class SeedEpochs:
    """Seeds every epoch by its number, so that a resumed training goes on as an unbroken one would.

    Args:
        seed: of the run.
        dataset: the training data set, whose random transforms are seeded too.
    """

    def __init__(self, seed: int, *, dataset: torch.utils.data.Dataset) -> None:
        self.seed = seed
        self.dataset = dataset

    def attach(self, engine: Workflow) -> None:
        """Attach to the trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Workflow) -> None:
        """Seed the epoch that starts; each process of several draws its own augmentations."""
        seed = (self.seed + engine.state.epoch * idist.get_world_size() + idist.get_rank()) % 2**31
        set_determinism(seed, use_deterministic_algorithms=None)
        set_rnd(self.dataset, seed)


class BestModel:
    """Keeps the weights that did best on the validation set (Kim 2018, Evaluation of the Algorithm).

    Its state belongs into the checkpoint: a resumed training then still knows what it has to beat.

    Args:
        network: what to save, not wrapped for several processes.
        path: the weights file, written as a whole or not at all; a config that describes them is written beside it.
        preprocessing: what the network is trained with, for that config.
        metric: name of the evaluator's metric; larger is better.
    """

    def __init__(
        self, network: "DIBMG | ResNet18CAM", *, path: str | Path, preprocessing: Preprocessing, metric: str = "val_auc"
    ) -> None:
        self.network = network
        self.path = Path(path)
        self.preprocessing = preprocessing
        self.metric = metric
        self.value, self.epoch = float("-inf"), 0
        self.logger = logging.getLogger(__name__)

    def attach(self, engine: Workflow) -> None:
        """Attach to the evaluator."""
        engine.add_event_handler(Events.STARTED, self.remind)
        engine.add_event_handler(Events.COMPLETED, self)

    def remind(self, engine: Workflow) -> None:
        """Tell the engine, whose log names the best value, what that is: it does not know in a resumed training."""
        engine.state.best_metric, engine.state.best_metric_epoch = self.value, self.epoch

    def __call__(self, engine: Workflow) -> None:
        """Save if this validation is the best so far; one without a number (a single class, say) never is."""
        value = float(engine.state.metrics[self.metric])
        if not value > self.value:
            return
        self.value, self.epoch = value, engine.state.epoch
        if idist.get_rank() == 0:
            write_state(self.network.state_dict(), path=self.path)
            write_model_config(self.path, network=self.network, preprocessing=self.preprocessing)
            self.logger.info("best %s so far: %.4f in epoch %d, kept in %s", self.metric, value, self.epoch, self.path)

    def state_dict(self) -> dict[str, float | int]:
        """For the checkpoint."""
        return {"value": self.value, "epoch": self.epoch}

    def load_state_dict(self, state: Mapping[str, float | int]) -> None:
        """From the checkpoint."""
        self.value, self.epoch = float(state["value"]), int(state["epoch"])


class Checkpoint:
    """Keeps the last epoch's state of a training in one file, and goes on from it.

    MONAI's ``CheckpointSaver`` removes the last file before it writes the next one in place: a run that is killed
    meanwhile has neither.

    Args:
        path: the file.
        state: name -> network (not wrapped), optimizer, schedule, best model: what has a ``state_dict``.
        resume: start from the file, not from the beginning.
    """

    def __init__(self, path: str | Path, *, state: Mapping[str, Any], resume: bool = False) -> None:
        self.path = Path(path)
        self.state = state
        self.resume = truth(resume, name="resume")

    def attach(self, engine: Workflow) -> None:
        """Attach to the trainer, after the handlers that change the state at the end of an epoch."""
        if self.resume:
            engine.add_event_handler(Events.STARTED, self.load)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.save)

    def save(self, engine: Workflow) -> None:
        """Write the file."""
        if idist.get_rank() == 0:
            states = {name: part.state_dict() for name, part in self.state.items()}
            write_state({"epoch": engine.state.epoch, **states}, path=self.path)

    def load(self, engine: Workflow) -> None:
        """Restore the state, and the epoch.

        Raises:
            ModelError: if there is no file, or not that of such a training.
        """
        if not self.path.is_file():
            raise ModelError(f"{self.path}: no such checkpoint to resume from; train without resume first")
        saved = read_state(self.path)
        try:
            for name, part in self.state.items():
                part.load_state_dict(saved[name])
            engine.state.epoch = int(saved["epoch"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise ModelError(f"{self.path}: is no checkpoint of a training like this one ({error})") from error
        engine.state.iteration = engine.state.epoch * engine.state.epoch_length
        engine.logger.info("resumed from %s, after epoch %d of %d", self.path, saved["epoch"], engine.state.max_epochs)


class ShareBuffers:
    """Gives all processes the first one's buffers before a validation: each has its own running averages.

    Args:
        network: not wrapped, as the evaluator runs it: ``DistributedDataParallel`` would share in every step, and wait
            for processes that have no exams left.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network

    def attach(self, engine: Workflow) -> None:
        """Attach to the evaluator."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Workflow) -> None:
        """Share."""
        for buffer in self.network.buffers():
            torch.distributed.broadcast(buffer, src=0)
