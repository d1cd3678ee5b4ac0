"""What MONAI's engines need to know about exams: batches, metrics, seeds, the best model, and results as they come."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from monai.data.utils import set_rnd
from monai.engines import PrepareBatch
from monai.utils import set_determinism

from dibmg_monai.errors import ExamError, ModelError
from dibmg_monai.exams.datalist import exam_from_entry
from dibmg_monai.inference import ModelInfo, exam_result
from dibmg_monai.outputs.exam_files import Output, write_exam
from dibmg_monai.outputs.scores import ResultsWriter
from dibmg_monai.transforms import geometries


class PrepareExamBatch(PrepareBatch):
    """A batch of ``LoadExamd`` items -> images (B, 4, S, S), and the target that ``ExamLoss`` takes."""

    def __call__(
        self,
        batchdata: dict[str, torch.Tensor],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Move what the step needs to the device."""
        image = batchdata["image"].to(device=device, non_blocking=non_blocking, **kwargs)
        target = {key: batchdata[key].to(device=device, non_blocking=non_blocking) for key in ("label", "view_present")}
        return image, target


def labelled_scores(output: Sequence[Mapping[str, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (n, 1) and labels (n, 1) of an iteration's exams, as MONAI's metrics take them.

    Exams without a label, and exams that could not be read, are in neither.
    """
    scores = torch.stack([item["score"] for item in output])
    labels = torch.tensor([[int(item["label"]["label"])] for item in output])
    known = (labels >= 0) & ~scores.isnan()
    return scores[known].unsqueeze(1), labels[known].unsqueeze(1)


class SeedEpochs:
    """Seeds every epoch by its number, so that a resumed training goes on as an unbroken one would.

    Args:
        seed: of the run.
        dataset: the training data set, whose random transforms are seeded too.
    """

    def __init__(self, seed: int, *, dataset: torch.utils.data.Dataset) -> None:
        self.seed = seed
        self.dataset = dataset

    def attach(self, engine: Engine) -> None:
        """Attach to the trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Seed the epoch that starts; each process of several draws its own augmentations."""
        seed = (self.seed + engine.state.epoch * idist.get_world_size() + idist.get_rank()) % 2**31
        set_determinism(seed, use_deterministic_algorithms=None)
        set_rnd(self.dataset, seed)


class BestModel:
    """Keeps the weights that did best on the validation set (Kim 2018, Evaluation of the Algorithm).

    Its state belongs into the checkpoint: a resumed training then still knows what it has to beat.

    Args:
        network: what to save.
        path: the weights file, written as a whole or not at all.
        metric: name of the evaluator's metric; larger is better.
    """

    def __init__(self, network: torch.nn.Module, *, path: str | Path, metric: str = "val_auc") -> None:
        self.network = network
        self.path = Path(path)
        self.metric = metric
        self.value, self.epoch = float("-inf"), 0
        self.logger = logging.getLogger(__name__)

    def attach(self, engine: Engine) -> None:
        """Attach to the evaluator."""
        engine.add_event_handler(Events.COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Save if this validation is the best so far; one without a number (a single class, say) never is."""
        value = float(engine.state.metrics[self.metric])
        if not value > self.value:
            return
        self.value, self.epoch = value, engine.state.epoch
        if idist.get_rank() == 0:
            network = getattr(self.network, "module", self.network)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            partial = self.path.with_suffix(".partial")
            torch.save(network.state_dict(), partial)
            partial.replace(self.path)
            self.logger.info("best %s so far: %.4f in epoch %d, kept in %s", self.metric, value, self.epoch, self.path)

    def state_dict(self) -> dict[str, float | int]:
        """For the checkpoint."""
        return {"value": self.value, "epoch": self.epoch}

    def load_state_dict(self, state: Mapping[str, float | int]) -> None:
        """From the checkpoint."""
        self.value, self.epoch = float(state["value"]), int(state["epoch"])


def latest_checkpoint(folder: str | Path) -> str:
    """The checkpoint of the highest epoch in a folder.

    Raises:
        ModelError: if there is none.
    """
    found = {int(path.stem.split("=")[1]): path for path in Path(folder).glob("checkpoint_epoch=*.pt")}
    if not found:
        raise ModelError(f"{folder}: has no checkpoint_epoch=N.pt to resume from; train without resume first")
    return str(found[max(found)])


class WriteResults:
    """Writes every exam's results as soon as its maps are there, so that a run that is stopped loses nothing.

    Args:
        output_dir: where to.
        entries: the datalist part that the engine runs over.
        dataset_dir: the folder that the entries' files are relative to.
        model: to write into the results.
        outputs: what to write of each view beside the scores: "map", "overlay", "capture" (DICOM images only).
    """

    def __init__(
        self,
        output_dir: str | Path,
        *,
        entries: Sequence[Mapping[str, Any]],
        dataset_dir: str | Path,
        model: ModelInfo,
        outputs: Sequence[str] = (),
    ) -> None:
        self.output_dir = Path(output_dir)
        self.exams = {str(entry["exam_id"]): exam_from_entry(entry, dataset_dir=Path(dataset_dir)) for entry in entries}
        self.model = model
        self.outputs = [Output(name) for name in outputs]

    def attach(self, engine: Engine) -> None:
        """Attach to an evaluator."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.COMPLETED, self.finish)

    def start(self, engine: Engine) -> None:
        """Begin a new set of files."""
        self.results = ResultsWriter(self.output_dir)
        self.refused: list[str] = []

    def __call__(self, engine: Engine) -> None:
        """Write the exams of one iteration."""
        state: Any = engine.state
        for item, output in zip(state.batch, state.output, strict=True):
            exam = self.exams[item["exam_id"]]
            if item["refused"]:
                self.refused.append(item["refused"])
                self.results.refuse(exam, ExamError(item["refused"]))
                continue
            result = exam_result(
                exam,
                maps=output["pred"],
                view_present=item["view_present"],
                geometries=geometries(item),
                warnings=tuple(item["warnings"].splitlines()),
                model=self.model,
            )
            write_exam(result, self.results, outputs=self.outputs)

    def finish(self, engine: Engine) -> None:
        """Say which exams were refused.

        Raises:
            ExamError: if all were.
        """
        for reason in self.refused:
            engine.logger.warning("refused: %s", reason)
        if len(self.refused) == len(self.exams):
            raise ExamError(f"{self.output_dir}: no result, for no exam could be read. The first: {self.refused[0]}")
