"""What MONAI's engines need to know about exams: batches, metrics, and results as they come."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Events
from ignite.metrics import Metric
from monai.data.utils import decollate_batch
from monai.engines import PrepareBatch, Workflow
from monai.metrics import compute_roc_auc
from monai.utils import convert_to_tensor

from dibmg_monai.errors import ExamError, ImageError, known_error
from dibmg_monai.exams.datalist import exam_from_entry
from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ModelInfo, exam_result
from dibmg_monai.outputs.exam_files import Output, parse_outputs, refuse_exam, write_exam
from dibmg_monai.outputs.parts import join_parts, remove_parts
from dibmg_monai.outputs.scores import ResultsWriter
from dibmg_monai.transforms import geometries, pictures, refusal, values_of_interest


class PrepareExamBatch(PrepareBatch):
    """A batch of ``LoadExamd`` items -> images (B, 4, S, S), and the target that ``ExamLoss`` takes.

    Args:
        allow_refused: go on with exams that could not be read; for ``WriteResults``, which tells them apart.
        target_keys: what the loss asks for; ``PlantedLoss`` takes ``lesions`` too.

    Raises:
        ImageError: on calls, if there is such an exam and it is not allowed: training must not lose exams unnoticed.
        FolderError: on calls, if an exam could not be kept in a cache.
    """

    def __init__(self, *, allow_refused: bool = False, target_keys: Sequence[str] = ("label", "view_present")) -> None:
        self.allow_refused = allow_refused
        self.target_keys = tuple(target_keys)

    def __call__(
        self,
        batchdata: dict[str, torch.Tensor],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Move what the step needs to the device."""
        for item in decollate_batch({"refused": batchdata["refused"]}):
            if (error := refusal(item)) and not self.allow_refused:
                raise error
        image = convert_to_tensor(batchdata["image"], track_meta=False)  # a MetaTensor would slow all layers down
        image = image.to(device=device, non_blocking=non_blocking, **kwargs)
        target = {key: batchdata[key].to(device=device, non_blocking=non_blocking) for key in self.target_keys}
        return image, target


def labelled_scores(output: Sequence[Mapping[str, Any]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (n, 1) and labels (n, 1) of an iteration's exams, as MONAI's metrics take them.

    Exams without a label, and exams that could not be read, are in neither.
    """
    scores = torch.stack([item["score"] for item in output])
    labels = torch.tensor([[int(item["label"]["label"])] for item in output])
    known = (labels >= 0) & ~scores.isnan()
    return scores[known].unsqueeze(1), labels[known].unsqueeze(1)


def of_all_processes(value: Any) -> list[Any]:
    """What each of several processes has, by rank; all of them have to ask."""
    if idist.get_world_size() == 1:
        return [value]
    values: list[Any] = [None] * idist.get_world_size()
    torch.distributed.all_gather_object(values, value)
    return values


class ExamAUC(Metric):
    """Area under the ROC curve of the exams with a label and a score; nan without both labels among them.

    Of several processes each may have as many exams as it likes, or none: MONAI's ``ROCAUC`` would wait for the others.
    """

    def __init__(self) -> None:
        super().__init__(output_transform=labelled_scores)

    def reset(self) -> None:
        """Begin anew."""
        self.scores: list[float] = []
        self.labels: list[int] = []

    def update(self, output: Sequence[torch.Tensor]) -> None:
        """Add an iteration's exams."""
        scores, labels = output
        self.scores += scores.flatten().tolist()
        self.labels += labels.flatten().tolist()

    def compute(self) -> float:
        """The area, over all processes."""
        shares = of_all_processes((self.scores, self.labels))
        scores, labels = ([value for share in shares for value in share[part]] for part in (0, 1))
        if len(set(labels)) < 2:
            return float("nan")
        area: Any = compute_roc_auc(torch.tensor(scores), torch.tensor(labels))
        return float(area)


class PassKnownErrors:
    """Lets an error that a user can mend leave the engine at once; MONAI's ``StatsHandler`` would log its traceback.

    Ignite asks handlers of exceptions in their order, until one raises: this one has to be the first.
    """

    def attach(self, engine: Workflow) -> None:
        """Attach to an engine."""
        engine.add_event_handler(Events.EXCEPTION_RAISED, self)

    def __call__(self, engine: Workflow, error: BaseException) -> None:
        """Raise the error if it is one of ours."""
        if known_error(error):
            raise error


class WriteResults:
    """Writes every exam's results as soon as its maps are there, so that a run that is stopped loses nothing.

    An exam is written while the next one is computed. Of several processes each writes the scores of its own exams; at
    the end they become those of one process.

    Args:
        output_dir: where to.
        entries: the datalist part that the engine runs over, or all processes' engines together.
        dataset_dir: the folder that the entries' files are relative to.
        model: to write into the results.
        outputs: what to write, by the names of ``Output``: a list, or a text with commas.
    """

    def __init__(
        self,
        output_dir: str | Path,
        *,
        entries: Sequence[Mapping[str, Any]],
        dataset_dir: str | Path,
        model: ModelInfo,
        outputs: str | Sequence[str] = (Output.JSON,),
    ) -> None:
        self.output_dir = Path(output_dir)
        self.exams = {str(entry["exam_id"]): exam_from_entry(entry, dataset_dir=Path(dataset_dir)) for entry in entries}
        self.model = model
        self.outputs = parse_outputs(outputs)

    def attach(self, engine: Workflow) -> None:
        """Attach to an evaluator."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)
        engine.add_event_handler(Events.COMPLETED, self.finish)

    def start(self, engine: Workflow) -> None:
        """Begin a new set of files."""
        scores, processes = Output.JSON in self.outputs, idist.get_world_size()
        if idist.get_rank() == 0:
            remove_parts(self.output_dir)
            self.results = ResultsWriter(self.output_dir, scores=scores)
        if processes > 1:
            idist.barrier()  # first the old files go
            self.results = ResultsWriter(self.output_dir, scores=scores, part=idist.get_rank())
        self.refused: list[ImageError] = []
        self.thread, self.writing = ThreadPoolExecutor(1), Future[None]()
        self.writing.set_result(None)

    def __call__(self, engine: Workflow) -> None:
        """Write the exams of one iteration, each once the one before is written."""
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            self.writing.result()
            self.writing = self.thread.submit(self._write_or_refuse, item, output["pred"])

    def _write_or_refuse(self, item: Mapping[str, Any], maps: torch.Tensor) -> None:
        exam = self.exams[item["exam_id"]]
        try:
            self._write(exam, item, maps=maps)
        except ImageError as error:
            self.refused.append(error)
            refuse_exam(exam, error, self.results)

    def _write(self, exam: Exam, item: Mapping[str, Any], *, maps: torch.Tensor) -> None:
        if error := refusal(item):
            raise error
        result = exam_result(
            exam,
            image=torch.as_tensor(item["image"]),
            maps=maps,
            view_present=item["view_present"],
            geometries=geometries(item),
            voi=values_of_interest(item),
            warnings=tuple(item["warnings"].splitlines()),
            model=self.model,
            pictures=pictures(item),
        )
        write_exam(result, self.results, outputs=self.outputs)

    def finish(self, engine: Workflow) -> None:
        """Wait for the last exam, and say which were refused.

        Raises:
            ExamError: if all were.
        """
        self.writing.result()
        self.thread.shutdown()
        refused = [error for errors in of_all_processes(self.refused) for error in errors]
        if idist.get_rank() == 0:
            if idist.get_world_size() > 1:
                join_parts(self.output_dir, exam_ids=list(self.exams))
            for error in refused:
                engine.logger.warning("refused: %s", error)
        if len(refused) == len(self.exams):
            raise ExamError(f"{self.output_dir}: no result, for no exam could be read. The first: {refused[0]}")
