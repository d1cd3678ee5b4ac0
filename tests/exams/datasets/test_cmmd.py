from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from openpyxl import Workbook

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.datasets.cmmd import CMMD, TABLE
from dibmg_monai.views import VIEWS
from tests.exams.datasets.read_back import read_back

HEADER = ("ID1", "LeftRight", "Age", "number", "abnormality", "classification", "subtype")
ROWS = (
    ("D1-0001", "R", 44, 2, "calcification", "Benign", None),
    ("D1-0087", "L", 59, 2, "calcification", "Benign", None),
    ("D1-0087", "R", 59, 2, "mass", "Malignant", None),
    ("D1-0666", "L", 50, 2, "both", "Malignant", None),
    ("D1-0666", "R", 50, 2, "mass", "Malignant", None),
    ("D2-0220", "L", 49, 2, "mass", "Malignant", None),
    ("D2-0220", "R", 49, 2, "both", "Malignant", "Luminal B"),
    ("D2-0333", "R", 85, 2, "mass", "Malignant", "triple negative"),
)
PIXELS = np.zeros((6, 4), np.uint8)
WriteImage = Callable[..., str]


@pytest.fixture
def write_image(write_mammogram: Callable[..., Path], tmp_path: Path) -> WriteImage:
    """``write_image(patient, number, view, Keyword=value, ...)`` writes where the NBIA Data Retriever would."""

    def write(patient: str, number: int, view: str, **attributes: object) -> str:
        series = f"CMMD/{patient}/07-18-2010-NA-NA-{patient[3:]}1/1.000000-NA-{patient[3:]}2"
        path = write_mammogram(
            f"{series}/1-{number}.dcm",
            PIXELS,
            **{
                "view": view,
                "PatientID": patient,
                "StudyInstanceUID": f"1.3.6.1.4.1.14519.{int(patient[3:])}",
                "ImageType": ["DERIVED", "PRIMARY"],
                "ViewPosition": None,
                **attributes,
            },
        )
        return path.relative_to(tmp_path).as_posix()

    return write


def write_table(root: Path, rows: Sequence[Sequence[object]], *, header: Sequence[str] = HEADER) -> None:
    book = Workbook()
    for row in (header, *rows):
        book.active.append(list(row))
    book.save(root / TABLE)


@pytest.fixture
def release(tmp_path: Path, write_image: WriteImage) -> Path:
    """A release of five patients; two have images of one breast only."""
    write_table(tmp_path, ROWS)
    for patient in {row[0] for row in ROWS}:
        views = ("RCC", "RMLO") if patient in ("D1-0001", "D2-0333") else VIEWS
        for number, view in enumerate(views, start=1):
            write_image(patient, number, view)
    (tmp_path / "metadata.csv").write_text("Series UID,Collection\n")
    (tmp_path / "CMMD/LICENSE").write_text("CC BY 4.0\n")
    return tmp_path


def test_exams_and_labels(release: Path) -> None:
    entries, left_out = read_back(CMMD, release)
    assert left_out == {}
    series = "CMMD/D1-0001/07-18-2010-NA-NA-00011/1.000000-NA-00012"
    assert entries["D1-0001"] == {
        "exam_id": "D1-0001",
        "label": 0,
        "benign": True,
        "RCC": f"{series}/1-1.dcm",
        "RMLO": f"{series}/1-2.dcm",
        "patient_id": "D1-0001",
        "age_years": 44,
        "features": ["calcification"],
    }
    keys = ("label", "benign", "cancer_side", "features", "subtype")
    assert {exam: tuple(entry.get(key) for key in keys) for exam, entry in entries.items()} == {
        "D1-0001": (0, True, None, ["calcification"], None),
        "D1-0087": (1, None, "R", ["mass"], None),
        "D1-0666": (1, None, "RL", ["calcification", "mass"], None),
        "D2-0220": (1, None, "RL", ["calcification", "mass"], "Luminal B"),
        "D2-0333": (1, None, "R", ["mass"], "triple negative"),
    }
    assert all(view in entries["D1-0087"] for view in VIEWS)


def test_the_header_tells_the_view(release: Path, write_image: WriteImage) -> None:
    """Numbers of files say nothing."""
    for number, view in enumerate(reversed(VIEWS), start=1):
        write_image("D1-0087", number, view)
    entries, _ = read_back(CMMD, release)
    assert Path(entries["D1-0087"]["LMLO"]).name == "1-1.dcm"


def test_several_images_of_a_view(release: Path, write_image: WriteImage) -> None:
    write_image("D2-0333", 3, "RCC")
    entries, left_out = read_back(CMMD, release)
    assert Path(entries["D2-0333"]["RCC"]).name == "1-1.dcm"
    assert left_out == {("image", "another image of this view; the first by name is used"): 1}


def test_images_that_no_exam_can_use(release: Path, write_image: WriteImage) -> None:
    write_image("D1-0087", 5, "RCC", ImageLaterality=None, PatientOrientation=None)
    damaged = release / write_image("D1-0087", 6, "RCC")
    damaged.write_bytes(damaged.read_bytes()[:-4])
    _, left_out = read_back(CMMD, release)
    assert left_out == {
        ("image", "cannot enter an exam: laterality"): 1,
        ("image", "cannot enter an exam: truncated"): 1,
    }


def test_patients_in_the_table_or_the_folder_alone(release: Path, write_image: WriteImage) -> None:
    write_image("D1-0002", 1, "LCC")
    write_table(release, (*ROWS, ("D1-0999", "L", 40, 2, "mass", "Benign", None)))
    entries, left_out = read_back(CMMD, release)
    assert len(entries) == 5
    assert left_out == {("exam", f"has no row in {TABLE}"): 1, ("exam", "has no image of a standard view"): 1}


def test_a_cancer_in_the_breast_without_images(release: Path) -> None:
    rows = [("D2-0333", "L", *row[2:]) if row[0] == "D2-0333" else row for row in ROWS]
    write_table(release, rows)
    entries, left_out = read_back(CMMD, release)
    assert "D2-0333" not in entries
    assert left_out == {("exam", "has no image of the breast with the cancer"): 1}


def test_numbers_and_capitals_as_excel_may_have_them(release: Path) -> None:
    write_table(release, [("D1-0001", "r", 44.0, "2", "Calcification", "benign", "")])
    entries, _ = read_back(CMMD, release)
    assert (entries["D1-0001"]["age_years"], entries["D1-0001"]["features"]) == (44, ["calcification"])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("LeftRight", "B", r"row 2: LeftRight is 'B'; 'R' or 'L' is needed"),
        ("classification", "Normal", r"row 2: classification is 'Normal'; 'Malignant' or 'Benign' is needed"),
        ("abnormality", None, r"row 2: abnormality is ''; 'mass' or 'calcification' or 'both' is needed"),
        ("Age", "old", r"row 2: Age is 'old'; a number is needed"),
    ],
)
def test_values_that_are_not_known(column: str, value: object, message: str, release: Path) -> None:
    row = dict(zip(HEADER, ROWS[2], strict=True)) | {column: value}
    write_table(release, [tuple(row.values())])
    with pytest.raises(DatalistError, match=f"{TABLE}, {message}"):
        CMMD.read(release)


def test_another_table(release: Path) -> None:
    write_table(release, ROWS, header=("ID", *HEADER[1:]))
    with pytest.raises(DatalistError, match=f"{TABLE}: has no column 'ID1'; it has id, leftright, age, number"):
        CMMD.read(release)
    (release / TABLE).write_bytes(b"ID1,LeftRight\n")
    with pytest.raises(DatalistError, match=rf"{TABLE}: cannot be read .*; an Excel file \(.xlsx\) is needed"):
        CMMD.read(release)
    (release / TABLE).unlink()
    with pytest.raises(DatalistError, match=f"a file named {TABLE} is needed; there is none"):
        CMMD.read(release)
