"""DIB maps as NIfTI files that lead back to the pixels of the image they are about."""

from pathlib import Path

import nibabel
import numpy as np

from dibmg_monai.errors import writing
from dibmg_monai.inference import ViewResult
from dibmg_monai.outputs.material import Material
from dibmg_monai.views import VIEWS, View

DESCRIPTION = (
    "DIB: log-odds of cancer. Affine: cell (i,j,0) to source (row,column,0)"  # at most 79 bytes: NIfTI-1 descrip
)


class Maps:
    """The DIB map of each view."""

    names = tuple(f"{view}_dib.nii.gz" for view in VIEWS)

    @staticmethod
    def file_name(view: View) -> str:
        """The file of one view."""
        return Maps.names[view.channel]

    def write(self, material: Material, folder: Path) -> None:
        """Write the maps of one exam."""
        for view, found in material.result.views.items():
            write_map(folder / self.file_name(view), found)


def write_map(path: Path, found: ViewResult) -> None:
    """Write one view's DIB map as ``.nii`` or ``.nii.gz``.

    The array is (h, w, 1) float32, axes (row, column, nothing). The affine takes voxel (i, j, 0) to (row, column, 0) of
    the stored image, in pixels: flips, transposition, scale and padding included. It is no patient space, so sform_code
    is 2 (aligned to another file), qform_code 0, units unknown. NIfTI-1 keeps the sform in float32: flips stay
    exact, and no position in an image of 10,000 pixels moves by 0.002 pixels.

    Raises:
        FolderError: if the file cannot be written.
    """
    rows, columns = found.dib.shape
    affine = np.eye(4)
    affine[np.ix_([0, 1], [0, 1, 3])] = found.geometry.cell_to_source((rows, columns))[:2]
    image = nibabel.Nifti1Image(found.dib.numpy()[..., np.newaxis], affine)
    image.header["descrip"] = DESCRIPTION.encode()
    image.header.set_xyzt_units("unknown", "unknown")
    with writing(path):
        nibabel.save(image, path)
