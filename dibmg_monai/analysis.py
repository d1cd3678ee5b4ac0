"""One folder of DICOM files -> everything: its exams found, predicted and written, and what became of every file."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from dibmg_monai.errors import ImageError
from dibmg_monai.exams.assembly import MANIFEST, Assembly, survey, write_manifest
from dibmg_monai.exams.exam import Exam
from dibmg_monai.exams.exclusions import REPORT, Exclusions
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.exam_files import DEFAULT, Output, refuse_exam, write_exam
from dibmg_monai.outputs.scores import ResultsWriter


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
    predictor: Callable[[Exam], ExamResult],
    outputs: Collection[Output] = DEFAULT,
    exclusions: Exclusions = REPORT,
) -> Analysis:
    """Find the exams in a folder, predict one after the other, and write what was found.

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
    analysis = Analysis(assembly, {}, {})
    for exam in assembly.exams:
        try:
            result = predictor(exam)
            write_exam(result, results, outputs=outputs)
        except ImageError as error:
            refuse_exam(exam, error, results)
            analysis.refused[exam.exam_id] = error
        else:
            analysis.scores[exam.exam_id] = result.score
    return analysis
