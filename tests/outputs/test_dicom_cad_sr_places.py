"""From pixels to report: what is planted in a stored image has to be where the report says."""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.path import Path as Polygon
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ModelInfo, Predictor
from dibmg_monai.network import CLASSES
from dibmg_monai.outputs.dicom_cad_sr import CadReport
from dibmg_monai.outputs.material import Material
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.views import View
from tests.outputs.content_tree import image_of, named, value
from tests.outputs.sources import SOURCES

MakeMammogram = Callable[..., Dataset]
TURNS = [(transpose, flips) for transpose, flips in product([False, True], [(), (0,), (1,), (0, 1)])]
OPPOSITE = {"A": "P", "P": "A", "L": "R", "F": "H"}


class BrightIsCancer(torch.nn.Module):
    """16 x 16 cells with log-odds 4 where the input is white, and -3 elsewhere."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        bright = torch.nn.functional.avg_pool2d(image, 20) > 0.9
        maps = torch.zeros(len(image), 4, 2, 16, 16)
        maps[:, :, CLASSES.index("cancer")] = torch.where(bright, 4.0, -3.0)
        return maps.flatten(1, 2)


def turned(upright: NDArray[Any], *, transpose: bool, flips: tuple[int, ...], thin: bool) -> NDArray[Any]:
    """An upright picture as it is stored; thin: every other row only, for pixels twice as high as wide."""
    stored = np.flip(upright[::2] if thin else upright, flips)
    return stored.T if transpose else stored


@pytest.mark.parametrize("look", ["ordinary", "MONOCHROME1", "pixels that are not square"])
@pytest.mark.parametrize(("transpose", "flips"), TURNS)
@pytest.mark.parametrize("view", [View.RCC, View.LMLO])
def test_outline_is_around_what_was_planted(
    view: View, transpose: bool, flips: tuple[int, ...], look: str, make_mammogram: MakeMammogram, tmp_path: Path
) -> None:
    """An L of two by two cells less one, in images stored in every way."""
    planted = np.zeros((320, 240), bool)
    planted[100:140, 100:120] = planted[120:140, 120:140] = True
    down, across = np.mgrid[-1:1:320j, 0:1:240j]
    upright = np.where(down**2 + (1 - across) ** 2 < 0.9, 1000, 0).astype(np.uint16)  # a breast, the wall on its right
    directions = ["P", "L" if view is View.RCC else "F"]
    if view.laterality == "L":
        planted, upright, directions[0] = planted[:, ::-1], upright[:, ::-1], "A"
    upright = np.where(planted, np.uint16(4095), upright)
    directions = [OPPOSITE[name] if axis in flips else name for axis, name in zip((1, 0), directions, strict=True)]
    thin = look == "pixels that are not square"
    turn = {"transpose": transpose, "flips": flips, "thin": thin}
    pixels, expected = turned(upright, **turn), turned(planted, **turn)
    spacing = ["0.2", "0.1"] if thin else ["0.1", "0.1"]
    values = {
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "PixelData": (4095 - pixels if look == "MONOCHROME1" else pixels).tobytes(),
        "PatientOrientation": directions[::-1] if transpose else directions,
        "ImagerPixelSpacing": spacing[::-1] if transpose else spacing,
    }
    if look == "MONOCHROME1":
        values |= SOURCES["white is 0"]
    image = make_mammogram(tmp_path / "in.dcm", view, **values)
    model = ModelInfo("dib-mg", "0.1.0", "ab" * 32)
    predictor = Predictor(BrightIsCancer(), preprocessing=Preprocessing(image_size=320), model=model)

    result = predictor(Exam("exam-1", tmp_path, {view: Path("in.dcm")}))
    CadReport().write(Material(result), tmp_path)
    report = dcmread(tmp_path / "cad_sr.dcm")

    (finding,) = named(report, "111059")
    graphic_type, vertices = value(finding, "111041")
    assert graphic_type == "POLYLINE"
    np.testing.assert_array_equal(vertices[0], vertices[-1])
    rows, columns = np.indices(pixels.shape)
    centers = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    np.testing.assert_array_equal(Polygon(vertices).contains_points(centers).reshape(pixels.shape), expected)
    graphic_type, ((column, row),) = value(finding, "111010")
    assert graphic_type == "POINT" and expected[int(row), int(column)]
    for place in (*named(finding, "111010"), *named(finding, "111041")):
        reference = image_of(report, place).ReferencedSOPSequence[0]
        assert reference.ReferencedSOPInstanceUID == image.SOPInstanceUID
