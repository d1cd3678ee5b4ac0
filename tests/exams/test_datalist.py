import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dibmg_monai.errors import DatalistError, ExamError, FolderError
from dibmg_monai.exams.datalist import (
    KEYS,
    entry_from_exam,
    exam_from_entry,
    read_datalist,
    read_part,
    write_datalist,
)
from dibmg_monai.exams.exam import Exam
from dibmg_monai.views import VIEWS, View

Write = Callable[[Any], Path]
FULL = {
    "exam_id": "full",
    "label": 1,
    "benign": False,
    **{view.value: f"images/{view}.png" for view in VIEWS},
    "patient_id": "SECRET",
    "age_years": 51.5,
    "manufacturer": "ACME",
    "density": "C",
    "features": ["mass", "distortion"],
    "invasive": True,
    "size_mm": 12,
    "spacing_mm": 0.07,
    "institution": "A",
    "digitizer": "LUMISYS",
    "cancer_side": "RL",
    "malignant_masks": {"LCC": "masks/LCC.png"},
    "malignant_regions": {
        "LCC": [{"mask": "masks/LCC.png"}, {"circle": [10, 12.5, 3]}],
        "RMLO": [{"box": [0, 0, 4, 7]}, {"polygon": [[0, 0], [4.5, 0], [4, 7]]}],
    },
}
OTHER = {"exam_id": "other", "RCC": "images/RCC.png", "class": "normals", "site_notes": {"any": ["thing"]}}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a datalist beside files for every path in ``FULL``."""
    for path in (*(f"images/{view}.png" for view in VIEWS), "masks/LCC.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()

    def write_json(value: Any) -> Path:
        (tmp_path / "datalist.json").write_text(json.dumps(value))
        return tmp_path / "datalist.json"

    return write_json


def test_all_keys_and_own_columns_come_back_as_they_stand(write: Write, tmp_path: Path) -> None:
    assert set(FULL) == set(KEYS)
    datalist = {"training": [FULL], "testing": [OTHER]}
    assert read_datalist(write(datalist), dataset_dir=tmp_path) == datalist
    assert read_datalist(str(write(datalist)), dataset_dir=str(tmp_path)) == datalist


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exam_id": ""}, "an object with an exam_id is needed"),
        ({"exam_id": 7}, "an object with an exam_id is needed"),
        ({"label": 2}, r"training\[0\] \(full\): label is 2; 0 or 1 is allowed"),
        ({"label": True}, "label is True; 0 or 1 is allowed"),
        ({"label": None}, "label is None; 0 or 1 is allowed"),
        ({"RCC": 5}, "RCC is 5; a path relative to the dataset's folder is allowed"),
        ({"RCC": "/etc/passwd"}, "RCC is '/etc/passwd'; a path relative"),
        ({"RCC": "images/none.png"}, "RCC is 'images/none.png', but there is no such file in"),
        ({"RCC": "images"}, "RCC is 'images', but there is no such file in"),
        (
            {"malignant_masks": {"LCC": "masks/none.png"}},
            "malignant_masks LCC is 'masks/none.png', but there is no such",
        ),
        (
            {"malignant_masks": {"left": "masks/LCC.png"}},
            r"malignant_masks is \{.*\}; \{view: path\} with views RCC, RMLO",
        ),
        (
            {"malignant_regions": {"LCC": [{"circle": [1, 2, 3]}, {"mask": "masks/none.png"}]}},
            r"malignant_regions LCC\[1\] is 'masks/none.png', but there is no such",
        ),
        ({"benign": "yes"}, "benign is 'yes'; True or False is allowed"),
        ({"age_years": "51"}, "age_years is '51'; a number, 0 to 130 is allowed"),
        ({"age_years": -1}, "age_years is -1; a number, 0 to 130"),
        ({"density": "E"}, "density is 'E'; 'A' or 'B' or 'C' or 'D' is allowed"),
        ({"features": ["lump"]}, r"features is \['lump'\]; a list of mass, calcification, asymmetry, distortion"),
        ({"invasive": 1}, "invasive is 1; True or False is allowed"),
        ({"size_mm": float("nan")}, "size_mm is nan; a number, 0 to 300"),
        ({"spacing_mm": 0}, "spacing_mm is 0; a number, 0.001 to 10"),
        ({"cancer_side": "left"}, "cancer_side is 'left'; 'R' or 'L' or 'RL' is allowed"),
        ({"patient_id": 4711}, "patient_id is of type int; a text is allowed"),
    ],
)
def test_entries_that_are_not_valid(change: dict, message: str, write: Write, tmp_path: Path) -> None:
    with pytest.raises(DatalistError, match=message):
        read_datalist(write({"training": [FULL | change]}), dataset_dir=tmp_path)


@pytest.mark.parametrize(
    "regions",
    [
        [{"circle": [1, 2, 3]}],
        {"left": [{"circle": [1, 2, 3]}]},
        {"LCC": {"circle": [1, 2, 3]}},
        {"LCC": [{"circle": [1, 2, 3], "box": [0, 0, 4, 7]}]},
        {"LCC": [{"ellipse": [1, 2, 3]}]},
        {"LCC": [{"circle": [1, 2, 0]}]},
        {"LCC": [{"circle": [1, 2, float("inf")]}]},
        {"LCC": [{"box": [5, 0, 4, 7]}]},
        {"LCC": [{"box": [0, 0, 4]}]},
        {"LCC": [{"polygon": [[0, 0], [1, 1]]}]},
        {"LCC": [{"polygon": [[0, 0], [1, 1], [True, 0]]}]},
        {"LCC": [{"mask": "/etc/passwd"}]},
    ],
)
def test_regions_that_are_none(regions: Any, write: Write, tmp_path: Path) -> None:
    allowed = r'malignant_regions is .*; \{view: \[region, \.\.\.\]\}, a region being \{"circle": \[row, column'
    with pytest.raises(DatalistError, match=allowed):
        read_datalist(write({"training": [FULL | {"malignant_regions": regions}]}), dataset_dir=tmp_path)


def test_an_entry_needs_a_view(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DatalistError, match=r"\(a\): has none of the views RCC, RMLO, LCC, LMLO"):
        read_datalist(write({"training": [{"exam_id": "a"}]}), dataset_dir=tmp_path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([FULL], "is no datalist; an object with lists named training, validation, testing is needed"),
        ({"training": FULL}, "is no datalist"),
        ({"train": [FULL]}, "has a part named 'train'; training, validation, testing are allowed"),
        ({"training": ["full"]}, r"training\[0\]: is 'full'; an object with an exam_id is needed"),
    ],
)
def test_other_json(value: Any, message: str, write: Write, tmp_path: Path) -> None:
    with pytest.raises(DatalistError, match=message):
        read_datalist(write(value), dataset_dir=tmp_path)


def test_what_is_no_json(tmp_path: Path) -> None:
    path = tmp_path / "datalist.json"
    with pytest.raises(DatalistError, match=r"datalist.json: cannot be read \(No such file or directory\)"):
        read_datalist(path, dataset_dir=tmp_path)
    for content in (b"{", b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(DatalistError, match=r"datalist.json: is no JSON"):
            read_datalist(path, dataset_dir=tmp_path)


def test_exam_ids_are_unique_over_all_parts(write: Write, tmp_path: Path) -> None:
    path = write({"training": [OTHER, FULL], "testing": [OTHER]})
    with pytest.raises(DatalistError, match=r"testing\[0\]: exam_id 'other' is taken by training\[0\]"):
        read_datalist(path, dataset_dir=tmp_path)


def test_a_patient_is_in_one_part_only_and_is_not_named(write: Write, tmp_path: Path) -> None:
    again = FULL | {"exam_id": "again"}
    read_datalist(write({"training": [FULL, again]}), dataset_dir=tmp_path)
    message = r"testing\[0\] \(again\): has the patient_id of full in training"
    with pytest.raises(DatalistError, match=message) as caught:
        read_datalist(write({"training": [FULL], "testing": [again]}), dataset_dir=tmp_path)
    assert "SECRET" not in str(caught.value)


def test_files_may_be_left_unchecked(write: Write, tmp_path: Path) -> None:
    datalist = {"testing": [{"exam_id": "a", "RCC": "none.png"}]}
    assert read_datalist(write(datalist), dataset_dir=tmp_path, need_files=False) == datalist


def test_parts(write: Write, tmp_path: Path) -> None:
    path = write({"training": [FULL], "validation": [], "testing": [OTHER]})
    assert read_part(path, dataset_dir=tmp_path, part="training") == [FULL]
    assert read_part(path, dataset_dir=tmp_path) == [OTHER]
    path = write({"training": [FULL], "validation": [OTHER]})
    assert read_part(path, dataset_dir=tmp_path) == [FULL, OTHER]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"part": "validation"}, "has no exams for validation; it has 1 training, 0 validation"),
        ({"part": "testing"}, "has no exams for testing; it has 1 training, 0 validation"),
        ({"part": "training", "labelled": True}, "1 exams have no label, other first; 0 or 1 is needed here"),
    ],
)
def test_parts_that_do_not_serve(options: dict, message: str, write: Write, tmp_path: Path) -> None:
    path = write({"training": [OTHER], "validation": []})
    with pytest.raises(DatalistError, match=message):
        read_part(path, dataset_dir=tmp_path, **options)


def test_an_empty_datalist(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DatalistError, match="has no exams for any part; it has nothing"):
        read_part(write({}), dataset_dir=tmp_path)


def test_exam_and_entry(tmp_path: Path) -> None:
    exam = exam_from_entry(OTHER | {"label": 0}, dataset_dir=tmp_path)
    assert (exam.exam_id, exam.label, exam.path(View.RCC)) == ("other", 0, tmp_path / "images/RCC.png")
    assert exam_from_entry(OTHER, dataset_dir=tmp_path).label is None
    assert exam_from_entry(entry_from_exam(exam), dataset_dir=tmp_path) == exam
    assert entry_from_exam(Exam("a", tmp_path, {View.LCC: Path("x/y.dcm")})) == {"exam_id": "a", "LCC": "x/y.dcm"}
    with pytest.raises(ExamError, match="exam a: has none of the views"):
        exam_from_entry({"exam_id": "a"}, dataset_dir=tmp_path)


def test_what_is_written_can_be_read(write: Write, tmp_path: Path) -> None:
    datalist = {"training": [FULL], "testing": [OTHER]}
    path = write({}).parent / "new/datalist.json"
    write_datalist(datalist, path=path)
    assert read_datalist(path, dataset_dir=tmp_path) == datalist


def test_a_place_that_cannot_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"file/datalist.json: cannot be written"):
        write_datalist({}, path=tmp_path / "file/datalist.json")


def test_views_may_be_absent_where_they_are_not_needed(write: Write, tmp_path: Path) -> None:
    path = write({"testing": [{"exam_id": "a", "label": 1}]})
    assert read_datalist(path, dataset_dir=tmp_path, need_views=False)["testing"][0]["label"] == 1
    with pytest.raises(DatalistError, match="has none of the views"):
        read_datalist(path, dataset_dir=tmp_path)
