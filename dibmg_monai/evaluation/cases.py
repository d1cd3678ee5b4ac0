"""Cases: exams with a label and a result, what every table of a report is made from."""

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dibmg_monai.errors import DatalistError


@dataclass(frozen=True)
class Case:
    """An exam as its result and its datalist entry know it.

    Attributes:
        result: its item of ``results.json``.
        entry: its datalist entry, with a label.
    """

    result: Mapping[str, Any]
    entry: Mapping[str, Any]

    @property
    def exam_id(self) -> str:
        return self.entry["exam_id"]

    @property
    def label(self) -> int:
        """1 cancer, 0 not."""
        return self.entry["label"]

    @property
    def score(self) -> float:
        """The exam's score, 0 to 1."""
        return self.result["score"]

    @property
    def patient(self) -> str:
        """What belongs together in a bootstrap or a GEE: the patient_id; without one, the exam stands alone."""
        return self.entry.get("patient_id") or f"exam {self.exam_id}"

    def column(self, name: str) -> Any:
        """What the datalist says under a key; None if nothing."""
        return self.entry.get(name)


def match_cases(results: Sequence[Mapping[str, Any]], entries: Sequence[Mapping[str, Any]]) -> list[Case]:
    """The exams that have both a result and a label, in the order of the datalist.

    Args:
        results: the items of ``results.json``.
        entries: exams of a datalist.

    Raises:
        DatalistError: if there is no such exam, an exam has two results, or a score is not a number from 0 to 1.
    """
    by_id: dict[str, Mapping[str, Any]] = {}
    for result in results:
        exam_id, score = result["exam_id"], result["score"]
        if exam_id in by_id:
            raise DatalistError(f"the results have two of exam {exam_id}; one each is needed")
        if type(score) not in (int, float) or not 0 <= score <= 1:
            raise DatalistError(f"the score of exam {exam_id} is {reprlib.repr(score)}; a number, 0 to 1, is needed")
        by_id[exam_id] = result
    cases = [
        Case(by_id[entry["exam_id"]], entry) for entry in entries if entry["exam_id"] in by_id and "label" in entry
    ]
    if not cases:
        raise DatalistError("no exam of the results has a label in the datalist; the two must be of the same exams")
    return cases


def scores_of(cases: Sequence[Case]) -> NDArray[np.float64]:
    """(n,) the exams' scores, in [0, 1]."""
    return np.array([case.score for case in cases], dtype=float)


def labels_of(cases: Sequence[Case]) -> NDArray[np.int64]:
    """(n,) the exams' labels, 0 or 1."""
    return np.array([case.label for case in cases], dtype=int)
