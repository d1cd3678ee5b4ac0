"""Cases made for tests: at random, or with the counts of a table of Kim 2018."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dibmg_monai.evaluation.cases import Case
from dibmg_monai.evaluation.paper import performance

MODEL = {"name": "test", "version": "0", "sha256": "0"}
# What the datalist says at a level of the paper's.
COLUMNS: dict[str, dict[str, dict[str, Any]]] = {
    "age": {">= 50": {"age_years": 50}, "< 50": {"age_years": 49.9}},
    "manufacturer": {name: {"manufacturer": name} for name in ("GE", "Hologic", "Siemens")},
    "density": {name: {"density": name} for name in "ABCD"},
    "type": {"invasive": {"invasive": True}, "noninvasive": {"invasive": False}},
    "size (invasive)": {">= 20 mm": {"size_mm": 20}, "< 20 mm": {"size_mm": 19.5}},
    "feature": {name: {"features": [name]} for name in ("mass", "calcification")},
}


def case(exam_id: str, label: int, score: float, *, right: float = 0.5, left: float | None = 0.5, **known: Any) -> Case:
    """An exam with what a results file and a datalist say of it."""
    shared = {"missing_views": [], "warnings": [], "model": MODEL, "views": {}}
    result = {"exam_id": exam_id, "score": score, "breasts": {"R": right, "L": left}, **shared}
    return Case(result, {"exam_id": exam_id, "label": label, "RCC": f"{exam_id}.png", **known})


def random_cases(number: int, *, seed: int = 0, exams_a_patient: int = 1) -> list[Case]:
    """Scores that tell a little, of patients with one or several exams."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, number)
    scores = 1 / (1 + np.exp(-rng.normal(size=number) - labels))
    return [
        case(f"{index}", int(label), float(score), patient_id=f"patient {index // exams_a_patient}")
        for index, (label, score) in enumerate(zip(labels, scores, strict=True))
    ]


def cohort_of_the_paper(dataset: str) -> list[Case]:
    """619 cancers and 619 normals that have all counts of Tables 3, 4 and, but for the features, 5."""
    return [
        case(f"{label}-{right}-{index}", label, 0.9 if label == right else 0.1, **known)
        for label in (1, 0)
        for right in (1, 0)
        for index, known in enumerate(_known(dataset, label=label, right=right))
    ]


def cancers_with_one_feature(dataset: str) -> list[Case]:
    """Cancers that have the counts of the features in Table 5, each with one of them."""
    return [
        case(f"{feature}-{index}", 1, 0.9 if index < share.hits else 0.1, features=[feature])
        for feature, share in performance(5, dataset, "feature").shares["sensitivity"].items()
        for index in range(share.cases)
    ]


def _known(dataset: str, *, label: int, right: int) -> list[dict[str, Any]]:
    """What is known of each of the cases with a label that are called right, or of those that are not."""
    measure = "sensitivity" if label == 1 else "specificity"
    columns = [_column(dataset, variable, measure, right=right) for variable in ("age", "manufacturer", "density")]
    if label == 1:
        # Sizes are those of invasive cancers, which come first.
        columns += [_column(dataset, variable, measure, right=right) for variable in ("type", "size (invasive)")]
    return [_merged(index, columns) for index in range(len(columns[0]))]


def _column(dataset: str, variable: str, measure: str, *, right: int) -> list[Mapping[str, Any]]:
    table = {"age": 3, "manufacturer": 3, "density": 4}.get(variable, 5)
    shares = performance(table, dataset, variable).shares[measure]
    return [
        COLUMNS[variable][level]
        for level, share in shares.items()
        for _ in range(share.hits if right else share.cases - share.hits)
    ]


def _merged(index: int, columns: Sequence[Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    return {key: value for column in columns if index < len(column) for key, value in column[index].items()}
