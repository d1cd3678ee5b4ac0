"""The exam table: lists of exams in MONAI's style, with labels and whatever else is known about them.

``{"training": [...], "validation": [...], "testing": [...]}``; an exam is ``{"exam_id": ..., "label": ..., "RCC": path,
...}`` with the keys of ``KEYS``. Paths are relative to the dataset's folder. Other keys are kept:
columns for reports.
"""

import json
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dibmg_monai.errors import DatalistError
from dibmg_monai.exams.exam import Exam
from dibmg_monai.exams.json_file import write_json
from dibmg_monai.exams.regions import ALLOWED, are_regions, is_relative_path, mask_files
from dibmg_monai.views import VIEWS

Entry = dict[str, Any]
Datalist = dict[str, list[Entry]]

PARTS = ("training", "validation", "testing")
FEATURES = ("mass", "calcification", "asymmetry", "distortion")


@dataclass(frozen=True)
class Key:
    """What may stand under a key: in words, and as a test."""

    allowed: str
    accepts: Callable[[Any], bool]


def _one_of(*values: Any) -> Key:
    return Key(" or ".join(map(repr, values)), lambda value: type(value) is type(values[0]) and value in values)


def _number(lowest: float, highest: float) -> Key:
    allowed = f"a number, {lowest:g} to {highest:g}"
    return Key(allowed, lambda value: type(value) in (int, float) and lowest <= value <= highest)


TEXT = Key("a text", lambda value: isinstance(value, str) and value != "")
FILE = Key("a path relative to the dataset's folder", is_relative_path)
KEYS: dict[str, Key] = {
    "exam_id": TEXT,
    "label": _one_of(0, 1),  # 1 biopsy-proven cancer, 0 normal; left out if unknown
    **{view.value: FILE for view in VIEWS},  # an absent view is left out
    "benign": _one_of(True, False),  # label 0 for a benign finding that was recalled or marked, not for a normal exam
    "patient_id": TEXT,
    "age_years": _number(0, 130),
    "manufacturer": TEXT,
    "density": _one_of("A", "B", "C", "D"),  # BI-RADS
    "features": Key(
        f"a list of {', '.join(FEATURES)}",
        lambda value: isinstance(value, list) and all(feature in FEATURES for feature in value),
    ),
    "invasive": _one_of(True, False),
    "size_mm": _number(0, 300),
    "spacing_mm": _number(0.001, 10),  # between the pixels of the images as stored
    "institution": TEXT,
    "digitizer": TEXT,
    "cancer_side": _one_of("R", "L", "RL"),
    "malignant_masks": Key(
        f"{{view: path}} with views {', '.join(VIEWS)}",
        lambda value: (
            isinstance(value, dict) and all(view in VIEWS and is_relative_path(value[view]) for view in value)
        ),
    ),
    "malignant_regions": Key(ALLOWED, are_regions),
}


def read_datalist(
    path: Path | str, *, dataset_dir: Path | str, need_files: bool = True, need_views: bool = True
) -> Datalist:
    """Read and check a datalist.

    Args:
        path: the JSON file.
        dataset_dir: the folder that its paths are relative to.
        need_files: insist that every file is there.
        need_views: insist on a view in each exam.

    Returns:
        Part -> entries, as they stand in the file.

    Raises:
        DatalistError: if the file cannot be read, an entry is not valid, a file is not there, an exam id occurs twice,
            or a patient is in two parts.
    """
    path, dataset_dir = Path(path), Path(dataset_dir)
    datalist = _load(path)
    exams: dict[str, str] = {}
    patients: dict[str, tuple[str, str]] = {}
    for part, index, entry in _numbered(datalist):
        place = f"{path}: {part}[{index}]"
        _check_entry(entry, place=place, need_views=need_views)
        if need_files:
            _check_files(entry, place=place, dataset_dir=dataset_dir)
        exam_id = entry["exam_id"]
        if exam_id in exams:
            raise DatalistError(f"{place}: exam_id {exam_id!r} is taken by {exams[exam_id]}; each needs its own")
        exams[exam_id] = f"{part}[{index}]"
        if patient := entry.get("patient_id"):
            first, first_part = patients.setdefault(patient, (exam_id, part))
            if first_part != part:
                found = f"has the patient_id of {first} in {first_part}"
                raise DatalistError(f"{place} ({exam_id}): {found}; all exams of a patient belong in one part")
    return datalist


def read_part(
    path: Path | str,
    *,
    dataset_dir: Path | str,
    part: str | None = None,
    labelled: bool = False,
    need_files: bool = True,
) -> list[Entry]:
    """The exams of one part, as a list of dictionaries for MONAI's datasets.

    Args:
        path: the JSON file.
        dataset_dir: the folder that its paths are relative to.
        part: training, validation or testing. None: testing if there is such a part, else all exams.
        labelled: insist on a label in each exam.
        need_files: insist that every file is there; inference goes on without, exam by exam.

    Raises:
        DatalistError: as in ``read_datalist``, and if the part has no exams or an exam lacks its label.
    """
    datalist = read_datalist(path, dataset_dir=dataset_dir, need_files=need_files)
    if part is None:
        entries = datalist.get("testing") or [entry for _, _, entry in _numbered(datalist)]
    else:
        entries = datalist.get(part, [])
    if not entries:
        found = ", ".join(f"{len(datalist[name])} {name}" for name in datalist) or "nothing"
        raise DatalistError(f"{path}: has no exams for {part or 'any part'}; it has {found}")
    unlabelled = [entry["exam_id"] for entry in entries if "label" not in entry]
    if labelled and unlabelled:
        raise DatalistError(
            f"{path}: {len(unlabelled)} exams have no label, {unlabelled[0]} first; 0 or 1 is needed here"
        )
    return entries


def exam_from_entry(entry: Mapping[str, Any], *, dataset_dir: Path | str) -> Exam:
    """The exam that an entry describes.

    Raises:
        ExamError: if it has no view.
    """
    files = {view: Path(entry[view]) for view in VIEWS if view in entry}
    return Exam(entry["exam_id"], Path(dataset_dir), files, label=entry.get("label"))


def entry_from_exam(exam: Exam) -> Entry:
    """The entry that describes an exam; its paths are relative to the exam's root."""
    label = {} if exam.label is None else {"label": exam.label}
    return {"exam_id": exam.exam_id, **label, **{view.value: file.as_posix() for view, file in exam.files.items()}}


def write_datalist(datalist: Mapping[str, Sequence[Entry]], *, path: Path) -> None:
    """Write a datalist.

    Raises:
        FolderError: if the file cannot be written.
    """
    write_json(datalist, path=path)


def _numbered(datalist: Datalist) -> Iterator[tuple[str, int, Entry]]:
    """Part, number within it, and entry, of all entries."""
    for part, entries in datalist.items():
        for index, entry in enumerate(entries):
            yield part, index, entry


def _load(path: Path) -> Datalist:
    """The file's content: parts of entries, not yet checked."""
    try:
        datalist = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatalistError(f"{path}: cannot be read ({error.strerror}); a datalist (JSON) is needed") from error
    except ValueError as error:
        raise DatalistError(f"{path}: is no JSON ({error}); a datalist is needed") from error
    if not isinstance(datalist, dict) or not all(isinstance(entries, list) for entries in datalist.values()):
        raise DatalistError(f"{path}: is no datalist; an object with lists named {', '.join(PARTS)} is needed")
    for part in datalist:
        if part not in PARTS:
            raise DatalistError(f"{path}: has a part named {part!r}; {', '.join(PARTS)} are allowed")
    return datalist


def _check_entry(entry: Any, *, place: str, need_views: bool) -> None:
    if not isinstance(entry, dict) or not TEXT.accepts(entry.get("exam_id")):
        raise DatalistError(f"{place}: is {reprlib.repr(entry)}; an object with an exam_id is needed")
    place = f"{place} ({entry['exam_id']})"
    for key, value in entry.items():
        if key in KEYS and not KEYS[key].accepts(value):
            found = f"of type {type(value).__name__}" if key == "patient_id" else reprlib.repr(value)
            raise DatalistError(f"{place}: {key} is {found}; {KEYS[key].allowed} is allowed")
    if need_views and not any(view in entry for view in VIEWS):
        raise DatalistError(f"{place}: has none of the views {', '.join(VIEWS)}; at least one is needed")


def _check_files(entry: Entry, *, place: str, dataset_dir: Path) -> None:
    files = {view.value: entry[view] for view in VIEWS if view in entry}
    masks = {f"malignant_masks {view}": file for view, file in entry.get("malignant_masks", {}).items()}
    regions = {f"malignant_regions {name}": file for name, file in mask_files(entry.get("malignant_regions", {}))}
    for key, file in {**files, **masks, **regions}.items():
        if not (dataset_dir / file).is_file():
            raise DatalistError(
                f"{place} ({entry['exam_id']}): {key} is {file!r}, but there is no such file in {dataset_dir}"
            )
