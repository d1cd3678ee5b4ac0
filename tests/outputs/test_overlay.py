import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from dibmg_monai.inference import ExamResult, ViewResult
from dibmg_monai.outputs.overlay import COLORS, color_scale, overlay
from dibmg_monai.pixels.geometry import Orientation
from dibmg_monai.views import View

MakeFound = Callable[..., ViewResult]


def image(rows: int, columns: int, *, gray: int = 102) -> NDArray[np.uint8]:
    return np.full((rows, columns), gray, np.uint8)


def draw(
    found: ViewResult, gray: NDArray[np.uint8], *, view: View = View.RCC, exam_score: float = 0.5
) -> NDArray[np.int64]:
    return overlay(found, gray, view=view, exam_score=exam_score, scale=4.0).astype(int)


def chroma(picture: NDArray[np.int64]) -> NDArray[np.int64]:
    return picture.max(axis=-1) - picture.min(axis=-1)


def cyan(picture: NDArray[np.int64]) -> NDArray[np.bool_]:
    return picture[..., 2] - picture[..., 0] > 60


def test_colors_grow_lighter_in_even_steps() -> None:
    linear = np.where(COLORS / 255 <= 0.04045, COLORS / 255 / 12.92, ((COLORS / 255 + 0.055) / 1.055) ** 2.4)
    lightness = 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16  # CIE L*
    steps = np.diff(lightness)
    assert (steps > 0.7 * steps.mean()).all() and (steps < 1.4 * steps.mean()).all()


@pytest.mark.parametrize("orientation", [Orientation(*turn) for turn in product((False, True), repeat=3)], ids=str)
@pytest.mark.parametrize("view", [View.RMLO, View.LCC])
def test_color_and_mark_are_at_the_peak_of_the_stored_image(
    orientation: Orientation, view: View, make_found: MakeFound
) -> None:
    shape = (900, 500)
    found = make_found(view, shape=shape, orientation=orientation, cell=(3, 11 if view.laterality == "R" else 4))
    picture = draw(found, image(*shape), view=view)[: shape[0]]
    marked = np.argwhere(cyan(picture))
    colored = np.argwhere((chroma(picture) > 50) & ~cyan(picture))
    assert len(colored) > 100 and len(marked) > 100
    peak = [found.peak_row, found.peak_column]
    np.testing.assert_allclose((marked.min(axis=0) + marked.max(axis=0)) / 2, peak, atol=1)
    np.testing.assert_allclose(colored.mean(axis=0), peak, atol=4)


def test_ring_does_not_hide_the_peak(make_found: MakeFound) -> None:
    found = make_found(shape=(900, 600))
    gray = image(900, 600)
    gray[round(found.peak_row), round(found.peak_column)] = 255
    row, column = round(found.peak_row), round(found.peak_column)
    inside = draw(found, gray)[row - 12 : row + 13, column - 12 : column + 13]
    assert not cyan(inside).any()
    assert inside.sum(axis=-1).argmax() == inside[..., 0].size // 2


def test_only_positive_evidence_is_colored(make_found: MakeFound) -> None:
    found = make_found(shape=(900, 600), background=-0.5, peak=-0.1)
    assert (chroma(draw(found, image(900, 600))[:900]) == 0).all()


def test_opacity_grows_with_the_value_up_to_the_end_of_the_scale(make_found: MakeFound) -> None:
    colors = [
        draw(make_found(shape=(900, 600), background=value, peak=value), image(900, 600, gray=0))[5, 5]
        for value in (0.0, 1.0, 2.0, 3.0, 4.0, 9.0)
    ]
    brightness = [color.sum() for color in colors]
    assert brightness[0] == 0 and brightness[:5] == sorted(set(brightness[:5]))
    np.testing.assert_array_equal(colors[4], colors[5])
    np.testing.assert_allclose(colors[4], 0.6 * COLORS[-1], atol=0.5)


def test_pixels_without_evidence_keep_their_gray(make_found: MakeFound) -> None:
    gray = image(900, 600)
    gray[:] = np.linspace(0, 255, 600)
    found = make_found(shape=(900, 600), background=-9.0, peak=-8.0, cell=(15, 13))
    np.testing.assert_array_equal(draw(found, gray)[:500], np.stack([gray[:500]] * 3, axis=-1))


def test_no_side_is_longer_than_1600(make_found: MakeFound) -> None:
    for shape in ((1400, 863), (863, 1400), (1400, 30)):
        assert max(draw(make_found(shape=shape), image(*shape)).shape) <= 1600


def test_caption_fits_below_narrow_images(make_found: MakeFound) -> None:
    narrow = draw(make_found(shape=(900, 30)), image(900, 30))
    wide = draw(make_found(shape=(900, 600)), image(900, 600))
    ink = [np.argwhere(picture[900:].max(axis=-1) > 100) for picture in (narrow, wide)]
    assert len(ink[0]) > 0.98 * len(ink[1])
    assert ink[0][:, 1].max() < narrow.shape[1] - 5


@pytest.mark.parametrize("changed", [{"view": View.LMLO}, {"exam_score": 0.501}, {"score": 0.3}, {"peak": 3.99}])
def test_caption_tells_view_and_scores(changed: dict[str, object], make_found: MakeFound) -> None:
    def caption(score: float = 0.25, peak: float = 4.0, **names: object) -> NDArray[np.int64]:
        return draw(make_found(shape=(900, 600), score=score, peak=peak), image(900, 600), **names)[900:]

    assert (caption() == caption()).all()
    assert (caption() != caption(**changed)).any()


def test_scale_is_the_highest_peak_of_the_exam_but_no_less_than_ten_to_one(
    make_result: Callable[..., ExamResult],
) -> None:
    assert color_scale(make_result()) == 4.0
    assert color_scale(make_result(views=(View.RCC, View.RMLO))) == math.log(10)
