"""What a report is made from: results and datalist, matched; exams to choose on; and who is left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.cases import Case, match_cases
from dibmg_monai.evaluation.located import Tolerance
from dibmg_monai.evaluation.operating_points import Wanted
from dibmg_monai.evaluation.performance import THRESHOLD
from dibmg_monai.evaluation.statistics import Interval
from dibmg_monai.evaluation.tables import Table
from dibmg_monai.exams.datalist import PARTS, Datalist, read_datalist
from dibmg_monai.outputs.scores import REFUSED, read_refused, read_results

VALIDATION = "validation"
MEASURED_FIRST = ("testing", VALIDATION, "training")  # of the parts that have results, the first is measured
CHOSEN_ON_FIRST = (VALIDATION, "testing", "training")  # of another results file, this one is chosen on
NAMES_SHOWN = 20

Results = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Settings:
    """What is measured, and how.

    Attributes:
        threshold: a score at or above it calls an exam cancer.
        interval: of shares.
        by: further columns of the datalist, whose levels the tables show.
        within: columns of the datalist; exams that agree in all of them are a group to take an AUC within.
        wanted: sensitivities and specificities to choose thresholds for.
        tolerance: how far from a lesion a point of the map is still a hit.
    """

    threshold: float = THRESHOLD
    interval: Interval = "wilson"
    by: Sequence[str] = ()
    within: Sequence[str] = ()
    wanted: Sequence[Wanted] = ()
    tolerance: Tolerance = field(default_factory=Tolerance)


@dataclass(frozen=True)
class Study:
    """Exams with results, and what there is to compare them with.

    Attributes:
        part: of the datalist, that is measured.
        cases: its exams with a label and a result.
        datalist: all parts, for who is in them.
        models: that made the results.
        results_dir: the folder that maps are relative to.
        dataset_dir: the folder that images and masks are relative to.
        left_out: why -> which exams are not measured.
        validation: exams with results to choose thresholds and a temperature on; may be empty.
        compared: measured exams as another model scored them; may be empty.
        compared_models: that made those.
    """

    part: str
    cases: Sequence[Case]
    datalist: Datalist
    models: Sequence[str]
    results_dir: Path
    dataset_dir: Path
    left_out: Mapping[str, Sequence[str]]
    validation: Sequence[Case] = ()
    compared: Sequence[Case] = ()
    compared_models: Sequence[str] = ()

    def left_out_table(self) -> Table:
        """Which exams are not measured, and why."""
        rows = tuple((why, len(exams), _names(exams)) for why, exams in self.left_out.items())
        notes = (f"Up to {NAMES_SHOWN} are named.",) if any(row[1] > NAMES_SHOWN for row in rows) else ()
        return Table("left_out", "Exams that are not measured", ("why", "exams", "which"), rows, notes)


def read_study(
    results: Path,
    datalist: Path,
    *,
    dataset_dir: Path,
    part: str | None = None,
    validation_results: Path | None = None,
    validation_datalist: Path | None = None,
    compare: Path | None = None,
) -> Study:
    """Read and match everything.

    Args:
        results: ``results.json`` of a run; a ``refused.json`` beside it is read, too.
        datalist: of its exams.
        dataset_dir: the folder that the datalist's paths are relative to; its files may be absent.
        part: of the datalist, to measure. None: testing if any of it has a result, else validation, else training.
        validation_results: of exams to choose on. None: those of the datalist's validation part, when testing is
            measured.
        validation_datalist: of those; None: ``datalist``.
        compare: ``results.json`` of another model's run on the same exams.

    Raises:
        DatalistError: if a file cannot be used, nothing is left to measure, or exams or patients to choose on are among
            those measured.
    """
    found = read_results(results)
    parts = _read(datalist, dataset_dir=dataset_dir)
    part = part or _part(parts, found, order=MEASURED_FIRST)
    cases = match_cases(found, parts.get(part, []))
    validation: list[Case] = []
    if validation_results is not None:
        other = _read(validation_datalist, dataset_dir=dataset_dir) if validation_datalist else parts
        chosen_on = read_results(validation_results)
        validation = match_cases(chosen_on, other[_part(other, chosen_on, order=CHOSEN_ON_FIRST)])
    elif part == "testing" and _has_cases(parts.get(VALIDATION, []), found):
        validation = match_cases(found, parts[VALIDATION])
    _check_apart(cases, validation)
    compared = read_results(compare) if compare else []
    return Study(
        part=part,
        cases=cases,
        datalist=parts,
        models=_models(found),
        results_dir=results.parent,
        dataset_dir=dataset_dir,
        left_out=_left_out(parts, part, found, validation=validation, refused=read_refused(results.parent / REFUSED)),
        validation=validation,
        compared=match_cases(compared, [case.entry for case in cases]) if compare else [],
        compared_models=_models(compared),
    )


def _read(datalist: Path, *, dataset_dir: Path) -> Datalist:
    return read_datalist(datalist, dataset_dir=dataset_dir, need_files=False, need_views=False)


def _part(parts: Datalist, results: Results, *, order: Sequence[str]) -> str:
    """The first part with exams that have a label and a result; the last, if none has."""
    return next((part for part in order if _has_cases(parts.get(part, []), results)), next(reversed(parts), order[0]))


def _has_cases(entries: Sequence[Mapping[str, Any]], results: Results) -> bool:
    scored = {item["exam_id"] for item in results}
    return any(entry["exam_id"] in scored and "label" in entry for entry in entries)


def _check_apart(cases: Sequence[Case], validation: Sequence[Case]) -> None:
    exams = {case.exam_id for case in cases} & {case.exam_id for case in validation}
    patients = {case.patient for case in cases} & {case.patient for case in validation}
    if exams or patients:
        found = f"{len(exams)} exams and {len(patients)} patients are both measured and in the validation set"
        raise DatalistError(f"{found}; a threshold or temperature is chosen on others than it is measured on")


def _models(results: Results) -> tuple[str, ...]:
    """Name, version and digest of each model that made any of the results."""
    named = [item["model"] if isinstance(item["model"], Mapping) else {"name": item["model"]} for item in results]
    words = {"name": "", "version": "version ", "sha256": "SHA-256 "}
    return tuple(
        dict.fromkeys(
            ", ".join(f"{word}{model[key]}" for key, word in words.items() if model.get(key)) or "not named"
            for model in named
        )
    )


def _left_out(
    parts: Datalist,
    part: str,
    results: Results,
    *,
    validation: Sequence[Case],
    refused: Sequence[Mapping[str, Any]],
) -> dict[str, list[str]]:
    """Why -> which exams."""
    scored = {item["exam_id"]: None for item in results}
    reasons = {item["exam_id"]: f"{part}, refused by inference: {item['code']}" for item in refused}
    left_out: dict[str, list[str]] = {}
    for entry in parts.get(part, []):
        exam_id = entry["exam_id"]
        if exam_id not in scored:
            left_out.setdefault(reasons.get(exam_id, f"{part}, without a result"), []).append(exam_id)
        elif "label" not in entry:
            left_out.setdefault(f"{part}, without a label", []).append(exam_id)
    used = {case.exam_id for case in validation}
    for name in PARTS:
        others = [entry["exam_id"] for entry in parts.get(name, []) if name != part and entry["exam_id"] not in used]
        if with_result := [exam_id for exam_id in others if exam_id in scored]:
            left_out[f"{name}, with a result: another part than the one measured"] = with_result
    known = {entry["exam_id"] for entries in parts.values() for entry in entries}
    if unknown := [exam_id for exam_id in scored if exam_id not in known]:
        left_out["with a result, not in the datalist"] = unknown
    return left_out


def _names(exams: Sequence[str]) -> str:
    return ", ".join([*exams[:NAMES_SHOWN], *(["..."] if len(exams) > NAMES_SHOWN else [])])
