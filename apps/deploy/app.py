"""The operator graph: study loader -> exam reader -> inference -> writers."""

import sys
from collections.abc import Collection
from functools import partial
from pathlib import Path

from holoscan.schedulers import EventBasedScheduler
from monai.deploy.core import Application
from operators import ExamReader, ExamWriter, Inference, RefusalWriter, StudyLoader

from dibmg_monai.exams.exclusions import Exclusions
from dibmg_monai.inference import Predictor
from dibmg_monai.outputs.exam_files import Output, needs_pictures
from dibmg_monai.outputs.scores import ResultsWriter
from dibmg_monai.weights import load_predictor

BUNDLE = Path(__file__).resolve().parents[2] / "bundle"


class DeployApp(Application):
    """From a folder of DICOM files to scores, maps and pictures of the exams in it.

    Args:
        study: the folder with DICOM files.
        output_dir: the folder to write.
        model: as for ``bundle_predictor``.
        outputs: what to write.
        exclusions: what to do about surgery, implants and clips.

    Raises:
        ModelError: if the model cannot be used.
        FolderError: if the output folder cannot be written.
    """

    def __init__(
        self,
        *,
        study: Path,
        output_dir: Path,
        model: Path | None,
        outputs: Collection[Output],
        exclusions: Exclusions,
    ) -> None:
        super().__init__([sys.executable, __file__])  # its own command line, lest Holoscan parses ours
        predictor = bundle_predictor(model)
        results = ResultsWriter(output_dir, scores=Output.JSON in outputs)
        self.loader = StudyLoader(self, name="study_loader", study=study, output_dir=output_dir, exclusions=exclusions)
        read = partial(predictor.read, pictures=needs_pictures(outputs))
        self.reader = ExamReader(self, name="exam_reader", read=read)
        self.inference = Inference(self, name="inference", predict=predictor.predict)
        self.writer = ExamWriter(self, name="exam_writer", results=results, outputs=outputs)
        self.refusals = RefusalWriter(self, name="refusal_writer", results=results)
        self.scheduler(EventBasedScheduler(self, worker_thread_number=3, name="scheduler"))

    def compose(self) -> None:
        """Connect the operators: one exam is read, one predicted and one written at a time."""
        self.add_flow(self.loader, self.reader, {("exam", "exam")})
        self.add_flow(self.reader, self.inference, {("loaded", "loaded")})
        self.add_flow(self.reader, self.refusals, {("refusal", "refusal")})
        self.add_flow(self.inference, self.writer, {("result", "result")})
        self.add_flow(self.writer, self.refusals, {("refusal", "refusal")})


def bundle_predictor(model: Path | None) -> Predictor:
    """The predictor of a bundle.

    Args:
        model: a bundle; a folder with a bundle in it, as an application package has; or a weights or TorchScript file
            for the network of the bundle beside the application. None: that bundle as it is.

    Raises:
        ModelError: if it is none of these.
    """
    if model is None:
        return load_predictor(BUNDLE)
    if not model.is_dir():
        return load_predictor(BUNDLE, model_path=model)
    configs = [*model.glob("configs"), *sorted(model.glob("*/configs"))]
    return load_predictor(configs[0].parent if configs else model)
