"""The exams that are shown, and what their pictures show."""

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dibmg_monai.evaluation.cases import Case
from dibmg_monai.evaluation.located import Tolerance
from dibmg_monai.reports.gallery import GAP, LONGEST_SIDE, gallery
from dibmg_monai.reports.map_sections import look_up
from dibmg_monai.reports.section import Figure, Section
from dibmg_monai.reports.study import Settings, read_study
from tests.evaluation.scenes import SIDE, dib, written
from tests.reports.files import write_files

PEAK = dib(r3c10=5.0)  # at row 17, column 52
AT_PEAK = {"malignant_regions": {"RCC": [{"box": [15, 50, 19, 54]}]}}
ELSEWHERE = {"malignant_regions": {"RCC": [{"box": [60, 60, 65, 65]}]}}


def scored(case: Case, score: float, **parts: object) -> Case:
    return Case({**case.result, "score": score, **parts}, case.entry)


def shown(folder: Path, *cases: Case, tolerance: float = 0, dataset_dir: Path | None = None) -> dict[str, Section]:
    results, datalist = write_files(folder, {"testing": cases})
    study = read_study(results, datalist, dataset_dir=dataset_dir or folder)
    settings = Settings(threshold=0.5, tolerance=Tolerance(tolerance))
    found = look_up(study, tolerance=settings.tolerance)
    return {section.name: section for section in gallery(study, settings, found=found)}


def panels(figure: Figure) -> tuple[NDArray, NDArray]:
    """Left and right, (H, W, 3)."""
    head, content = figure.source.split(",")
    assert head == "data:image/jpeg;base64"
    picture = np.asarray(Image.open(BytesIO(base64.b64decode(content)))).astype(int)
    width = (picture.shape[1] - GAP) // 2
    assert max(picture.shape[0], width) == LONGEST_SIDE
    return picture[:, :width], picture[:, -width:]


def middle(mask: NDArray) -> NDArray:
    """Of the box around a mask, in pixels of the source."""
    places = np.argwhere(mask)
    return ((places.min(axis=0) + places.max(axis=0) + 1) / 2) * SIDE / mask.shape[0] - 0.5


def green(panel: NDArray) -> NDArray:
    return (panel[..., 1] - panel[..., 0] > 60) & (panel[..., 1] - panel[..., 2] > 60)


def test_hits_misses_and_false_alarms_by_score(tmp_path: Path) -> None:
    cases = [scored(written(tmp_path, PEAK, exam_id=f"c{score}"), score) for score in (0.9, 0.2, 0.6, 0.4, 0.5)]
    cases += [scored(written(tmp_path, PEAK, exam_id=f"n{score}", label=0), score) for score in (0.1, 0.7)]
    found = shown(tmp_path, *cases)
    titles = {name: [figure.title for figure in section.figures] for name, section in found.items()}
    assert titles == {
        "hits": ["c0.9, RCC", "c0.6, RCC", "c0.5, RCC"],
        "misses": ["c0.2, RCC", "c0.4, RCC"],
        "false-alarms": ["n0.7, RCC"],
    }
    assert found["hits"].says[0] == "Cancers with a score of 0.5 or more: 3, those with the highest scores first."
    assert found["misses"].says[0] == "Cancers with a score below 0.5: 2, those with the lowest scores first."


def test_outline_map_and_peak_lie_where_they_are(tmp_path: Path) -> None:
    (figure,) = shown(tmp_path, scored(written(tmp_path, PEAK, **AT_PEAK), 0.9))["hits"].figures
    plain, marked = panels(figure)
    np.testing.assert_allclose(middle(green(plain)), (17, 52), atol=0.5)
    colored = marked[..., 0] - marked[..., 2] > 40
    np.testing.assert_allclose(middle(colored), (17, 52), atol=1.5)
    assert not (plain[..., 0] - plain[..., 2] > 40).any()
    assert "peak log-odds 5.00, in the lesion; colors end at log-odds 5.00." in figure.caption
    assert "exam a" in figure.alt


@pytest.mark.parametrize(
    ("entry", "tolerance", "words"),
    [
        (ELSEWHERE, 0, "not in the lesion"),
        (AT_PEAK, 2, "within 2 px of the lesion"),
        (ELSEWHERE, 2, "not within 2 px of the lesion"),
        ({}, 0, "lesion not known"),
    ],
)
def test_captions_say_where_the_peak_is(entry: dict, tolerance: float, words: str, tmp_path: Path) -> None:
    found = shown(tmp_path, scored(written(tmp_path, PEAK, **entry), 0.9), tolerance=tolerance)
    assert f"peak log-odds 5.00, {words}; colors" in found["hits"].figures[0].caption


def test_a_miss_is_shown_where_its_lesion_is_known(tmp_path: Path) -> None:
    case = written(tmp_path, dib(r3c10=5.0), **ELSEWHERE)
    other = written(tmp_path, dib(r3c10=9.0), view="RMLO")
    both = Case(
        {**case.result, "views": {**other.result["views"], **case.result["views"]}}, {**other.entry, **case.entry}
    )
    assert shown(tmp_path, scored(both, 0.1))["misses"].figures[0].title == "a, RCC"
    assert shown(tmp_path, scored(both, 0.9))["hits"].figures[0].title == "a, RMLO"


def test_without_a_map_there_is_still_a_peak(tmp_path: Path) -> None:
    case = written(tmp_path, PEAK)
    case.result["views"]["RCC"]["map"] = None
    (figure,) = shown(tmp_path, scored(case, 0.9))["hits"].figures
    plain, marked = panels(figure)
    changed = np.abs(marked - plain).max(axis=-1) > 60
    np.testing.assert_allclose(middle(changed), (17, 52), atol=0.5)
    assert "no map was written" in figure.caption


def test_without_images_it_says_so(tmp_path: Path) -> None:
    found = shown(tmp_path, scored(written(tmp_path, PEAK), 0.9), dataset_dir=tmp_path / "elsewhere")
    assert not found["hits"].figures
    assert "No picture: none of their images is there; --dataset-dir names" in found["hits"].says[1]
    assert len(found["misses"].says) == 1
