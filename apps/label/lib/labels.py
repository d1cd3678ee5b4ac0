"""What a reader says of an exam: one of two classes; and what such labels are for training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import SimpleITK

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.datalist import Entry, entry_from_exam
from dibmg_monai.exams.exam import Exam
from dibmg_monai.exams.headers import read_header
from dibmg_monai.network import CLASSES

CANCER = "cancer"


def given_label(path: Path, params: Mapping[str, Any]) -> str:
    """The class that a reader's submission means.

    Either ``params`` say it, ``{"label": "cancer"}``; or, as 3D Slicer submits, the file is a label map, and ``params``
    name its segments, ``{"label_info": [{"name": "cancer", "idx": 1}]}``: painted anywhere, it is cancer, else normal.

    Raises:
        DatalistError: if it is neither.
    """
    if "label" in params:
        if params["label"] not in CLASSES:
            raise DatalistError(f"label is {params['label']!r}; {' or '.join(CLASSES)} is needed")
        return str(params["label"])
    numbers = [segment["idx"] for segment in params.get("label_info", []) if segment.get("name") == CANCER]
    if not numbers:
        needed = f'params with "label", {" or ".join(CLASSES)}, or a segment named {CANCER} are needed'
        raise DatalistError(f"the submission does not say what the exam is; {needed}")
    try:
        painted = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))
    except RuntimeError as error:
        raise DatalistError("the label map cannot be read; NRRD or NIfTI is needed") from error
    return CANCER if (painted == numbers[0]).any() else CLASSES[0]


def labelled_entries(labels: Mapping[str, str], exams: Mapping[str, Exam]) -> list[Entry]:
    """Datalist entries of labelled exams.

    Patients are numbered, so that a split parts none of them and the datalist names none.

    Args:
        labels: exam id -> class.
        exams: the same exams.
    """
    headers = {exam_id: read_header(next(exam.path(view) for view in exam.files)) for exam_id, exam in exams.items()}
    patients = {exam_id: header.case or header.patient or exam_id for exam_id, header in headers.items()}
    numbers = {patient: number for number, patient in enumerate(dict.fromkeys(patients.values()), start=1)}
    return [
        {
            **entry_from_exam(exam),
            "label": CLASSES.index(labels[exam_id]),
            "patient_id": f"patient {numbers[patients[exam_id]]}",
        }
        for exam_id, exam in exams.items()
    ]
