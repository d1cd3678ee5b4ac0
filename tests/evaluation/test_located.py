"""What is found and what is there, view by view: read once, from whatever there is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dibmg_monai.errors import DatalistError, DibmgError
from dibmg_monai.evaluation.cases import Case
from dibmg_monai.evaluation.located import LocatedView, Tolerance, read_views
from tests.conftest import WriteMammogram
from tests.evaluation.scenes import SIDE, dib, written

EXACT = Tolerance()
SQUARE = {"malignant_regions": {"RCC": [{"box": [15, 50, 19, 54]}]}}


def read(*cases: Case, folder: Path, tolerance: Tolerance = EXACT) -> list[LocatedView]:
    return list(read_views(cases, results_dir=folder, dataset_dir=folder, tolerance=tolerance))


def test_a_view_with_a_lesion(tmp_path: Path) -> None:
    (view,) = read(written(tmp_path, dib(r3c10=5.0), **SQUARE), folder=tmp_path, tolerance=Tolerance(2))
    assert (view.lesion.area, view.target.area) == (25, 25 + 4 * 10 + 4 * 1)
    assert view.peak == (17, 52)
    assert view.dib is not None
    np.testing.assert_array_equal(view.dib.values, dib(r3c10=5.0))
    assert view.share_of_image(view.lesion) == 25 / SIDE**2
    assert view.share_of_breast(view.lesion) == pytest.approx(25 / (SIDE**2 / 2))


def test_lesions_beside_the_breast_are_not_in_it(tmp_path: Path) -> None:
    entry = {"malignant_regions": {"RCC": [{"box": [10, 38, 10, 41]}]}}
    (view,) = read(written(tmp_path, dib(), **entry), folder=tmp_path)
    assert view.share_of_breast(view.lesion) == pytest.approx(2 / (SIDE**2 / 2))


def test_views_of_cancers_count_if_annotated_and_all_views_of_others(tmp_path: Path) -> None:
    cases = [
        written(tmp_path, dib(), exam_id="known", **SQUARE),
        written(tmp_path, dib(), exam_id="unknown"),
        written(tmp_path, dib(), exam_id="other-view", view="LCC", **SQUARE),
        written(tmp_path, dib(), exam_id="none", label=0),
    ]
    views = read(*cases, folder=tmp_path)
    assert [(view.case.exam_id, len(view.lesions)) for view in views] == [("known", 1), ("none", 0)]
    assert views[1].breast is None


def test_without_images_masks_still_tell_how_large_they_are(tmp_path: Path) -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[15:20, 50:55] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    cases = [
        written(tmp_path, dib(), malignant_masks={"RCC": "mask.png"}),
        written(tmp_path, dib(), exam_id="none", label=0),
    ]
    for case in cases:
        (tmp_path / case.entry["RCC"]).unlink()
    known, none = read(*cases, folder=tmp_path)
    assert known.dib is not None
    assert known.share_of_image(known.lesion) == 25 / SIDE**2
    assert np.isnan(known.share_of_breast(known.lesion))
    assert none.dib is none.shape is None


def test_without_maps_there_is_the_peak(tmp_path: Path) -> None:
    case = written(tmp_path, dib(r3c10=5.0), **SQUARE)
    case.result["views"]["RCC"]["map"] = None
    (view,) = read(case, folder=tmp_path)
    assert view.dib is None
    assert view.target.contains(*view.peak)


def test_a_black_image_has_no_breast(tmp_path: Path) -> None:
    case = written(tmp_path, dib(), **SQUARE)
    Image.new("L", (SIDE, SIDE)).save(tmp_path / case.entry["RCC"])
    (view,) = read(case, folder=tmp_path)
    assert np.isnan(view.share_of_breast(view.lesion))


def test_a_peak_off_the_image_is_refused(tmp_path: Path) -> None:
    case = written(tmp_path, dib(), **SQUARE)
    case.result["views"]["RCC"]["peak_row"] = 80.0
    message = r"exam a, RCC: the peak is at row 80, column 2, but image and lesions have 80 x 80 pixels"
    with pytest.raises(DatalistError, match=message):
        read(case, folder=tmp_path)


def test_millimeters_by_header_or_datalist(tmp_path: Path, write_mammogram: WriteMammogram) -> None:
    tolerance = Tolerance(1, "mm")
    case = written(tmp_path, dib(), **SQUARE)
    with pytest.raises(
        DatalistError, match=r"spacing_mm is None, and the header .* for a tolerance of 1 mm one of the"
    ):
        read(case, folder=tmp_path, tolerance=tolerance)
    assert read(case, folder=tmp_path, tolerance=Tolerance(0, "mm"))
    for wrong in (0, "0.5"):
        with pytest.raises(DatalistError, match=f"spacing_mm is {wrong!r}"):
            read(written(tmp_path, dib(), spacing_mm=wrong, **SQUARE), folder=tmp_path, tolerance=tolerance)
    (view,) = read(written(tmp_path, dib(), spacing_mm=0.5, **SQUARE), folder=tmp_path, tolerance=tolerance)
    assert view.target.area == 25 + 4 * 10 + 4 * 1
    image = np.broadcast_to(np.arange(SIDE) >= 40, (SIDE, SIDE)).astype(np.uint16) * 3000
    write_mammogram(case.entry["RCC"], image, ImagerPixelSpacing=[1, 0.5])
    (view,) = read(case, folder=tmp_path, tolerance=tolerance)
    assert view.target.mask.shape == (5 + 2, 5 + 4)


def test_a_tolerance_is_not_negative() -> None:
    with pytest.raises(DibmgError, match=r"the tolerance is -1 mm; 0 or more is needed"):
        Tolerance(-1, "mm")


def test_tolerances_in_words() -> None:
    assert (str(Tolerance(5, "mm")), Tolerance(5, "mm").hit) == ("5 mm", "within 5 mm of the lesion")
    assert Tolerance().hit == "in the lesion"
