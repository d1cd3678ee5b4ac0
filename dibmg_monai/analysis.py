"""One folder of DICOM files -> everything: its exams found, predicted and written, and what became of every file."""

from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dibmg_monai.errors import ImageError
from dibmg_monai.exams.assembly import MANIFEST, Assembly, survey, write_manifest
from dibmg_monai.exams.exam import Exam
from dibmg_monai.exams.exclusions import REPORT, Exclusions
from dibmg_monai.inference import ExamResult, Predictor
from dibmg_monai.outputs.exam_files import DEFAULT, Output, needs_pictures, refuse_exam, write_exam
from dibmg_monai.outputs.scores import ResultsWriter
from dibmg_monai.overlap import overlapped
from dibmg_monai.pixels.preprocessing import ExamInput


@dataclass(frozen=True)
class Analysis:
    """What became of a folder.

    Attributes:
        assembly: its exams, and what became of every file.
        scores: exam id -> score, of the exams that were written.
        refused: exam id -> why, of the exams that gave no result.
    """

    assembly: Assembly
    scores: dict[str, float]
    refused: dict[str, ImageError]

    def __str__(self) -> str:
        written = [f"score {score:.3f}" for score in self.scores.values()]
        refused = [f"refused, {error.code}" for error in self.refused.values()]
        return ", ".join(written + refused) or f"no exam; {MANIFEST} says why"


def analyze(
    folder: Path,
    *,
    output_dir: Path,
    predictor: Predictor,
    outputs: Collection[Output] = DEFAULT,
    exclusions: Exclusions = REPORT,
) -> Analysis:
    """Find the exams in a folder, predict one after the other, and write what was found.

    While one exam is predicted, the next ones are read and the last one is written.

    An exam whose images cannot be read, or cannot carry a DICOM result, goes into ``refused.json``, and the others go
    on. That there is no exam is a result, too: the manifest says why, and ``Analysis.assembly.require_exam`` raises.

    Args:
        folder: with DICOM files, at any depth.
        output_dir: gets ``manifest.json``, ``results.json``, ``scores.csv``, and a folder for each exam.
        predictor: ``dibmg_monai.weights.load_predictor`` makes one.
        outputs: what to write of each exam.
        exclusions: what to do about the paper's exclusion criteria.

    Raises:
        FolderError: if the folder is missing, empty or cannot be read, or something cannot be written.
    """
    assembly = survey(folder, exclusions=exclusions)
    results = ResultsWriter(output_dir, scores=Output.JSON in outputs)
    write_manifest(assembly, path=output_dir / MANIFEST)

    def predict(item: tuple[Exam, Future[ExamInput]]) -> ExamResult:
        exam, loaded = item
        return predictor.predict(exam, loaded.result())

    def write(item: tuple[Exam, Future[ExamResult]]) -> float | ImageError:
        exam, predicted = item
        try:
            result = predicted.result()
            write_exam(result, results, outputs=outputs)
        except ImageError as error:
            refuse_exam(exam, error, results)
            return error
        return result.score

    analysis, exams = Analysis(assembly, {}, {}), assembly.exams
    with (
        overlapped(partial(predictor.read, pictures=needs_pictures(outputs)), exams) as inputs,
        overlapped(predict, zip(exams, inputs, strict=True)) as predictions,
        overlapped(write, zip(exams, predictions, strict=True)) as written,
    ):
        for exam, done in zip(exams, written, strict=True):
            outcome = done.result()
            if isinstance(outcome, ImageError):
                analysis.refused[exam.exam_id] = outcome
            else:
                analysis.scores[exam.exam_id] = outcome
    return analysis
