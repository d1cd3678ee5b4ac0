"""mini-MIAS: what the list's numbers mean on the films, and which breast they are of."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dibmg_monai.errors import DatalistError, ImageError
from dibmg_monai.exams.datalist import exam_from_entry
from dibmg_monai.exams.datasets.mini_mias import MINI_MIAS
from dibmg_monai.pixels.geometry import transform_points
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.views import VIEWS, View
from tests.exams.datasets.read_back import read_back

LIST = """\
2nd column: Character of background tissue:
                F - Fatty
NOTES
=====
1) The list is arranged in pairs of films, where each pair\x20
   represents the left (even filename numbers) and right mammograms
   (odd filename numbers) of a single patient.

mdb001 G CIRC B 535 425 197
mdb002 G CIRC B 522 280 69
mdb003 D NORM\x20
mdb004 D NORM
mdb005 F CIRC M 477 133 30
mdb005 F ARCH M 600 168 26
mdb006 F MISC B 500 500 20
mdb059 F CIRC B
mdb060 F NORM
mdb215 D NORM
mdb216 D CALC M *NOTE 3*\x20
"""
SPOT = 250


def film(number: int, spots: tuple[tuple[int, int], ...] = ()) -> Image.Image:
    """A mirrored film: the chest wall of an odd number, a left breast, is on the right; spots at (x, y from below)."""
    down, across = np.mgrid[0:1024, 0:1024]
    from_wall = 900 - across if number % 2 else across - 123
    breast = (((down - 512) / 450) ** 2 + (from_wall / 600) ** 2 < 1) & (from_wall >= 0)
    pixels = np.where(breast, 120, 0).astype(np.uint8)
    for x, y in spots:
        pixels[1023 - y - 8 : 1023 - y + 9, x - 8 : x + 9] = SPOT
    return Image.fromarray(pixels)


@pytest.fixture
def mias(tmp_path: Path) -> Path:
    """The films of ``LIST``."""
    (tmp_path / "Info.txt").write_text(LIST)
    (tmp_path / "all-mias").mkdir()
    spots = {5: ((477, 133), (600, 168))}
    for number in (1, 2, 3, 4, 5, 6, 59, 60, 215, 216):
        film(number, spots.get(number, ())).save(tmp_path / f"all-mias/mdb{number:03}.pgm")
    return tmp_path


def test_exams_and_labels(mias: Path) -> None:
    entries, left_out = read_back(MINI_MIAS, mias)
    assert entries["mdb005-006"] == {
        "exam_id": "mdb005-006",
        "label": 1,
        "LMLO": "all-mias/mdb005.pgm",
        "RMLO": "all-mias/mdb006.pgm",
        "patient_id": "mdb005-006",
        "features": ["distortion", "mass"],
        "cancer_side": "L",
        "malignant_regions": {"LMLO": [{"circle": [890, 477, 30]}, {"circle": [855, 600, 26]}]},
        "tissue": "F",
    }
    keys = ("label", "benign", "cancer_side", "features")
    assert {name: tuple(entry.get(key) for key in keys) for name, entry in entries.items()} == {
        "mdb001-002": (0, True, None, ["mass"]),
        "mdb003-004": (0, None, None, None),
        "mdb005-006": (1, None, "L", ["distortion", "mass"]),
        "mdb059-060": (0, True, None, ["mass"]),
        "mdb215-216": (1, None, "R", ["calcification"]),
    }
    assert "malignant_regions" not in entries["mdb215-216"]
    assert left_out == {("region", "the list gives no place: calcifications all over"): 1}


def test_the_mirror_is_undone_and_the_circles_are_on_the_spots(mias: Path) -> None:
    entry = read_back(MINI_MIAS, mias)[0]["mdb005-006"]
    loaded = Preprocessing(image_size=512)(exam_from_entry(entry, dataset_dir=mias))
    assert loaded.view_present.tolist() == [view in (View.RMLO, View.LMLO) for view in VIEWS]
    assert loaded.warnings == ()
    left, right = loaded.image[View.LMLO.channel], loaded.image[View.RMLO.channel]
    assert left[256, 70] > -0.5 > left[256, 500]  # the left breast's chest wall is on the left
    assert right[256, 440] > -0.5 > right[256, 10]
    for region in entry["malignant_regions"]["LMLO"]:
        row, column, _ = region["circle"]
        matrix = loaded.geometries[View.LMLO].source_to_input
        at = tuple(int(place.round()) for place in transform_points(matrix, row, column))
        assert left[at] == pytest.approx(2 * SPOT / 255 - 1, abs=0.02)


def test_the_readme_serves_as_the_list(mias: Path) -> None:
    expected = MINI_MIAS.read(mias)
    (mias / "Info.txt").rename(mias / "README")
    assert MINI_MIAS.read(mias) == expected


def test_a_film_of_the_breast_with_the_cancer_is_needed(mias: Path) -> None:
    for number in (1, 5):
        (mias / f"all-mias/mdb{number:03}.pgm").unlink()
    film(7).save(mias / "all-mias/mdb007.pgm")
    entries, left_out = read_back(MINI_MIAS, mias)
    assert entries["mdb001-002"].keys() & set(VIEWS) == {"RMLO"}
    assert "mdb005-006" not in entries
    assert left_out[("exam", "has no image of the breast with the cancer")] == 1
    assert left_out[("image", "in the list, but not in the folder")] == 2
    assert left_out[("image", "is not in the list")] == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("mdb007 X NORM", r"Info\.txt, line 20: background tissue is 'X'; 'F' or 'G' or 'D' is needed"),
        ("mdb007 G LUMP B 1 2 3", "class of abnormality is 'LUMP'; 'CALC' or 'CIRC'"),
        ("mdb007 G CIRC 535 425 197", "severity is '535'; 'B' or 'M' is needed"),
        ("mdb007 G NORM B", "severity is 'B'; '' is needed"),
        ("mdb007 G CIRC B 535 425", r"ends in '535 425'; x, y and radius in pixels, \*NOTE 3\* or nothing is needed"),
        ("mdb007 G", "class of abnormality is ''"),
    ],
)
def test_rows_that_are_not_as_published(row: str, message: str, mias: Path) -> None:
    (mias / "Info.txt").write_text(f"{LIST}{row}\n")
    with pytest.raises(DatalistError, match=message):
        MINI_MIAS.read(mias)


def _no_rows(mias: Path) -> None:
    (mias / "Info.txt").write_text("nothing")


def _original_size(mias: Path) -> None:
    Image.new("L", (1600, 4320)).save(mias / "all-mias/mdb001.pgm")


def _damaged(mias: Path) -> None:
    (mias / "all-mias/mdb001.pgm").write_bytes(b"P5\n")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda mias: (mias / "Info.txt").unlink(),
            DatalistError,
            "Info.txt or README or README.txt is needed; there is",
        ),
        (_no_rows, DatalistError, r"Info\.txt: has no row such as 'mdb001 G CIRC B 535 425 197'"),
        (_original_size, DatalistError, r"mdb001\.pgm: has 4320 x 1600 pixels; 1024 x 1024 are needed"),
        (_damaged, ImageError, r"mdb001\.pgm: is a damaged PGM file"),
    ],
)
def test_folders_that_do_not_serve(change: Callable, error: type, message: str, mias: Path) -> None:
    change(mias)
    with pytest.raises(error, match=message):
        MINI_MIAS.read(mias)
