"""DDSM: cases as published, with films converted beside them or elsewhere."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.datalist import exam_from_entry
from dibmg_monai.exams.datasets.ddsm import DDSM
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.pixels.reader import read_image
from dibmg_monai.views import VIEWS, View
from tests.exams.datasets.read_back import read_back

FILMS = {"LEFT_CC": (460, 300), "LEFT_MLO": (464, 304), "RIGHT_CC": (456, 296), "RIGHT_MLO": (460, 292)}
ICS = """
ics_version 1.0
filename {name}
DATE_OF_STUDY 2 7 1995
PATIENT_AGE 42
FILM\x20
FILM_TYPE REGULAR
DENSITY {density}
DATE_DIGITIZED 7 22 1997\x20
DIGITIZER LUMISYS LASER
SEQUENCE
{films}
"""
MASS = "LESION_TYPE MASS SHAPE IRREGULAR-ARCHITECTURAL_DISTORTION MARGINS SPICULATED"
CALCIFICATION = "LESION_TYPE CALCIFICATION TYPE PLEOMORPHIC DISTRIBUTION CLUSTERED"
# From column 100, row 200: 60 right, 40 down, 60 left, 40 up.
SQUARE = "100 200 " + "2 " * 60 + "4 " * 40 + "6 " * 60 + "0 " * 40 + "#"
# From the top: down right, down left, up left, up right, 20 each.
DIAMOND = "150 50 " + "3 " * 20 + "5 " * 20 + "7 " * 20 + "1 " * 20 + "# "


def abnormality(
    number: int,
    *,
    pathology: str = "MALIGNANT",
    types: tuple[str, ...] = (MASS,),
    boundary: str = SQUARE,
    core: str = "",
) -> str:
    outlines = 2 if core else 1
    lines = (
        f"ABNORMALITY {number}",
        *types,
        f"ASSESSMENT {3 + (pathology == 'MALIGNANT')}",
        "SUBTLETY 5",
        f"PATHOLOGY {pathology}",
        f"TOTAL_OUTLINES {outlines} ",
        "BOUNDARY",
        f"{boundary} ",
        *(("\tCORE", core) if core else ()),
    )
    return "\n".join(lines) + "\n"


def overlay(*abnormalities: str) -> str:
    return f"TOTAL_ABNORMALITIES {len(abnormalities)}\n" + "".join(abnormalities)


@pytest.fixture
def write_case(tmp_path: Path) -> Callable[..., Path]:
    """``write_case(volume, name, overlays, scale=..., ending=..., images=...)`` writes a case and its images."""

    def write(
        volume: str,
        name: str,
        overlays: dict[str, str] | None = None,
        *,
        scale: float = 1,
        ending: str = ".png",
        images: str | None = None,
        density: str = "3",
    ) -> Path:
        folder = tmp_path / volume / f"case{name.split('-')[1]}"
        folder.mkdir(parents=True, exist_ok=True)
        overlays = overlays or {}
        films = [
            f"{film} LINES {rows} PIXELS_PER_LINE {columns} BITS_PER_PIXEL 12 RESOLUTION 50 "
            f"{'OVERLAY' if film in overlays else 'NON_OVERLAY'}"
            for film, (rows, columns) in FILMS.items()
        ]
        (folder / f"{name}.ics").write_text(ICS.format(name=name, films="\n".join(films), density=density))
        base = name.replace("-", "_")
        for film, text in overlays.items():
            (folder / f"{base}.{film}.OVERLAY").write_text(text)
        target = folder if images is None else tmp_path / images
        target.mkdir(parents=True, exist_ok=True)
        for film, (rows, columns) in FILMS.items():
            (folder / f"{base}.{film}.LJPEG").write_bytes(b"\xff\xd8")
            picture = Image.new("I;16", (columns, rows), 9000)
            ImageDraw.Draw(picture).rectangle((100, 200, 160, 240), fill=60000)
            picture.resize((round(columns * scale), round(rows * scale)), Image.Resampling.BOX).save(
                target / f"{base}.{film}{ending}"
            )
        return folder

    return write


def test_exams_and_labels(write_case: Callable[..., Path], tmp_path: Path) -> None:
    mixed = overlay(abnormality(1, core=DIAMOND), abnormality(2, pathology="BENIGN", types=(CALCIFICATION,)))
    write_case("cases/cancers/cancer_01", "A-0001-1", {"LEFT_CC": mixed, "LEFT_MLO": overlay(abnormality(1))})
    write_case("cases/normals/normal_07", "D-4500-1", density="1", images="converted", ending=".LJPEG.png")
    benign = overlay(abnormality(1, pathology="BENIGN", types=(CALCIFICATION,)))
    write_case("cases/benigns/benign_02", "B-3001-1", {"RIGHT_CC": benign}, ending=".tif")
    seen = overlay(abnormality(1, pathology="BENIGN_WITHOUT_CALLBACK"))
    write_case("benign_without_callbacks/benign_without_callback_01", "C-0002-1", {"RIGHT_CC": seen})
    write_case("done/cancer_03", "C-0003-1", {"RIGHT_CC": overlay(abnormality(1, pathology="UNPROVEN"))})
    entries, left_out = read_back(DDSM, tmp_path)
    assert left_out == {}
    case = "cases/cancers/cancer_01/case0001/A_0001_1"
    first = entries["A-0001-1"]
    regions = first.pop("malignant_regions")
    assert first == {
        "exam_id": "A-0001-1",
        "label": 1,
        "RCC": f"{case}.RIGHT_CC.png",
        "RMLO": f"{case}.RIGHT_MLO.png",
        "LCC": f"{case}.LEFT_CC.png",
        "LMLO": f"{case}.LEFT_MLO.png",
        "patient_id": "A-0001-1",
        "age_years": 42,
        "density": "C",
        "features": ["distortion", "mass"],
        "institution": "A",
        "digitizer": "LUMISYS",
        "cancer_side": "L",
        "birads": 4,
        "subtlety": 5,
        "volume": "cancer",
    }
    assert {view: len(found) for view, found in regions.items()} == {"LCC": 1, "LMLO": 1}
    keys = ("label", "benign", "cancer_side", "features", "volume")
    assert {name: tuple(entry.get(key) for key in keys) for name, entry in entries.items()} == {
        "A-0001-1": (1, None, "L", ["distortion", "mass"], "cancer"),
        "B-3001-1": (0, True, None, ["calcification"], "benign"),
        "C-0002-1": (0, True, None, ["distortion", "mass"], "benign_without_callback"),
        "C-0003-1": (1, None, None, ["distortion", "mass"], "cancer"),
        "D-4500-1": (0, None, None, None, "normal"),
    }
    assert entries["D-4500-1"]["LCC"] == "converted/D_4500_1.LEFT_CC.LJPEG.png"
    assert (entries["D-4500-1"]["institution"], entries["D-4500-1"]["density"]) == ("D", "A")


@pytest.mark.parametrize(("scale", "ending"), [(1, ".png"), (0.25, ".png"), (0.31, ".tif"), (1, ".pgm")])
def test_outlines_are_on_the_lesion(scale: float, ending: str, write_case: Callable[..., Path], tmp_path: Path) -> None:
    write_case("cancer_01", "A-0001-1", {"LEFT_CC": overlay(abnormality(1))}, scale=scale, ending=ending)
    entry = read_back(DDSM, tmp_path)[0]["A-0001-1"]
    bright = read_image(tmp_path / entry["LCC"]).values.numpy() > 0.5
    drawn = polygon(entry["malignant_regions"]["LCC"][0]["polygon"], bright.shape)
    assert (bright & drawn).sum() / (bright | drawn).sum() > (0.9 if scale == 1 else 0.7)
    loaded = Preprocessing(image_size=64)(exam_from_entry(entry, dataset_dir=tmp_path))
    assert loaded.view_present.all()


def polygon(points: list[list[float]], shape: tuple[int, int]) -> np.ndarray:
    """The pixels of a polygon."""
    picture = Image.new("1", shape[::-1])
    ImageDraw.Draw(picture).polygon([(column, row) for row, column in points], fill=1)
    return np.array(picture)


def test_directions_of_the_chain_code(write_case: Callable[..., Path], tmp_path: Path) -> None:
    write_case("cancer_01", "A-0001-1", {"RIGHT_CC": overlay(abnormality(1, boundary=DIAMOND))})
    (region,) = read_back(DDSM, tmp_path)[0]["A-0001-1"]["malignant_regions"]["RCC"]
    rows, columns = np.array(region["polygon"]).T
    assert (rows[0], columns[0]) == (50, 150)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (50, 90, 130, 170)
    assert columns[len(columns) // 4] == pytest.approx(170, abs=2)  # first to the right


def test_what_is_left_out(write_case: Callable[..., Path], tmp_path: Path) -> None:
    found = {"LEFT_CC": overlay(abnormality(1)), "LEFT_MLO": overlay(abnormality(1))}
    cut = write_case("cancer_01", "A-0001-1", found, density="7")
    Image.new("L", (200, 200)).save(cut / "A_0001_1.LEFT_CC.png")
    (cut / "A_0001_1.LEFT_MLO.OVERLAY").unlink()
    (cut / "A_0001_1.RIGHT_CC.png").unlink()
    off = overlay(abnormality(1, boundary="295 10 " + "2 " * 20 + "4 " * 20 + "#"))
    write_case("cancer_01", "A-0002-1", {"RIGHT_CC": off})
    write_case("normal_01", "A-0003-1", {"RIGHT_CC": found["LEFT_CC"]})
    lost = write_case("cancer_01", "A-0004-1", {"RIGHT_CC": found["LEFT_CC"]})
    for film in ("RIGHT_CC", "RIGHT_MLO"):
        (lost / f"A_0004_1.{film}.png").unlink()
    twice = write_case("normal_01", "A-0005-1")
    Image.new("L", (300, 460)).save(twice / "A_0005_1.LEFT_CC.tif")
    Image.new("L", (300, 460)).save(twice / "A_0006_1.LEFT_CC.tif")
    entries, left_out = read_back(DDSM, tmp_path)
    assert set(entries) == {"A-0001-1", "A-0002-1", "A-0005-1"}
    assert all("malignant_regions" not in entry for entry in entries.values())
    assert entries["A-0005-1"]["LCC"].endswith("A_0005_1.LEFT_CC.png")
    assert entries["A-0001-1"].keys() & set(VIEWS) == set(VIEWS) - {View.RCC}
    assert left_out == {
        ("value", "DENSITY is not given"): 1,
        ("region", "the image has other proportions than the film in the .ics, or the outline leaves the film"): 2,
        ("region", "the .ics names it, but it is not beside it"): 1,
        ("image", "the .ics names it, but there is no converted image"): 3,
        ("exam", "has a MALIGNANT lesion, but is not among the cancers"): 1,
        ("exam", "has no image of the breast with the cancer"): 1,
        ("image", "another image of this view; the first by name is used"): 1,
        ("image", "its case has no .ics"): 1,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            overlay(abnormality(1)).replace("IES 1", "IES 2"),
            r"LEFT_CC\.OVERLAY: TOTAL_ABNORMALITIES is 2, and 1 follow",
        ),
        ("", "TOTAL_ABNORMALITIES is missing, and 0 follow; a complete file is needed"),
        (overlay(abnormality(1, pathology="ODD")), "abnormality 1: PATHOLOGY is 'ODD'; MALIGNANT, BENIGN, "),
        (overlay(abnormality(1)).replace("SUBTLETY", "SUB"), "abnormality 1: SUBTLETY is missing; a number is needed"),
        (overlay(abnormality(1)).replace("#", ""), "abnormality 1: BOUNDARY is missing, cut or no chain code"),
        (overlay(abnormality(1, boundary="10 10 2 4 9 #")), "BOUNDARY is missing, cut or no chain code"),
        (overlay(abnormality(1), abnormality(2, pathology="")), "abnormality 2: PATHOLOGY is missing"),
    ],
)
def test_overlays_that_are_not_as_published(
    text: str, message: str, write_case: Callable[..., Path], tmp_path: Path
) -> None:
    write_case("cancer_01", "A-0001-1", {"LEFT_CC": text})
    with pytest.raises(DatalistError, match=message):
        DDSM.read(tmp_path)


def test_films_that_nobody_converted(write_case: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_case("cancer_01", "A-0001-1")
    for image in folder.glob("*.png"):
        image.unlink()
    with pytest.raises(DatalistError, match=r"has 4 LJPEG files, which nothing here reads, and no image; convert the"):
        DDSM.read(tmp_path)


def test_folders_that_do_not_serve(write_case: Callable[..., Path], tmp_path: Path) -> None:
    folder = write_case("mine", "A-0001-1")
    with pytest.raises(
        DatalistError, match=r"A-0001-1\.ics: is in no folder that tells its class; normal_01, cancer_01"
    ):
        DDSM.read(tmp_path)
    (folder / "A-0001-1.ics").write_text("ics_version 1.0\n")
    folder.parent.rename(tmp_path / "cancers")
    with pytest.raises(DatalistError, match=r"A-0001-1\.ics: names no film; a line such as LEFT_CC LINES 4696"):
        DDSM.read(tmp_path)
    (tmp_path / "cancers/case0001/A-0001-1.ics").unlink()
    with pytest.raises(DatalistError, match=r"has no \.ics file, at any depth; the cases of the DDSM are needed"):
        DDSM.read(tmp_path)
