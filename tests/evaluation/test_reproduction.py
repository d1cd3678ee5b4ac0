"""The oracle: which printed p-values follow from the paper's counts, and which do not."""

import pytest

from dibmg_monai.evaluation.paper import DEMOGRAPHICS, PERFORMANCE, performance
from dibmg_monai.evaluation.reproduction import (
    FOLLOWS,
    agrees,
    auc_p_values,
    counts_apart,
    gee_of_features,
    least_overlap,
    p_values,
    percentages,
)

# Worked out from the paper apart from this package. (table, set, variable, measure) -> what the counts give.
PRINTED = {
    (1, "", "density", "cases"): "0.7843",
    (1, "", "age", "cases"): "0.9941",
    (1, "", "mass", "cases"): "0.9806",
    (1, "", "calcifications", "cases"): "0.9999",
    (1, "", "type", "cases"): "0.2767",
    (1, "", "size (invasive)", "cases"): "0.8409",
    (2, "", "density", "cases"): "0.898",
    (2, "", "age", "cases"): "0.997",
    (2, "", "manufacturer", "cases"): "0.4872",
    (3, "validation", "age", "sensitivity"): "0.310",
    (3, "validation", "age", "specificity"): "0.061",
    (3, "validation", "age", "accuracy"): "0.026",
    (3, "test", "age", "sensitivity"): "0.897",
    (3, "test", "age", "specificity"): "0.124",
    (3, "test", "age", "accuracy"): "0.189",
    (3, "validation", "manufacturer", "accuracy"): "0.2704",
    (3, "test", "manufacturer", "accuracy"): "0.943",
    (4, "validation", "density", "sensitivity"): "0.201",
}
NOT_FROM_THE_COUNTS = {
    (1, "", "manufacturer", "cases"): ("0.9351", "0.828"),
    (4, "test", "density", "sensitivity"): ("0.301", "0.285"),
    (4, "test", "density", "specificity"): ("<0.061", "0.019"),
    (4, "test", "density", "accuracy"): ("<0.026", "0.008"),
}
ROWS = {row[:4]: row[4:] for row in p_values().rows}


@pytest.mark.parametrize("place", PRINTED, ids=str)
def test_p_values_that_follow(place: tuple) -> None:
    paper, recomputed, follows = ROWS[place]
    digits = len(PRINTED[place]) - 2
    assert paper == PRINTED[place]
    assert float(recomputed) == pytest.approx(float(paper), abs=0.51 * 10**-digits)
    assert follows == FOLLOWS


@pytest.mark.parametrize("place", NOT_FROM_THE_COUNTS, ids=str)
def test_p_values_that_do_not(place: tuple) -> None:
    paper, recomputed, follows = ROWS[place]
    assert (paper, f"{float(recomputed):.3f}") == NOT_FROM_THE_COUNTS[place]
    assert follows.startswith("**no**")


def test_no_other_p_value_is_odd() -> None:
    odd = {place for place, cells in ROWS.items() if cells[2] != FOLLOWS}
    features = {(5, dataset, "feature", "sensitivity") for dataset in ("validation", "test")}
    assert odd == NOT_FROM_THE_COUNTS.keys() | features


@pytest.mark.parametrize(("dataset", "printed", "overlap"), [("validation", "0.0385", 34), ("test", "0.0076", 39)])
def test_features_have_the_papers_p_only_if_no_cancer_shows_both(dataset: str, printed: str, overlap: int) -> None:
    part = performance(5, dataset, "feature")
    assert agrees(gee_of_features(part, overlap=0), printed)
    assert least_overlap(part) == overlap
    assert gee_of_features(part, overlap=80) < gee_of_features(part, overlap=overlap) < float(printed) - 0.0007


def test_percentages() -> None:
    odd = [row for row in percentages().rows if row[-1] != FOLLOWS]
    assert len(odd) == 13
    assert {row[-1] for row in odd} == {"**no**: cut off", "**no**: rounded twice"}
    assert all(abs(float(row[-3]) - float(row[-2])) < 0.1 for row in odd)


def test_counts_that_differ() -> None:
    rows = counts_apart().rows
    assert ("test", "GE", 2, 315, 3, 257) in rows and ("test", "Hologic", 2, 257, 3, 315) in rows
    assert {row[1] for row in rows} == {"GE", "Hologic"}


def test_aucs_cannot_be_checked() -> None:
    assert [(row[3], row[5]) for row in auc_p_values().rows] == [
        ("0.080", "cannot be checked"),
        ("0.395", "cannot be checked"),
        ("not significant", "cannot be checked"),
    ]


@pytest.mark.parametrize("part", PERFORMANCE, ids=lambda part: f"{part.table}-{part.dataset}-{part.variable}")
def test_levels_add_up(part) -> None:
    """To all cancers and normals of the set; what was typed in wrongly would not."""
    whole = performance(3, part.dataset, "all").shares
    for measure, shares in part.shares.items():
        totals = sum(share.hits for share in shares.values()), sum(share.cases for share in shares.values())
        if part.variable == "size (invasive)":
            invasive = performance(5, part.dataset, "type").shares[measure]["invasive"]
            assert totals == (invasive.hits, invasive.cases)
        elif part.variable != "feature":
            assert totals == (whole[measure]["all"].hits, whole[measure]["all"].cases)


def test_sets_have_the_papers_sizes() -> None:
    for block in DEMOGRAPHICS:
        sizes = tuple(share.cases for share in next(iter(block.shares.values())))
        cancers = (2673, 542, 547) if block.variable == "size (invasive)" else (3101, 619, 619)
        assert sizes == {1: cancers, 2: (23530, 619, 619)}[block.table]
