from pathlib import PurePosixPath

import pytest

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.datasets.dataset import LeftOut
from dibmg_monai.exams.datasets.entries import Image, chosen, denser, entry_of, grouped, images_of, kept, sides
from dibmg_monai.exams.datasets.tables import Row
from dibmg_monai.views import View

COLUMNS = ("image", "side", "view")


def row(image: str, side: str = "R", view: str = "CC") -> Row:
    return Row(f"table.csv, {image}", {"image": image, "side": side, "view": view})


def test_rows_meet_their_files() -> None:
    files = {name: PurePosixPath(f"images/{name}.dcm") for name in ("a", "b", "x")}
    rows = [row("a"), row("b", "l", "mlo"), row("c", view="FB")]
    left_out: list[LeftOut] = []
    images = images_of(rows, files, table="table.csv", columns=COLUMNS, left_out=left_out)
    assert [(image.file, image.view) for image in images] == [
        ("images/a.dcm", View.RCC),
        ("images/b.dcm", View.LMLO),
        ("", None),
    ]
    assert [image.row for image in images] == rows
    assert [(thing.name, thing.reason) for thing in left_out] == [
        ("c", "is in table.csv, but not in the folder"),
        ("images/x.dcm", "has no row in table.csv"),
    ]
    with pytest.raises(DatalistError, match=r"table.csv, a: side is 'B'; 'R' or 'L' is needed"):
        images_of([row("a", "B")], files, table="table.csv", columns=COLUMNS, left_out=[])


def test_one_image_of_a_view_is_chosen() -> None:
    images = [Image(file, row(file), view) for file, view in (("b", View.RCC), ("a", View.RCC), ("c", None))]
    left_out: list[LeftOut] = []
    assert chosen([*images, Image("", row("d"), View.LCC)], left_out=left_out) == {View.RCC: images[1]}
    assert [thing.name for thing in left_out] == ["c", "b"]


def test_values() -> None:
    assert grouped("banana", str) == {"a": ["a"] * 3, "b": ["b"], "n": ["n"] * 2}
    assert [sides(found) for found in ("LRL", "R", "L", "")] == ["RL", "R", "L", ""]
    assert [denser(found) for found in (["B", "D", ""], [""], [])] == ["D", "", ""]
    assert entry_of(label=0, invasive=False, age_years=0, density="", features=[], regions={}, benign=None) == {
        "label": 0,
        "invasive": False,
        "age_years": 0,
    }


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"RCC": "a"}, None),
        ({"LCC": "a", "cancer_side": "L"}, None),
        ({"LCC": "a", "cancer_side": "RL"}, None),
        ({"RCC": "a", "RMLO": "b", "cancer_side": "L"}, "has no image of the breast with the cancer"),
        ({"cancer_side": "L"}, "has no image of a standard view"),
    ],
)
def test_exams_without_the_images_they_need(entry: dict, reason: str | None) -> None:
    entry = {"exam_id": "exam", **entry}
    known = LeftOut("exam", "other", "no cancer, no normal")
    left_out: list[LeftOut] = []
    assert kept([known, entry], left_out=left_out) == ([] if reason else [entry])
    assert left_out == [known, *([LeftOut("exam", "exam", reason)] if reason else [])]
