"""FROC against a plain count of marks, threshold by threshold, and chance against marks thrown at random."""

import math

import numpy as np
import pytest

from dibmg_monai.evaluation.froc import RATES, Froc, froc_table
from dibmg_monai.evaluation.located import LocatedView, Tolerance
from dibmg_monai.evaluation.statistics import Estimate
from tests.evaluation.scenes import box, dib, located

ONE_LESION = box(15, 50, 5, 5)


def random_views(seed: int, *, cancers: int = 12, normals: int = 20, digits: int = 1) -> list[LocatedView]:
    rng = np.random.default_rng(seed)
    views = []
    for index in range(cancers + normals):
        tops = rng.integers(0, 60, (1 + index % 3, 2)) if index < cancers else []
        lesions = [box(top, 40 + left // 4, 12, 18) for top, left in tops]
        values = rng.normal(size=(16, 16)).round(digits).astype(np.float32)  # with ties
        for lesion in lesions:
            values[(lesion.top + 6) // 5, (lesion.left + 9) // 5] += 1
        views.append(located(values, *lesions, exam_id=f"{index}", density="AB"[index % 2]))
    return views


def counted(views: list[LocatedView], rate: float, *, normals_alone: bool) -> float:
    """The most lesions found by any threshold that leaves at most so many false marks an image."""
    counting = [not (view.lesions and normals_alone) for view in views]
    marks = [(view, counts, mark) for view, counts in zip(views, counting, strict=True) for mark in view.dib.maxima()]

    def inside(view: LocatedView, mark: tuple) -> bool:
        return any(target.contains(*mark[:2]) for target in view.targets)

    best = 0.0
    for threshold in sorted({mark[2] for *_, mark in marks}):
        called = [(view, counts, mark) for view, counts, mark in marks if mark[2] >= threshold]
        if sum(counts and not inside(view, mark) for view, counts, mark in called) <= rate * sum(counting):
            found = [
                any(target.contains(*mark[:2]) and mark[2] >= threshold for mark in view.dib.maxima())
                for view in views
                for target in view.targets
            ]
            best = max(best, np.mean(found))
    return best


@pytest.mark.parametrize("normals_alone", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_sensitivity_is_what_counting_gives(seed: int, normals_alone: bool) -> None:
    views = random_views(seed)
    rates = (0.25, 1.0, 4.0, 100.0)
    (found,) = Froc(views, normals_alone=normals_alone).sensitivity(
        [{view.case.exam_id for view in views}], rates=rates
    )
    expected = [counted(views, rate, normals_alone=normals_alone) for rate in rates]
    assert [estimate.value for estimate in found] == pytest.approx(expected)
    assert {estimate.cases for estimate in found} == {24}
    assert all(estimate.low <= estimate.value <= estimate.high for estimate in found)
    assert 0 < expected[1] < expected[-1]


def test_the_curve_passes_through_the_sensitivities() -> None:
    froc = Froc(random_views(2))
    false, found = froc.curve()
    (estimates,) = froc.sensitivity([{f"{index}" for index in range(40)}])
    for rate, estimate in zip(RATES, estimates, strict=True):
        assert estimate.value == pytest.approx(found[false <= rate].max(initial=0))
    assert (np.diff(false) >= 0).all()
    assert (np.diff(found) > 0).all()


def test_marks_in_a_lesion_are_not_false_and_it_counts_once() -> None:
    wide = box(10, 40, 30, 40)
    views = [located(dib(r3c10=9.0, r6c13=8.0, r12c1=2.0), wide, exam_id="a"), located(dib(r3c10=1.0), exam_id="b")]
    (found,) = Froc(views).sensitivity([{"a"}], rates=(0.0, 0.5))
    assert [(estimate.value, estimate.cases) for estimate in found] == [(1.0, 1), (1.0, 1)]
    assert math.isnan(found[0].low)  # one patient


def test_a_false_mark_of_the_same_value_comes_first() -> None:
    views = [located(dib(r3c10=5.0), ONE_LESION, exam_id="a"), located(dib(r3c10=5.0), exam_id="b")]
    (found,) = Froc(views).sensitivity([{"a"}], rates=(0.25, 0.5))
    assert [estimate.value for estimate in found] == [0.0, 1.0]


def test_groups_share_the_false_marks() -> None:
    views = [
        located(dib(r3c10=5.0), ONE_LESION, exam_id="a", density="A"),
        located(dib(r3c10=3.0), ONE_LESION, exam_id="b", density="B"),
        located(dib(r3c10=4.0), exam_id="c"),
    ]
    table = froc_table(views, tolerance=Tolerance(), columns=("density",))
    rows = {(row[1], row[2]): row[3] for row in table.rows}
    assert rows["A", 0.25].value == 1
    assert rows["B", 0.25].value == 0
    assert rows["B", 0.5].value == 1
    assert rows["", 0.25].value == 0.5


def test_patients_are_drawn_together() -> None:
    def width(patients: int) -> float:
        """Of the interval of 20 lesions, every other found, of so many patients, each with all or none found."""
        lesions = [
            located(dib(r3c10=1.0 + 4 * (index % 2)), ONE_LESION, exam_id=f"{index}", patient_id=f"{index % patients}")
            for index in range(20)
        ]
        normals = [located(dib(r3c10=3.0), exam_id=f"normal-{index}") for index in range(20)]
        (found,) = Froc(lesions + normals).sensitivity([{f"{index}" for index in range(20)}], rates=(0.25,))
        assert found[0].value == 0.5
        return found[0].high - found[0].low

    assert width(4) > 1.5 * width(20)


def test_chance_is_what_marks_at_random_places_find() -> None:
    views = random_views(3, digits=6)
    exams = {view.case.exam_id for view in views}
    rates = (0.5, 2.0, 6.0)
    (expected,) = Froc(views).chance([exams], rates=rates)
    rng = np.random.default_rng(0)
    found = []
    maxima = {view.case.exam_id: list(view.dib.maxima()) for view in views}
    for _ in range(200):
        thrown = [
            (view, mark[2], rng.integers(80), rng.integers(40, 80))
            for view in views
            for mark in maxima[view.case.exam_id]
        ]
        thrown.sort(key=lambda mark: -mark[1])
        false, hit, at_rate = 0, set(), {}
        for view, _, row, column in thrown:
            targets = [(id(view), index) for index, target in enumerate(view.targets) if target.contains(row, column)]
            false += not targets
            for rate in rates:
                if rate not in at_rate and false > rate * len(views):
                    at_rate[rate] = len(hit)
            hit |= set(targets)
        found.append([at_rate.get(rate, len(hit)) / 24 for rate in rates])
    spread = np.std(found, axis=0) / np.sqrt(len(found))
    np.testing.assert_array_less(np.abs(np.mean(found, axis=0) - expected), 4 * spread + 0.01)
    assert 0 < expected[0] < expected[-1] < 1


def test_without_normals_images_or_breasts_there_is_no_figure() -> None:
    cancers = [located(dib(r3c10=5.0), ONE_LESION, exam_id=f"{index}") for index in range(3)]
    table = froc_table(cancers, tolerance=Tolerance(5, "mm"), columns=())
    *_, per_image, chance, per_normal, normal_chance = table.rows[-1]
    assert (per_image.value, chance) == (1.0, pytest.approx(25 / 3200))
    assert math.isnan(per_normal.value)
    assert math.isnan(normal_chance)
    assert "one at most 5 mm from a lesion finds it" in table.notes[0]
    blind = [located(dib(r3c10=5.0), ONE_LESION, breast=False)]
    assert math.isnan(Froc(blind).chance([{"a"}])[0][0])
    for views in ([], [located(dib(), exam_id="b")]):
        nothing = froc_table(views, tolerance=Tolerance())
        assert all(math.isnan(cell.value) for row in nothing.rows for cell in row if isinstance(cell, Estimate))
        assert [len(points) for points in Froc(views).curve()] == [0, 0]
    assert np.isnan(Froc(cancers, normals_alone=True).curve()[0]).all()


def test_views_without_map_are_left_out_and_counted() -> None:
    views = random_views(4)
    object.__setattr__(views[0], "dib", None)
    table = froc_table(views, tolerance=Tolerance(), columns=())
    assert any(note.startswith("1 views are left out") for note in table.notes)
    assert table.rows[0][3].cases == 23
