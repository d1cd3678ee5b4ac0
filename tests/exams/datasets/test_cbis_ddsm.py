"""CBIS-DDSM: four tables as published, DICOM files in either layout of the NBIA Data Retriever, and their traps."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import SecondaryCaptureImageStorage

from dibmg_monai.errors import DatalistError, ImageError
from dibmg_monai.exams.datalist import exam_from_entry
from dibmg_monai.exams.datasets.cbis_ddsm import CBIS_DDSM, TABLES
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.pixels.reader import read_image
from dibmg_monai.views import View
from tests.conftest import WriteMammogram
from tests.exams.datasets.read_back import read_back

ENDS = "assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path"
HEADERS = {
    "calc": "patient_id,breast density,left or right breast,image view,abnormality id,abnormality type,calc type,"
    f"calc distribution,{ENDS}",
    "mass": "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,mass shape,"
    f"mass margins,{ENDS}",
}
STUDY, SERIES = "1.3.6.1.4.1.9590.100.1.2.1", "1.3.6.1.4.1.9590.100.1.2.2"
LESION = np.s_[20:30, 5:15]  # in images of 60 x 40


@pytest.fixture
def write_finding(tmp_path: Path, write_mammogram: WriteMammogram) -> Iterator[Callable[..., None]]:
    """``write_finding(kind, part, patient, view, ...)`` adds a row and its image, mask and cropped image."""
    for name in TABLES:
        (tmp_path / name).write_text(HEADERS[name[:4]] + "\n")

    def write(
        kind: str,
        part: str,
        patient: str,
        view: str,
        *,
        pathology: str = "MALIGNANT",
        density: str = "3",
        number: int = 1,
        shape: str = "IRREGULAR",
        classic: bool = True,
        mask_first: bool = True,
        mask_shape: tuple[int, int] = (60, 40),
        files: tuple[str, ...] = ("image", "mask", "crop"),
    ) -> None:
        long = {"train": "Training", "test": "Test"}[part]
        side, projection = {"L": "LEFT", "R": "RIGHT"}[view[0]], view[1:]
        image = f"{kind.capitalize()}-{long}_{patient}_{side}_{projection}"
        region = f"{image}_{number}"
        table = tmp_path / f"{kind}_case_description_{part}_set.csv"
        described = (shape, "SPICULATED") if kind == "mass" else ("PLEOMORPHIC", "CLUSTERED")
        abnormality = "mass" if kind == "mass" else "calcification"
        paths = [f"{name}/{STUDY}/{SERIES}/00000{end}.dcm" for name, end in ((image, 0), (region, 0), (region, 1))]
        row = (patient, density, side, projection, number, abnormality, *described, 4, pathology, 5, *paths[:2])
        with table.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow((*row, f"{paths[2]}\n"))
        series = ("", "") if classic else ("1.000000-full mammogram images-24515", "1.000000-ROI mask images-97770")
        study = STUDY if classic else "07-20-2016-DDSM-NA-30288"
        absent = ("ImageLaterality", "ViewPosition", "ViewCodeSequence", "PresentationIntentType", "ImageType")
        common = {"view": view, "SOPClassUID": SecondaryCaptureImageStorage, "PatientOrientation": projection}

        def dicom(name: str, folder: str, file: str, pixels: np.ndarray) -> None:
            where = f"CBIS-DDSM/{name}/{study}/{folder or SERIES}/{file}"
            write_mammogram(where, pixels, **common, Laterality=view[0], PatientID=name, **dict.fromkeys(absent))

        across = np.arange(40) if view[0] == "L" else np.arange(40)[::-1]
        film = np.broadcast_to(np.where(across < 25, 20000, 0), (60, 40)).astype(np.uint16).copy()
        film[LESION] = 60000
        mask = np.zeros(mask_shape, np.uint8)
        mask[LESION] = 255
        names = ("1-1.dcm", "1-2.dcm") if mask_first else ("1-2.dcm", "1-1.dcm")
        if "image" in files:
            dicom(image, series[0], "000000.dcm" if classic else "1-1.dcm", film)
        if "mask" in files:
            dicom(region, series[1], names[0], mask)
        if "crop" in files:
            dicom(region, series[1], names[1], film[LESION])

    return write


def test_exams_and_labels(write_finding: Callable[..., None], tmp_path: Path) -> None:
    for view in ("LCC", "LMLO"):
        write_finding("mass", "train", "P_00001", view, shape="IRREGULAR-ARCHITECTURAL_DISTORTION")
        write_finding("mass", "train", "P_00001", view, number=2, pathology="BENIGN", shape="OVAL")
        write_finding(
            "mass", "test", "P_00002", view, classic=False, mask_first=False, shape="ARCHITECTURAL_DISTORTION"
        )
    write_finding("calc", "train", "P_00003", "RCC", pathology="BENIGN_WITHOUT_CALLBACK", density="1")
    entries, left_out = read_back(CBIS_DDSM, tmp_path)
    assert left_out == {}
    study = f"{STUDY}/{SERIES}"
    assert entries["P_00001"] == {
        "exam_id": "P_00001",
        "label": 1,
        "LCC": f"CBIS-DDSM/Mass-Training_P_00001_LEFT_CC/{study}/000000.dcm",
        "LMLO": f"CBIS-DDSM/Mass-Training_P_00001_LEFT_MLO/{study}/000000.dcm",
        "patient_id": "P_00001",
        "density": "C",
        "features": ["distortion", "mass"],
        "cancer_side": "L",
        "malignant_regions": {
            "LCC": [{"mask": f"CBIS-DDSM/Mass-Training_P_00001_LEFT_CC_1/{study}/1-1.dcm"}],
            "LMLO": [{"mask": f"CBIS-DDSM/Mass-Training_P_00001_LEFT_MLO_1/{study}/1-1.dcm"}],
        },
        "birads": 4,
        "subtlety": 5,
    }
    keys = ("label", "benign", "cancer_side", "density", "features")
    assert {name: tuple(entry.get(key) for key in keys) for name, entry in entries.items()} == {
        "P_00001": (1, None, "L", "C", ["distortion", "mass"]),
        "P_00002": (1, None, "L", "C", ["distortion"]),
        "P_00003": (0, True, None, "A", ["calcification"]),
    }
    assert {part: len(exams) for part, exams in CBIS_DDSM.read(tmp_path).datalist.items()} == {
        "training": 2,
        "testing": 1,
    }


@pytest.mark.parametrize("mask_first", [True, False])
@pytest.mark.parametrize("classic", [True, False])
def test_the_mask_is_on_the_lesion(
    classic: bool, mask_first: bool, write_finding: Callable[..., None], tmp_path: Path
) -> None:
    write_finding("mass", "train", "P_00001", "RCC", classic=classic, mask_first=mask_first)
    entry = read_back(CBIS_DDSM, tmp_path)[0]["P_00001"]
    (region,) = entry["malignant_regions"]["RCC"]
    mask = read_image(tmp_path / region["mask"]).values > 0
    image = read_image(tmp_path / entry["RCC"]).values
    assert mask.shape == image.shape
    assert image[mask].min() == pytest.approx(60000 / 65535)
    assert image[~mask].max() == pytest.approx(20000 / 65535)
    loaded = Preprocessing(image_size=60)(exam_from_entry(entry, dataset_dir=tmp_path))
    assert loaded.image[View.RCC.channel, 50, -1] > -1  # the chest wall is on the right


def test_a_patient_in_both_parts_and_both_kinds(write_finding: Callable[..., None], tmp_path: Path) -> None:
    write_finding("mass", "train", "P_00001", "LCC")
    write_finding("mass", "train", "P_00001", "LMLO", pathology="BENIGN")
    write_finding("calc", "test", "P_00001", "LCC", pathology="BENIGN")
    entries, left_out = read_back(CBIS_DDSM, tmp_path)
    assert [part for part, exams in CBIS_DDSM.read(tmp_path).datalist.items() if exams] == ["testing"]
    assert entries["P_00001"]["label"] == 1
    assert "Calc-Test_P_00001_LEFT_CC/" in entries["P_00001"]["LCC"]
    (region,) = entries["P_00001"]["malignant_regions"]["LCC"]
    assert "Mass-Training_P_00001_LEFT_CC_1/" in region["mask"]
    assert left_out == {
        ("exam", "in both official parts: here as a whole in testing"): 1,
        ("image", "another image of this view; the first by name is used"): 1,
    }


def test_what_is_left_out(write_finding: Callable[..., None], tmp_path: Path, write_mammogram: WriteMammogram) -> None:
    write_finding("mass", "train", "P_00001", "LCC", mask_shape=(61, 40))
    write_finding("mass", "train", "P_00002", "LCC", files=("image",))
    write_finding("mass", "train", "P_00003", "LCC", files=("mask", "crop"))
    write_finding("mass", "train", "P_00003", "RCC", pathology="BENIGN", density="0")
    write_finding("calc", "train", "P_00004", "RCC", density="2")
    write_finding("calc", "train", "P_00004", "RCC", density="4", number=2)
    write_mammogram("Mass-Test_P_09999_LEFT_CC/1-1.dcm", np.zeros((60, 40), np.uint16))
    entries, left_out = read_back(CBIS_DDSM, tmp_path)
    assert set(entries) == {"P_00001", "P_00002", "P_00004"}
    assert [len(entry.get("malignant_regions", {}).get("RCC", [])) for entry in entries.values()] == [0, 0, 2]
    assert "density" not in entries["P_00004"]
    assert left_out == {
        ("region", "no mask of the image's rows and columns"): 2,
        ("image", "in the tables, but not in the folder"): 1,
        ("exam", "has no image of the breast with the cancer"): 1,
        ("value", "not 1 to 4, or several"): 2,
        ("image", "has no row in the tables"): 1,
    }


def _edit(old: str, new: str) -> Callable[[Path], None]:
    def edit(root: Path) -> None:
        table = root / "mass_case_description_train_set.csv"
        table.write_text(table.read_text().replace(old, new))

    return edit


def _without_a_table(root: Path) -> None:
    (root / "calc_case_description_test_set.csv").unlink()


def _with_a_table_twice(root: Path) -> None:
    (root / "copy").mkdir()
    (root / "copy/calc_case_description_test_set.csv").touch()


def _without_folders_of_images(root: Path) -> None:
    for index, file in enumerate(list(root.rglob("*.dcm"))):
        file.rename(root / f"{index}.dcm")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_a_table, "a file named calc_case_description_test_set.csv is needed; there is none"),
        (
            _with_a_table_twice,
            "one file named calc_case_description_test_set.csv is needed; there are calc_.*, copy/calc_",
        ),
        (
            _edit("pathology", "outcome"),
            r"train_set\.csv: has no column 'pathology'; it has patient id, breast density, ",
        ),
        (_edit("MALIGNANT", "ODD"), r"train_set\.csv, line 3: pathology is 'ODD'; 'MALIGNANT' or 'BENIGN' or"),
        (_edit(",LEFT,", ",BOTH,"), "left or right breast is 'BOTH'; 'LEFT' or 'RIGHT' is needed"),
        (_edit(",CC,", ",ML,"), "image view is 'ML'; 'CC' or 'MLO' is needed"),
        (_edit(",mass,", ",lump,"), "abnormality type is 'lump'; 'mass' or 'calcification' is needed"),
        (_edit(",4,MAL", ",four,MAL"), "assessment is 'four'; a number is needed"),
        (
            _without_folders_of_images,
            "DICOM files in folders named like Mass-Training_P_00001_LEFT_CC are needed; there are",
        ),
    ],
)
def test_folders_that_do_not_serve(
    change: Callable[[Path], None], message: str, write_finding: Callable[..., None], tmp_path: Path
) -> None:
    write_finding("mass", "train", "P_00001", "LCC")
    change(tmp_path)
    with pytest.raises(DatalistError, match=message):
        CBIS_DDSM.read(tmp_path)


def test_a_damaged_image(write_finding: Callable[..., None], tmp_path: Path) -> None:
    write_finding("mass", "train", "P_00001", "LCC", classic=False)
    next(tmp_path.rglob("*full mammogram*/1-1.dcm")).write_text("not an image")
    with pytest.raises(ImageError, match=r"1-1\.dcm: is not a DICOM file"):
        CBIS_DDSM.read(tmp_path)
