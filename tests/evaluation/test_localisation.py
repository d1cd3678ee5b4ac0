"""Pointing, energy and overlap, against figures worked out by hand."""

import math

import numpy as np
import pytest

from dibmg_monai.evaluation.localisation import energy_table, overlap_table, pointing_table
from dibmg_monai.evaluation.located import Tolerance
from dibmg_monai.evaluation.statistics import Estimate, proportion
from dibmg_monai.evaluation.tables import Table
from tests.evaluation.scenes import CELL, SIDE, box, dib, located

IMAGE, HALF = SIDE**2, SIDE**2 / 2
NO_TOLERANCE = Tolerance()


def row(table: Table, group: str = "all", level: str = "", **others: str) -> dict:
    """The one row of a table with these first cells."""
    rows = [dict(zip(table.columns, cells, strict=True)) for cells in table.rows]
    wanted = {"group": group, "level": level, **others}
    (found,) = [cells for cells in rows if all(cells[key] == value for key, value in wanted.items())]
    return found


def test_pointing_counts_views_whose_peak_is_in_any_lesion() -> None:
    hit, miss = dib(r3c10=5.0), dib(r12c2=5.0)
    square, other = box(15, 50, 5, 5), box(60, 60, 10, 10)
    views = [
        located(hit, square, exam_id="a", features=["mass"], size_mm=10),
        located(hit, other, square, exam_id="b", features=["mass", "calcification"], size_mm=30),
        located(miss, square, exam_id="c", features=["calcification"], size_mm=12),
        located(miss, exam_id="normal"),
    ]
    table = pointing_table(views, tolerance=NO_TOLERANCE)
    assert row(table)["peak in lesion"] == proportion(2, 3)
    assert row(table)["chance on the image"] == pytest.approx((25 + 125 + 25) / IMAGE / 3)
    assert row(table)["chance in the breast"] == pytest.approx((25 + 125 + 25) / HALF / 3)
    assert row(table, "feature", "mass")["peak in lesion"] == proportion(2, 2)
    assert row(table, "feature", "calcification")["peak in lesion"] == proportion(1, 2)
    assert row(table, "size (invasive)", "< 20 mm")["peak in lesion"] == proportion(1, 2)
    assert row(table, "size (invasive)", ">= 20 mm")["chance on the image"] == pytest.approx(125 / IMAGE)


def test_the_tolerance_counts_for_hits_and_for_chance() -> None:
    lesion = box(20, 50, 5, 5)
    target = lesion.grown(3, shape=(SIDE, SIDE))
    views = [located(dib(r3c10=5.0), lesion, targets=(target,))]
    table = pointing_table(views, tolerance=Tolerance(3), columns=())
    assert row(table)["peak in lesion"] == proportion(1, 1)
    assert row(table)["chance on the image"] == pytest.approx(target.area / IMAGE)
    assert "at most 3 px from a lesion" in table.notes[0]
    assert row(pointing_table([located(dib(r3c10=5.0), lesion)], tolerance=NO_TOLERANCE))["peak in lesion"].value == 0


def test_energy_is_the_share_of_positive_evidence_in_lesions() -> None:
    half_a_cell = box(15, 50, 5, 2)  # two of the five columns of a cell of 4.0
    views = [located(dib(r3c10=4.0, r9c9=6.0), half_a_cell, exam_id="a"), located(dib(), half_a_cell, exam_id="silent")]
    table = energy_table(views)
    found = row(table)["energy in lesions"]
    assert (found.value, found.cases) == (pytest.approx(4 * 2 / 5 / 10 / 2), 2)
    assert found.low == 0
    assert found.high == pytest.approx(0.16)
    assert row(table)["chance on the image"] == pytest.approx(10 / IMAGE)
    assert row(table)["chance in the breast"] == pytest.approx(10 / HALF)


def test_even_evidence_reaches_chance() -> None:
    views = [located(np.full((16, 16), 0.7, np.float32), box(13, 31, 17, 23))]
    table = energy_table(views)
    assert row(table)["energy in lesions"].value == pytest.approx(row(table)["chance on the image"])


def test_views_of_a_patient_are_drawn_together() -> None:
    lesion = box(15, 50, 5, 5)
    values = [dib(r3c10=5.0)] * 10 + [dib(r9c9=5.0)] * 10
    exams = [located(value, lesion, exam_id=f"{index}") for index, value in enumerate(values)]
    fours = [located(value, lesion, exam_id=f"{i}", patient_id=f"{i // 5}") for i, value in enumerate(values)]
    of_exams, of_fours = (row(energy_table(views))["energy in lesions"] for views in (exams, fours))
    assert of_exams.value == of_fours.value == 0.5
    assert of_fours.high - of_fours.low > 1.5 * (of_exams.high - of_exams.low)


def test_overlap_of_cells_and_lesions() -> None:
    lesion = box(15, 50, 5, 8)  # one cell and three fifths of the next
    views = [located(dib(r3c10=5.0, r3c11=1.0, r9c1=3.0), lesion)]
    table = overlap_table(views, columns=(), above=(0, 2), top_shares=(1 / 256,))
    at_0, at_2, top = (
        row(table, cells=cells)
        for cells in ("log-odds above 0", "log-odds above 2", f"strongest {100 / 256:.3g} % of the image")
    )
    assert at_0["Dice"].value == pytest.approx(2 * 40 / (75 + 40))
    assert at_0["IoU"].value == pytest.approx(40 / 75)
    assert at_2["Dice"].value == pytest.approx(2 * 25 / (50 + 40))
    assert at_2["IoU"].value == pytest.approx(25 / 65)
    assert top["Dice"].value == pytest.approx(2 * 25 / (25 + 40))
    assert at_0["Dice, random"] == pytest.approx(2 * (75 * 40 / HALF) / (75 + 40))
    assert at_0["Dice, whole breast"] == pytest.approx(2 * 40 / (HALF + 40))
    assert at_0["IoU, whole breast"] == pytest.approx(40 / HALF)


def test_random_places_reach_what_is_said_of_them() -> None:
    rng = np.random.default_rng(0)
    lesion = box(20, 45, 25, 30)
    area = 6
    cells = [(row, column) for row in range(16) for column in range(8, 16)]  # of the breast
    dices = []
    for _ in range(400):
        chosen = rng.permutation(len(cells))[:area]
        values = dib(**{f"r{cells[index][0]}c{cells[index][1]}": 1.0 for index in chosen})
        table = overlap_table([located(values, lesion)], columns=(), top_shares=())
        dices.append(row(table)["Dice"].value)
    assert np.mean(dices) == pytest.approx(row(table)["Dice, random"], abs=4 * np.std(dices) / 20)
    assert area * CELL**2 < lesion.area


def test_what_is_not_known_is_left_out_and_counted() -> None:
    lesion = box(15, 50, 5, 5)
    blind = located(dib(r3c10=5.0), lesion, exam_id="blind", breast=False)
    no_map = located(dib(r3c10=5.0), lesion, exam_id="no-map")
    object.__setattr__(no_map, "dib", None)
    table = energy_table([blind, no_map])
    assert row(table)["energy in lesions"].cases == 1
    assert row(table)["chance in the breast"] == pytest.approx(25 / HALF)
    assert "1 of 2 views have no map (inference with outputs [map] writes them)." in table.notes
    assert "In 1 of 2 views the breast is not known: the image is not there, or shows none." in table.notes
    assert math.isnan(row(overlap_table([no_map], top_shares=()))["IoU"].value)
    assert math.isnan(row(overlap_table([blind], top_shares=()))["Dice, random"])


def test_tables_without_lesions_have_nothing_to_say() -> None:
    views = [located(dib(), exam_id="normal")]
    for table in (pointing_table(views, tolerance=NO_TOLERANCE), energy_table(views)):
        (cells,) = table.rows
        assert [cell.cases for cell in cells if isinstance(cell, Estimate)] == [0]
        assert table.records()
