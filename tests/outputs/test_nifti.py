from collections.abc import Callable
from itertools import product
from pathlib import Path

import nibabel
import numpy as np
import pytest

from dibmg_monai.errors import FolderError
from dibmg_monai.inference import ViewResult
from dibmg_monai.outputs.nifti import write_map
from dibmg_monai.pixels.geometry import Orientation
from dibmg_monai.views import View

ORIENTATIONS = [Orientation(*turn) for turn in product((False, True), repeat=3)]


@pytest.mark.parametrize("view", [View.RCC, View.LMLO])
@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_affine_leads_from_the_strongest_voxel_to_the_peak(
    orientation: Orientation, view: View, make_found: Callable[..., ViewResult], tmp_path: Path
) -> None:
    found = make_found(view, shape=(4736, 2919), orientation=orientation)
    write_map(tmp_path / "map.nii.gz", found)
    image = nibabel.load(tmp_path / "map.nii.gz")
    values = image.get_fdata()
    strongest = np.unravel_index(values.argmax(), values.shape)
    assert values.shape == (16, 16, 1)
    np.testing.assert_allclose(image.affine @ [*strongest, 1], [found.peak_row, found.peak_column, 0, 1], atol=1e-3)


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_affine_survives_the_header(
    orientation: Orientation, make_found: Callable[..., ViewResult], tmp_path: Path
) -> None:
    found = make_found(shape=(10000, 7013), orientation=orientation)
    write_map(tmp_path / "map.nii.gz", found)
    affine = nibabel.load(tmp_path / "map.nii.gz").affine
    exact = found.geometry.cell_to_source((16, 16))
    corners = np.array([[0, 0, 1], [15, 0, 1], [0, 15, 1], [15, 15, 1]]).T
    np.testing.assert_allclose(affine[np.ix_([0, 1], [0, 1, 3])] @ corners, (exact @ corners)[:2], rtol=0, atol=2e-3)
    np.testing.assert_array_equal(affine[:2, :2] == 0, exact[:2, :2] == 0)
    np.testing.assert_array_equal(affine[2:], [[0, 0, 1, 0], [0, 0, 0, 1]])


def test_header_says_what_it_is(make_found: Callable[..., ViewResult], tmp_path: Path) -> None:
    found = make_found()
    write_map(tmp_path / "map.nii.gz", found)
    image = nibabel.load(tmp_path / "map.nii.gz")
    assert image.header["descrip"].item() == b"DIB: log-odds of cancer. Affine: cell (i,j,0) to source (row,column,0)"
    assert (image.header["sform_code"], image.header["qform_code"]) == (2, 0)
    assert image.header.get_xyzt_units() == ("unknown", "unknown")
    assert image.get_data_dtype() == np.float32
    np.testing.assert_array_equal(image.get_fdata()[..., 0], found.dib.numpy())


def test_map_that_cannot_be_written(make_found: Callable[..., ViewResult], a_file: Path) -> None:
    with pytest.raises(FolderError, match=r"taken/map.nii.gz: cannot be written \(Not a directory\)"):
        write_map(a_file / "map.nii.gz", make_found())
