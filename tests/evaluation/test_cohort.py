from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from dibmg_monai.evaluation.cohort import cohort_tables
from dibmg_monai.evaluation.tables import Table
from dibmg_monai.exams.datalist import PARTS

# Kim 2018, Tables 1 and 2: cases in training, validation and testing.
DENSITY = {
    1: ((196, 32, 31), (640, 136, 137), (1555, 312, 312), (710, 139, 139)),
    0: ((837, 27, 18), (4206, 106, 115), (16434, 432, 432), (2053, 54, 54)),
}
AGE = {1: ((1759, 350, 350), (1342, 269, 269)), 0: ((14533, 383, 383), (8997, 236, 236))}
MANUFACTURER = {
    1: ((1226, 238, 251), (1032, 200, 198), (843, 181, 170)),
    0: ((11526, 284, 315), (10191, 282, 257), (1813, 53, 47)),
}
MASS = ((1688, 339, 339), (1413, 280, 280))
CALCIFICATION = ((1402, 280, 280), (1699, 339, 339))
INVASIVE = ((2673, 542, 547), (428, 77, 72))
LARGE = ((1216, 254, 251), (1457, 288, 296))


def column(values: tuple[Any, ...], counts: tuple[tuple[int, ...], ...], part: int) -> list[Any]:
    """Each value as often as its count in the part says."""
    return list(chain.from_iterable(repeat(value, count[part]) for value, count in zip(values, counts, strict=True)))


def paper() -> dict[str, list[dict[str, Any]]]:
    """A datalist with the counts of the paper."""
    datalist: dict[str, list[dict[str, Any]]] = {}
    for part, name in enumerate(PARTS):
        datalist[name] = [
            {"label": label, "density": density, "age_years": age, "manufacturer": maker}
            for label in (0, 1)
            for density, age, maker in zip(
                column(tuple("ABCD"), DENSITY[label], part),
                column((61, 41), AGE[label], part),
                column(("GE", "Hologic", "Siemens"), MANUFACTURER[label], part),
                strict=label == 0,
            )
        ]
        cancers = [entry for entry in datalist[name] if entry["label"]]
        masses, calcifications = (
            column((["mass"], []), MASS, part),
            column((["calcification"], []), CALCIFICATION, part),
        )
        invasive = column((True, False), INVASIVE, part)
        sizes = column((25, 15), LARGE, part) + [None] * invasive.count(False)
        for entry, mass, calcification, kind, size in zip(
            cancers, masses, calcifications, invasive, sizes, strict=True
        ):
            entry |= {"features": mass + calcification, "invasive": kind, "size_mm": size}
    return datalist


def rounded(table: Table) -> list[tuple[Any, ...]]:
    """The rows with two decimals, as in the paper."""
    return [tuple(round(cell, 2) if isinstance(cell, float) else cell for cell in row) for row in table.rows]


def p_values(table: Table) -> dict[Any, Any]:
    return {row[0]: row[-1] for row in table.rows if row[-1] is not None}


def test_the_paper_s_tables() -> None:
    cancers, normals = cohort_tables(paper())
    found = p_values(cancers)
    for name, p in {
        "density": 0.7843,
        "age": 0.9941,
        "mass": 0.9806,
        "calcification": 0.9999,
        "type": 0.2767,
        "size (invasive)": 0.8409,
    }.items():
        assert found.pop(name) == pytest.approx(p, abs=0.00005), name
    assert found.pop("manufacturer") == pytest.approx(
        0.828, abs=0.0005
    )  # printed .9351 does not follow from the counts
    assert found == {}  # no case has asymmetry or distortion: nothing to test
    found = p_values(normals)
    assert [round(found.pop(name), 4) for name in ("density", "age", "manufacturer")] == [0.898, 0.997, 0.4872]
    assert found == {}


def test_counts_and_per_cent_as_printed() -> None:
    cancers, normals = cohort_tables(paper())
    assert cancers.columns == (
        "characteristic",
        "level",
        "training",
        "training %",
        "validation",
        "validation %",
        "testing",
        "testing %",
        "p",
    )
    assert cancers.rows[0] == ("exams", None, 3101, None, 619, None, 619, None, None)
    assert normals.rows[0] == ("exams", None, 23530, None, 619, None, 619, None, None)
    assert rounded(cancers)[1][:-1] == ("density", "A", 196, 6.32, 32, 5.17, 31, 5.01)
    assert ("type", "noninvasive", 428, 13.8, 77, 12.44, 72, 11.63, None) in rounded(cancers)
    assert ("size (invasive)", ">= 20 mm", 1216, 45.49, 254, 46.86, 251, 45.89, None) in rounded(cancers)
    assert not any("unknown" in row for row in cancers.rows)


def test_unknown_values_are_shown_but_do_not_count() -> None:
    known = [{"label": 1, "density": density} for density in "AAAB"]
    datalist = {"training": [*known, {"label": 1}, {"label": 1}], "testing": [*known, *known]}
    cancers, normals = cohort_tables(datalist)
    assert cancers.columns == ("characteristic", "level", "training", "training %", "testing", "testing %", "p")
    assert cancers.rows == (
        ("exams", None, 6, None, 8, None, None),
        ("density", "A", 3, 75, 6, 75, 1),
        ("density", "B", 1, 25, 2, 25, None),
        ("density", "unknown", 2, None, 0, None, None),
    )
    assert "Unknown values count neither in per cent nor in p." in cancers.notes
    assert normals.rows == (("exams", None, 0, None, 0, None, None),)


def test_columns_of_one_s_own_and_exams_without_label() -> None:
    entries = [{"label": label, "room": room} for label in (0, 1) for room in ("a", "b", "b")]
    datalist = {"training": [*entries, {"room": "c"}], "validation": entries[:3], "testing": []}
    cancers, normals = cohort_tables(datalist, columns=["room"])
    assert [row[:5] for row in rounded(cancers)[1:]] == [("room", "a", 1, 33.33, 0), ("room", "b", 2, 66.67, 0)]
    assert [row[:6] for row in rounded(normals)[1:]] == [
        ("room", "a", 1, 33.33, 1, 33.33),
        ("room", "b", 2, 66.67, 2, 66.67),
    ]
    assert (p_values(cancers), p_values(normals)) == ({}, {"room": 1})  # a part without exams is left out
    assert cancers.rows[1][6:] == (0, None, None)


def test_notes_say_what_a_reader_has_to_know(tmp_path: Path) -> None:
    full = {"label": 1, "features": ["mass"], "size_mm": 12, "invasive": True}
    cancers, normals = cohort_tables(
        {"training": [full, {"label": 0, "benign": True}], "testing": [full, {"label": 0}]}
    )
    assert any("several features" in note for note in cancers.notes)
    assert any("noninvasive cancers are left out" in note for note in cancers.notes)
    assert any("benign findings" in note for note in normals.notes)
    assert ("benign", "no", 0, 0, 1, 100, pytest.approx(0.157, abs=0.001)) in normals.rows
    cancers.write_csv(tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text().splitlines()[1] == "exams,,1,,1,,"
