"""All files of one exam, the same for the bundle and for applications."""

from collections import defaultdict
from collections.abc import Collection
from enum import StrEnum
from pathlib import Path

from dibmg_monai.errors import writing
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.dicom_sc import write_capture
from dibmg_monai.outputs.folder import create_folder, exam_folder
from dibmg_monai.outputs.nifti import write_map
from dibmg_monai.outputs.overlay import color_scale, overlay, write_overlay
from dibmg_monai.outputs.scores import ResultsWriter
from dibmg_monai.outputs.source_study import new_uid, read_source
from dibmg_monai.pixels.reader import read_image
from dibmg_monai.views import VIEWS, View


class Output(StrEnum):
    """What can be written of each view, besides the scores."""

    OVERLAY = "overlay"
    MAP = "map"
    CAPTURE = "capture"

    def file_name(self, view: View) -> str:
        """The name of the file, in the exam's folder."""
        endings = {Output.OVERLAY: "overlay.png", Output.MAP: "dib.nii.gz", Output.CAPTURE: "overlay.dcm"}
        return f"{view}_{endings[self]}"


def write_exam(result: ExamResult, results: ResultsWriter, *, outputs: Collection[Output] = tuple(Output)) -> None:
    """Write the files of one exam, and then its scores: an exam in ``results.json`` has all its files.

    Files of the same exam from an earlier run are removed first, also those that are not written again.

    Args:
        result: the exam's result.
        results: takes the scores, and says where the output folder is.
        outputs: what to write of each view, in the folder of the exam; ``Output.CAPTURE`` needs DICOM images.

    Raises:
        FolderError: if something cannot be written.
        ImageError: if an image cannot be read again, or a capture is wanted of an image that is not DICOM.
    """
    folder = exam_folder(results.folder, result.exam.exam_id)
    for path in (folder / output.file_name(view) for view in VIEWS for output in Output):
        with writing(path):
            path.unlink(missing_ok=True)
    if outputs:
        create_folder(folder)
    if Output.OVERLAY in outputs or Output.CAPTURE in outputs:
        _write_pictures(result, folder, outputs=outputs)
    maps = {view: folder / Output.MAP.file_name(view) for view in result.views if Output.MAP in outputs}
    for view, path in maps.items():
        write_map(path, result.views[view])
    results.add(result, maps=maps)


def _write_pictures(result: ExamResult, folder: Path, *, outputs: Collection[Output]) -> None:
    series_uids: defaultdict[str, str] = defaultdict(new_uid)  # one series for each study that the images are from
    scale = color_scale(result)
    for view, found in result.views.items():
        path = result.exam.path(view)
        picture = overlay(found, read_image(path), view=view, exam_score=result.score, scale=scale)
        if Output.OVERLAY in outputs:
            write_overlay(folder / Output.OVERLAY.file_name(view), picture)
        if Output.CAPTURE in outputs:
            source = read_source(path)
            write_capture(
                folder / Output.CAPTURE.file_name(view),
                picture,
                source=source,
                view=view,
                model=result.model,
                series_uid=series_uids[source.StudyInstanceUID],
            )
