"""All files of one exam, the same for the bundle, for applications and for the listener."""

from collections.abc import Collection
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import torch

from dibmg_monai.errors import DibmgError, ImageError, writing
from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.dicom_cad_sr import CadReport
from dibmg_monai.outputs.dicom_gsps import PresentationStates
from dibmg_monai.outputs.dicom_sc import Captures
from dibmg_monai.outputs.dicom_seg import Segmentations
from dibmg_monai.outputs.dicom_sr import StructuredReports
from dibmg_monai.outputs.folder import create_folder, exam_folder
from dibmg_monai.outputs.material import Material, Writer
from dibmg_monai.outputs.nifti import Maps
from dibmg_monai.outputs.png import Overlays
from dibmg_monai.outputs.scores import ResultsWriter
from dibmg_monai.overlap import side_by_side


class Output(StrEnum):
    """What can be written of an exam."""

    JSON = "json"  # results.json and scores.csv, of the whole run
    PNG = "png"
    NIFTI = "nifti"
    SC = "sc"
    SEG = "seg"
    SR = "sr"
    CADSR = "cadsr"
    GSPS = "gsps"


PLAIN = (Output.JSON, Output.PNG, Output.NIFTI)  # these need no DICOM images
DEFAULT = (*PLAIN, Output.SC, Output.SEG, Output.SR, Output.CADSR)
DRAWN = (Output.PNG, Output.SC)  # overlays
WRITERS: dict[Output, Writer] = {
    Output.PNG: Overlays(),
    Output.NIFTI: Maps(),
    Output.SC: Captures(),
    Output.SEG: Segmentations(),
    Output.SR: StructuredReports(),
    Output.CADSR: CadReport(),
    Output.GSPS: PresentationStates(),
}


def parse_outputs(names: str | Collection[str]) -> tuple[Output, ...]:
    """Outputs by their names: a list, or a text with commas.

    Raises:
        DibmgError: if one is unknown.
    """
    listed = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    try:
        return tuple(dict.fromkeys(Output(name) for name in listed))
    except ValueError as error:
        raise DibmgError(f"outputs is {names!r}; any of {', '.join(Output)} is needed") from error


def needs_pictures(outputs: str | Collection[str]) -> bool:
    """Whether any of some outputs, by their names, is drawn over the images' pictures.

    Raises:
        DibmgError: if one is unknown.
    """
    return any(output in DRAWN for output in parse_outputs(outputs))


def write_exam(result: ExamResult, results: ResultsWriter, *, outputs: Collection[Output] = DEFAULT) -> None:
    """Write the files of one exam, and then its scores: an exam in ``results.json`` has all its files.

    Files of the same exam from an earlier run are removed first, also those that are not written again.

    Args:
        result: the exam's result.
        results: takes the scores, and says where the output folder is.
        outputs: what to write; the DICOM ones need DICOM images.

    Raises:
        FolderError: if something cannot be written.
        ImageError: if an image cannot be read again, or cannot carry a DICOM result.
    """
    folder = exam_folder(results.folder, result.exam.exam_id)
    _remove_files(folder)
    material = Material(result)
    writers = [writer for output, writer in WRITERS.items() if output in outputs]
    if writers:
        create_folder(folder)
    side_by_side(lambda writer: writer.write(material, folder), writers, threads=torch.get_num_threads())
    if Output.JSON in outputs:
        mapped = result.views if Output.NIFTI in outputs else ()
        results.add(result, maps={view: folder / Maps.file_name(view) for view in mapped})


def refuse_exam(exam: Exam, error: ImageError, results: ResultsWriter) -> None:
    """Record that an exam gives no result, and remove its files: of an earlier run, or written before the error.

    Raises:
        FolderError: if that cannot be done.
    """
    folder = exam_folder(results.folder, exam.exam_id)
    _remove_files(folder)
    with writing(folder), suppress(FileNotFoundError, NotADirectoryError):
        if not any(folder.iterdir()):
            folder.rmdir()
    results.refuse(exam, error)


def _remove_files(folder: Path) -> None:
    for path in (folder / name for writer in WRITERS.values() for name in writer.names):
        with writing(path):
            path.unlink(missing_ok=True)
