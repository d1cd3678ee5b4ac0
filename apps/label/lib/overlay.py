"""A DIB map as an image over its mammogram, in the geometry in which MONAI Label's clients see that."""

from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from dibmg_monai.findings import SHARE
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.overlay import color_scale
from dibmg_monai.views import View

# Of an exam's scale of evidence. Clients show labels, no shades: three of them make a map of a mask.
STEPS = (SHARE, 0.5, 0.75)
LABELS = {f"DIB above {step:.0%}": number for number, step in enumerate(STEPS, start=1)}
KINDS = ("uint8", "float32")


def write_overlay(path: Path, result: ExamResult, *, view: View, kind: str, compress: bool = True) -> None:
    """Write one view's map, (columns, rows, 1), with the spacing, origin and axes that ITK reads from the mammogram.

    3D Slicer reads images by ITK, too; OHIF takes the values alone, row by row, as they are stored.

    Args:
        path: to write, ``.nrrd``, ``.nii`` or ``.nii.gz``.
        result: of the exam, from DICOM files.
        view: which of its views.
        kind: one of ``KINDS``: "uint8" for a label map, 0 or the highest of ``LABELS`` that the evidence is above;
            "float32" for the log-odds of cancer themselves.
        compress: gzip, within the file.
    """
    values = log_odds(result, view) if kind == "float32" else steps(result, view)
    image = SimpleITK.GetImageFromArray(values[np.newaxis])
    source = SimpleITK.ImageFileReader()
    source.SetFileName(str(result.exam.path(view)))
    source.ReadImageInformation()
    image.SetSpacing(source.GetSpacing())
    image.SetOrigin(source.GetOrigin())
    image.SetDirection(source.GetDirection())
    SimpleITK.WriteImage(image, str(path), useCompression=compress)


def strongest_view(result: ExamResult) -> View:
    """The view to begin with: that with the highest peak, where the exam's scale ends."""
    return max(result.views, key=lambda view: result.views[view].peak_value)


def log_odds(result: ExamResult, view: View) -> NDArray[np.float32]:
    """(rows, columns) of the stored image: the map, interpolated."""
    found = result.views[view]
    return found.geometry.map_to_source(found.dib).numpy()


def steps(result: ExamResult, view: View) -> NDArray[np.uint8]:
    """(rows, columns) of the stored image: how many of ``STEPS`` the map reaches."""
    return np.digitize(log_odds(result, view) / color_scale(result), STEPS).astype(np.uint8)
