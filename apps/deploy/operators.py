"""The operators: receive, one call into dibmg_monai, emit. What they hand on is one exam at a time."""

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from monai.deploy.core import ExecutionContext, Fragment, InputContext, Operator, OperatorSpec, OutputContext

from dibmg_monai.errors import ImageError
from dibmg_monai.exams.assembly import MANIFEST, survey, write_manifest
from dibmg_monai.exams.exam import Exam
from dibmg_monai.exams.exclusions import Exclusions
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.exam_files import Output, refuse_exam, write_exam
from dibmg_monai.outputs.scores import ResultsWriter
from dibmg_monai.pixels.preprocessing import ExamInput

log = logging.getLogger("dibmg_monai.deploy")


@dataclass(frozen=True)
class RefusedExam:
    """An exam that gives no result, and why."""

    exam: Exam
    error: ImageError


class StudyLoader(Operator):
    """Study folder -> its exams, one a tick; what became of every file goes into the manifest.

    Args:
        study: the folder with DICOM files, at any depth.
        output_dir: where the manifest goes.
        exclusions: what to do about surgery, implants and clips.

    Attributes:
        found: exams in the study.
        emitted: exams handed on so far.
    """

    def __init__(self, fragment: Fragment, *, name: str, study: Path, output_dir: Path, exclusions: Exclusions) -> None:
        self.study = study
        self.output_dir = output_dir
        self.exclusions = exclusions
        self.exams: Iterator[Exam] = iter(())
        self.found, self.emitted = 0, 0
        super().__init__(fragment, name=name)

    def setup(self, spec: OperatorSpec) -> None:
        """Exams go out."""
        spec.output("exam")

    def start(self) -> None:
        """Assemble the exams from the files' headers.

        Raises:
            FolderError: if the study cannot be read, or the manifest cannot be written.
            ExamError: if there is no exam in the study.
        """
        assembly = survey(self.study, exclusions=self.exclusions)
        write_manifest(assembly, path=self.output_dir / MANIFEST)
        assembly.require_exam()
        self.exams = iter(assembly.exams)
        self.found = len(assembly.exams)
        unused = sum(entry.view is None for entry in assembly.manifest)
        log.info("%d files, %d of them not used: %s says why", len(assembly.manifest), unused, MANIFEST)

    def compute(self, op_input: InputContext, op_output: OutputContext, context: ExecutionContext) -> None:
        """Emit the next exam; with none left, tick no more, and the graph ends once the others have caught up."""
        exam = next(self.exams, None)
        if exam is None:
            self.stop_execution()
            return
        self.emitted += 1
        log.info("exam %d of %d: %s (%s)", self.emitted, self.found, exam.exam_id, " ".join(exam.files))
        op_output.emit(exam, "exam")


@dataclass(frozen=True)
class LoadedExam:
    """An exam, and what the network sees of it."""

    exam: Exam
    input: ExamInput


class ExamReader(Operator):
    """Exam -> the network's input, or its refusal where an image cannot be read.

    Args:
        read: exam -> input.
    """

    def __init__(self, fragment: Fragment, *, name: str, read: Callable[[Exam], ExamInput]) -> None:
        self.read = read
        super().__init__(fragment, name=name)

    def setup(self, spec: OperatorSpec) -> None:
        """Exams come in; an input or a refusal of each goes out."""
        spec.input("exam")
        spec.output("loaded")
        spec.output("refusal")

    def compute(self, op_input: InputContext, op_output: OutputContext, context: ExecutionContext) -> None:
        """Read one exam."""
        exam = op_input.receive("exam")
        try:
            loaded = self.read(exam)
        except ImageError as error:
            op_output.emit(RefusedExam(exam, error), "refusal")
        else:
            op_output.emit(LoadedExam(exam, loaded), "loaded")


class Inference(Operator):
    """Input -> the exam's result.

    Args:
        predict: exam, input -> result.
    """

    def __init__(self, fragment: Fragment, *, name: str, predict: Callable[[Exam, ExamInput], ExamResult]) -> None:
        self.predict = predict
        super().__init__(fragment, name=name)

    def setup(self, spec: OperatorSpec) -> None:
        """Inputs come in, results go out."""
        spec.input("loaded")
        spec.output("result")

    def compute(self, op_input: InputContext, op_output: OutputContext, context: ExecutionContext) -> None:
        """Predict one exam."""
        loaded = op_input.receive("loaded")
        op_output.emit(self.predict(loaded.exam, loaded.input), "result")


class ExamWriter(Operator):
    """Result -> its files in the output folder.

    Args:
        results: the run's scores.
        outputs: what to write.

    Attributes:
        exam_ids: of the exams written so far.
    """

    def __init__(self, fragment: Fragment, *, name: str, results: ResultsWriter, outputs: Collection[Output]) -> None:
        self.results = results
        self.outputs = outputs
        self.exam_ids: list[str] = []
        super().__init__(fragment, name=name)

    def setup(self, spec: OperatorSpec) -> None:
        """Results come in; a refusal goes out where an image's header cannot carry a DICOM result."""
        spec.input("result")
        spec.output("refusal")

    def compute(self, op_input: InputContext, op_output: OutputContext, context: ExecutionContext) -> None:
        """Write one exam."""
        result = op_input.receive("result")
        try:
            write_exam(result, self.results, outputs=self.outputs)
        except ImageError as error:
            op_output.emit(RefusedExam(result.exam, error), "refusal")
            return
        self.exam_ids.append(result.exam.exam_id)
        log.info("  %s: score %.3f", result.exam.exam_id, result.score)


class RefusalWriter(Operator):
    """Refused exam -> ``refused.json``.

    Args:
        results: the run's scores, which know of exams without any.

    Attributes:
        written: exams refused so far.
    """

    def __init__(self, fragment: Fragment, *, name: str, results: ResultsWriter) -> None:
        self.results = results
        self.written = 0
        super().__init__(fragment, name=name)

    def setup(self, spec: OperatorSpec) -> None:
        """Refusals come in."""
        spec.input("refusal")

    def compute(self, op_input: InputContext, op_output: OutputContext, context: ExecutionContext) -> None:
        """Record one refusal."""
        refusal = op_input.receive("refusal")
        refuse_exam(refusal.exam, refusal.error, self.results)
        self.written += 1
        log.warning("  refused: %s", refusal.error)
