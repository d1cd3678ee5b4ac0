"""What the maps say comes back in the file's own pixels: a planted square is found where it was planted."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ModelInfo, Predictor
from dibmg_monai.pixels.geometry import Orientation
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.pooling import breast_views, dib_maps
from dibmg_monai.views import Laterality, View
from tests.conftest import WriteMammogram

MODEL = ModelInfo("test", "0", "0" * 64)
STRIDE = 16
ORIENTATIONS = [Orientation(*bits) for bits in itertools.product((False, True), repeat=3)]


class Brightness(torch.nn.Module):
    """Stands in for a network that has learned: its cancer map is the mean brightness of each block of pixels."""

    def __init__(self, *, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        cancer = self.gain * torch.nn.functional.avg_pool2d(images, STRIDE)
        return torch.stack([torch.zeros_like(cancer), cancer], dim=2).flatten(1, 2)


def predictor(size: int = 256) -> Predictor:
    return Predictor(Brightness(), preprocessing=Preprocessing(image_size=size), model=MODEL)


def stored_directions(orientation: Orientation) -> list[str]:
    """PatientOrientation of a canonical RMLO (rows to P, columns to F) stored by ``orientation.undo``."""
    row, column = ("A" if orientation.flip_columns else "P"), ("H" if orientation.flip_rows else "F")
    return [column, row] if orientation.transpose else [row, column]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("shape", [(333, 210), (210, 333)])
def test_a_planted_square_is_the_peak(
    write_mammogram: WriteMammogram, breast: Callable, tmp_path: Path, orientation: Orientation, shape: tuple[int, int]
) -> None:
    canonical = breast(*shape)
    row, column = shape[0] * 2 // 5, shape[1] * 7 // 10
    canonical[row - 10 : row + 11, column - 10 : column + 11] = 4095
    planted = torch.zeros(shape)
    planted[row, column] = 1
    stored = orientation.undo(torch.from_numpy(canonical.astype(np.int32))).numpy().astype(np.uint16)
    expected = np.argwhere(orientation.undo(planted).numpy())[0]
    directions = stored_directions(orientation)
    options = {"view": "RMLO", "PatientOrientation": directions, "BitsStored": 12, "HighBit": 11}
    write_mammogram("x.dcm", stored, **options)
    result = predictor()(Exam("x", tmp_path, {View.RMLO: Path("x.dcm")}))
    found = result.views[View.RMLO]
    cell = STRIDE * max(shape) / 256
    assert abs(found.peak_row - expected[0]) <= cell
    assert abs(found.peak_column - expected[1]) <= cell
    assert found.peak_value == found.dib.max()
    assert result.warnings == ()


def test_a_planted_square_is_the_finding(write_mammogram: WriteMammogram, breast: Callable, tmp_path: Path) -> None:
    canonical = breast(512, 300)
    canonical[200:264, 200:232] = 4095
    write_mammogram("x.dcm", canonical, view="RCC", BitsStored=12, HighBit=11)
    exam = Exam("x", tmp_path, {View.RCC: Path("x.dcm")})
    predict = Predictor(Brightness(gain=10.0), preprocessing=Preprocessing(image_size=512), model=MODEL)
    found = predict(exam).views[View.RCC]
    (finding,) = found.findings
    assert finding.peak_value == found.peak_value
    rows, columns = np.nonzero(finding.mask(found.geometry))
    # cells of 16 pixels, as far as they are covered enough to reach odds of 10 to 1
    np.testing.assert_allclose([rows.min(), rows.max(), columns.min(), columns.max()], [200, 263, 200, 231], atol=16)
    assert found.voi == "full range: 0 to 4095"
    assert found.picture is not None
    assert found.picture.shape == (1024, 600)


def test_scores_are_pooled_maps_and_absent_views_have_none(
    write_mammogram: WriteMammogram, breast: Callable, tmp_path: Path
) -> None:
    views = (View.RCC, View.RMLO, View.LCC)
    for view in views:
        wall = "right" if view.laterality is Laterality.R else "left"
        write_mammogram(f"{view}.dcm", breast(wall=wall), view=view, BitsStored=12, HighBit=11)
    exam = Exam("x", tmp_path, {view: Path(f"{view}.dcm") for view in views}, label=1)
    result = predictor()(exam)
    logits = {view: found.dib.mean() for view, found in result.views.items()}
    assert tuple(result.views) == views
    assert result.exam.missing_views == (View.LMLO,)
    assert result.score == pytest.approx(torch.stack(list(logits.values())).mean().sigmoid().item())
    for side, score in result.breasts.items():
        present = [logits[view] for view in breast_views(side) if view in logits]
        assert score == pytest.approx(torch.stack(present).mean().sigmoid().item())
    assert all(found.score == pytest.approx(logits[view].sigmoid().item()) for view, found in result.views.items())


def test_a_breast_without_views_has_no_score(write_mammogram: WriteMammogram, breast: Callable, tmp_path: Path) -> None:
    write_mammogram("l.dcm", breast(wall="left"), view="LCC", BitsStored=12, HighBit=11)
    result = predictor()(Exam("x", tmp_path, {View.LCC: Path("l.dcm")}))
    assert set(result.breasts) == {Laterality.L}
    assert result.score == result.breasts[Laterality.L] == result.views[View.LCC].score


def test_the_peak_is_on_the_image_even_if_padding_scores_higher(
    write_mammogram: WriteMammogram, breast: Callable, tmp_path: Path
) -> None:
    class Darkness(Brightness):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return super().forward(-images)

    pixels = breast(200, 100) + 400
    write_mammogram("r.dcm", pixels, view="RCC", BitsStored=12, HighBit=11)
    predict = Predictor(Darkness(), preprocessing=Preprocessing(image_size=256), model=MODEL)
    found = predict(Exam("x", tmp_path, {View.RCC: Path("r.dcm")})).views[View.RCC]
    assert dib_maps(Darkness()(torch.full((1, 4, 32, 32), -1.0))).max() > found.peak_value
    assert 0 <= found.peak_row < 200
    assert 0 <= found.peak_column < 100


def test_the_peak_is_not_in_black_air_even_if_that_scores_highest(
    write_mammogram: WriteMammogram, breast: Callable, tmp_path: Path
) -> None:
    class Darkness(Brightness):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return super().forward(-images)

    pixels = breast(200, 100, wall="left")
    write_mammogram("l.dcm", pixels, view="LCC", BitsStored=12, HighBit=11)
    predict = Predictor(Darkness(), preprocessing=Preprocessing(image_size=256), model=MODEL)
    found = predict(Exam("x", tmp_path, {View.LCC: Path("l.dcm")})).views[View.LCC]
    row, column = round(found.peak_row), round(found.peak_column)
    assert pixels[max(0, row - 8) : row + 9, max(0, column - 8) : column + 9].any()
    assert found.peak_value < found.dib.max()


def test_a_black_image_has_its_peak_somewhere_on_it(write_mammogram: WriteMammogram, tmp_path: Path) -> None:
    write_mammogram("l.dcm", np.zeros((200, 100), np.uint16), view="LCC", BitsStored=12, HighBit=11)
    found = predictor()(Exam("x", tmp_path, {View.LCC: Path("l.dcm")})).views[View.LCC]
    assert 0 <= found.peak_row < 200
    assert 0 <= found.peak_column < 100
