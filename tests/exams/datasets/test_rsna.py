from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.datasets.rsna import RSNA
from tests.exams.datasets.read_back import read_back

HEADER = (
    "site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,density,machine_id,"
    "difficult_negative_case"
)
VIEWS = ("L,CC", "L,MLO", "R,CC", "R,MLO")
NORMAL = ("0,0,0,1.0,0,B,49,False",) * 4
SITE_2 = ("0,0,0,,0,,29,False",) * 4
CANCER = ("0,0,0,1.0,0,B,49,False",) * 2 + ("1,1,1,0.0,0,C,49,False",) * 2
IN_SITU = ("1,1,0,0.0,0,B,49,False",) * 2 + NORMAL[2:]
BIOPSIED = ("0,1,0,,0,,29,True",) * 2 + SITE_2[2:]
RECALLED = ("0,0,0,0.0,0,A,49,False",) * 2 + NORMAL[2:]
DIFFICULT = ("0,0,0,,0,,29,True",) * 2 + SITE_2[2:]
IMPLANT = ("1,1,1,0.0,1,B,49,False",) * 4
WritePatient = Callable[..., None]


@pytest.fixture
def write_patient(tmp_path: Path, write_mammogram: Callable[..., Path]) -> WritePatient:
    """``write_patient(patient, facts, views=..., site=...)`` adds rows and images; image ids are 1, 2, ... after it."""
    (tmp_path / "train.csv").write_text(f"{HEADER}\n")

    def write(patient: str, facts: Sequence[str], *, views: Sequence[str] = VIEWS, site: int = 1) -> None:
        with (tmp_path / "train.csv").open("a") as table:
            for number, (view, what) in enumerate(zip(views, facts, strict=True), start=1):
                table.write(f"{site},{patient},{patient}{number},{view},61.0,{what}\n")
                write_mammogram(
                    f"train_images/{patient}/{patient}{number}.dcm",
                    np.zeros((6, 4), np.uint16),
                    **dict.fromkeys(("ImageLaterality", "ViewPosition", "ViewCodeSequence", "PresentationIntentType")),
                )

    return write


def test_exams_and_labels(write_patient: WritePatient, tmp_path: Path) -> None:
    patients = {
        "10001": NORMAL,
        "10002": SITE_2,
        "10003": CANCER,
        "10004": IN_SITU,
        "10005": BIOPSIED,
        "10006": RECALLED,
        "10007": DIFFICULT,
    }
    for patient, facts in patients.items():
        write_patient(patient, facts)
    entries, left_out = read_back(RSNA, tmp_path)
    assert left_out == {}
    assert entries["10003"] == {
        "exam_id": "10003",
        "label": 1,
        "RCC": "train_images/10003/100033.dcm",
        "RMLO": "train_images/10003/100034.dcm",
        "LCC": "train_images/10003/100031.dcm",
        "LMLO": "train_images/10003/100032.dcm",
        "patient_id": "10003",
        "age_years": 61,
        "density": "C",
        "invasive": True,
        "institution": "site 1",
        "cancer_side": "R",
        "machine_id": "49",
    }
    keys = ("label", "benign", "cancer_side", "invasive")
    assert {exam: tuple(entry.get(key) for key in keys) for exam, entry in entries.items()} == {
        "10001": (0, None, None, None),
        "10002": (0, None, None, None),
        "10003": (1, None, "R", True),
        "10004": (1, None, "L", False),
        "10005": (0, True, None, None),
        "10006": (0, True, None, None),
        "10007": (0, True, None, None),
    }
    assert "density" not in entries["10002"]


def test_implants_are_left_out(write_patient: WritePatient, tmp_path: Path) -> None:
    write_patient("10001", NORMAL)
    write_patient("10002", IMPLANT)
    write_patient("10003", (*NORMAL[:3], IMPLANT[0]))
    entries, left_out = read_back(RSNA, tmp_path)
    assert set(entries) == {"10001"}
    assert left_out == {("exam", "has an implant"): 2}


def test_other_views_and_several_images_of_a_view(write_patient: WritePatient, tmp_path: Path) -> None:
    views = ("L,CC", "L,CC", "L,AT", "R,ML", "R,LMO", "R,MLO")
    write_patient("10001", (*NORMAL, *NORMAL[:2]), views=views)
    write_patient("10002", NORMAL[:1], views=("R,LM",))
    entries, left_out = read_back(RSNA, tmp_path)
    files = {view: Path(entries["10001"][view]).stem for view in ("LCC", "RMLO")}
    assert files == {"LCC": "100011", "RMLO": "100016"}
    assert set(entries) == {"10001"}
    assert left_out == {
        ("image", "another image of this view; the first by name is used"): 1,
        ("image", "a view other than CC and MLO"): 4,
        ("exam", "has no image of a standard view"): 1,
    }


def test_absent_images_and_those_of_the_test(write_patient: WritePatient, tmp_path: Path) -> None:
    write_patient("10001", CANCER)
    write_patient("10002", CANCER)
    write_patient("10003", NORMAL)
    (tmp_path / "test_images/10008").mkdir(parents=True)
    (tmp_path / "test_images/10008/736471439.dcm").touch()
    (tmp_path / "test.csv").write_text("site_id,patient_id\n")
    (tmp_path / "train_images/10003/7.dcm").touch()
    for number in (3, 4):
        (tmp_path / f"train_images/10002/10002{number}.dcm").unlink()
    for file in list((tmp_path / "train_images/10003").glob("10003*")):
        file.unlink()
    entries, left_out = read_back(RSNA, tmp_path)
    assert {exam: entry["label"] for exam, entry in entries.items()} == {"10001": 1}
    assert left_out == {
        ("image", "is in train.csv, but not in the folder"): 6,
        ("image", "has no row in train.csv"): 1,
        ("exam", "has no image of the breast with the cancer"): 1,
        ("exam", "has no image of a standard view"): 1,
    }


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("difficult_negative_case", "difficult", r"train.csv: has no column 'difficult_negative_case'; it has site id"),
        ("61.0,0,0,0", "61.0,2,0,0", "train.csv, line 2: cancer is '2'; '1' or '0' or 'True' or 'False' is needed"),
        ("L,CC", "B,CC", "train.csv, line 2: laterality is 'B'; 'R' or 'L' is needed"),
        (",B,49", ",E,49", "train.csv, line 2: density is 'E'; '' or 'A' or 'B' or 'C' or 'D' is needed"),
        ("1.0,0,B", "one,0,B", "train.csv, line 2: BIRADS is 'one'; a number is needed"),
        ("False", "no", "train.csv, line 2: difficult_negative_case is 'no'; '1' or '0'"),
    ],
)
def test_another_table(old: str, new: str, message: str, write_patient: WritePatient, tmp_path: Path) -> None:
    write_patient("10001", NORMAL)
    table = tmp_path / "train.csv"
    table.write_text(table.read_text().replace(old, new))
    with pytest.raises(DatalistError, match=message):
        RSNA.read(tmp_path)


def test_no_table(write_patient: WritePatient, tmp_path: Path) -> None:
    write_patient("10001", NORMAL)
    (tmp_path / "train.csv").unlink()
    with pytest.raises(DatalistError, match=r"a file named train.csv is needed; there is none"):
        RSNA.read(tmp_path)
