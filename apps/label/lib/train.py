"""Fine-tuning the bundle on readers' labels, by the bundle's own training config."""

import json
import math
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.bundle import ConfigWorkflow
from monailabel.interfaces.tasks.train import TrainTask

from dibmg_monai.errors import report_known_errors
from dibmg_monai.exams.datalist import Datalist, Entry, write_datalist
from dibmg_monai.exams.json_file import write_json
from dibmg_monai.exams.splits import split
from dibmg_monai.training import BestModel
from lib.datastore import ExamDatastore
from lib.model import Model

RATIO = (1, 1, 1)  # of the cancers; nobody tests here, so that the last third trains, too
SETTINGS: dict[str, int | float] = {"max_epochs": 5, "learning_rate": 1e-5, "batch_size": 4, "seed": 0}


class FineTune(TrainTask):
    """Trains on the labelled exams, from the weights in use, and publishes better ones.

    Better means a higher AUC on a third of the cancers and as many normals, held out by a patient-safe split. The next
    inference takes them.

    Args:
        model: the model.
        work: the folder to train in.
    """

    def __init__(self, model: Model, *, work: Path) -> None:
        super().__init__("Fine-tunes DIB-MG on the readers' labels. Research use only")
        self.model = model
        self.folder = work / "training"

    def config(self) -> dict[str, Any]:
        """What a client may set."""
        return dict(SETTINGS)

    def stats(self) -> dict[str, Any]:
        """How far the training is, or the last one came, as MONAI Label's clients show it."""
        path = self.folder / "stats.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def __call__(self, request: Mapping[str, Any], datastore: ExamDatastore) -> dict[str, Any]:
        """Train.

        Args:
            request: may have what ``config`` has.
            datastore: with the labels.

        Returns:
            As ``stats``.

        Raises:
            DatalistError: if there are too few labels of a class: three of each are the least.
            ModelError: if the weights do not fit the training config.
        """
        report_known_errors()
        settings = {name: type(default)(request.get(name, default)) for name, default in SETTINGS.items()}
        shutil.rmtree(self.folder, ignore_errors=True)
        datalist = training_datalist(datastore.datalist()["training"], seed=int(settings["seed"]))
        write_datalist(datalist, path=self.folder / "datalist.json")
        workflow = self._workflow(settings, dataset_dir=datastore.source.root)
        workflow.initialize()
        best = workflow.parser.get_parsed_content("best_model")
        workflow.parser.get_parsed_content("validate#evaluator").run()
        best.epoch = 0  # the weights so far: what an epoch has to beat
        sizes = {part: len(entries) for part, entries in datalist.items()}
        progress = Progress(self.folder / "stats.json", best=best, exams=sizes)
        progress.attach(workflow.trainer)
        workflow.run()
        workflow.finalize()
        if best.epoch > 0:
            self._publish(best.path)
        progress.finish(workflow.trainer)
        return self.stats()

    def _workflow(self, settings: Mapping[str, Any], *, dataset_dir: Path) -> ConfigWorkflow:
        """The bundle's training, with the recipe for films; network and input size are those of the weights in use."""
        weights = self.model.weights
        configs = [self.model.bundle / "configs" / name for name in ("train.yaml", "film.yaml")]
        beside = weights.with_suffix(".yaml") if weights else None
        if beside and beside.is_file():
            configs.append(beside)
        return ConfigWorkflow(
            [str(path) for path in configs],
            logging_file=False,
            workflow_type="train",
            bundle_root=str(self.model.bundle),
            dataset_dir=str(dataset_dir),
            datalist=str(self.folder / "datalist.json"),
            output_dir=str(self.folder),
            model_path=str(self.folder / "model.pt"),
            init_path=str(weights or self.model.bundle / "models" / "model.pt"),
            balance_within=[],
            num_workers=0,
            epochs=settings["max_epochs"],
            learning_rate=settings["learning_rate"],
            batch_size=settings["batch_size"],
            seed=settings["seed"],
        )

    def _publish(self, trained: Path) -> None:
        """Put the new weights where ``Model`` looks for them, the config that describes them first."""
        for path in (trained.with_suffix(".yaml"), trained):
            target = self.model.trained.with_suffix(path.suffix)
            partial = target.with_name(f"{target.name}.partial")
            shutil.copy(path, partial)
            partial.replace(target)


def training_datalist(entries: list[Entry], *, seed: int) -> Datalist:
    """Labelled exams in two parts, training and validation, no patient in both.

    Raises:
        DatalistError: if there are too few of a class.
    """
    parts = split(entries, seed=seed, match=(), ratio=RATIO)
    return {"training": [*parts["training"], *parts["testing"]], "validation": parts["validation"]}


class Progress:
    """Notes after each epoch how far a training is, in the words that MONAI Label's clients know.

    Args:
        path: the file to write.
        best: the training's ``BestModel``.
        exams: part -> how many.
    """

    def __init__(self, path: Path, *, best: BestModel, exams: Mapping[str, int]) -> None:
        self.path = path
        self.best = best
        self.exams = dict(exams)
        self.started = time.time()

    def attach(self, trainer: Engine) -> None:
        """Attach to the trainer."""
        trainer.add_event_handler(Events.STARTED, self)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, self)

    def __call__(self, trainer: Engine) -> None:
        """Write the file."""
        self._write(trainer, {})

    def finish(self, trainer: Engine) -> None:
        """Write that it is over, and whether weights were published."""
        self._write(trainer, {"total_time": round(time.time() - self.started), "published": self.best.epoch > 0})

    def _write(self, trainer: Engine, more: Mapping[str, Any]) -> None:
        found = self.best.value if math.isfinite(self.best.value) else None
        epochs = {"epoch": trainer.state.epoch, "total_epochs": trainer.state.max_epochs}
        best = {"best_metric": found, "best_metric_epoch": self.best.epoch}
        write_json({**epochs, **best, "exams": self.exams, "start_ts": int(self.started), **more}, path=self.path)
