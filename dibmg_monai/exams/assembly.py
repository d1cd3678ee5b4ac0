"""A folder of files -> exams, and a manifest: every file used or refused, with the reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from dibmg_monai.errors import ExamError
from dibmg_monai.exams.cautions import cautions
from dibmg_monai.exams.choice import SAME_UID, best_of, passed_over
from dibmg_monai.exams.exam import Exam
from dibmg_monai.exams.exclusions import REPORT, Exclusions, Policy, met
from dibmg_monai.exams.headers import Header
from dibmg_monai.exams.json_file import write_json
from dibmg_monai.exams.rules import Refusal
from dibmg_monai.exams.scanning import scan
from dibmg_monai.views import VIEWS, View

NEEDED = "at least one DICOM mammogram (Modality MG, For Presentation, CC or MLO) is needed; pictures need a datalist"
MANIFEST = "manifest.json"  # its usual name
FORMAT = {"format": "dibmg-manifest", "version": 1}
EXCLUDED = "excluded"


@dataclass(frozen=True)
class ManifestEntry:
    """What became of one file.

    Attributes:
        file: relative to the assembly's root.
        code: ``used``, or a reason code: one of ``refusals.REFUSALS``, ``not-dicom``, ``unreadable``, those of
            ``choice`` (another image of the view was used) or ``excluded`` (the exam meets a criterion of the paper).
        reason: a sentence.
        exam_id: the exam that it is used in.
        view: the view that it is used as.
    """

    file: Path
    code: str
    reason: str
    exam_id: str | None = None
    view: View | None = None


@dataclass(frozen=True)
class Assembly:
    """The exams found under ``root``, ordered by id, and what became of every file, ordered by name."""

    root: Path
    exams: tuple[Exam, ...]
    manifest: tuple[ManifestEntry, ...]

    @property
    def refused(self) -> dict[str, list[ManifestEntry]]:
        """Reason code -> the files refused for it; codes in alphabetical order."""
        codes = sorted({entry.code for entry in self.manifest if entry.view is None})
        return {code: [entry for entry in self.manifest if entry.code == code] for code in codes}

    def require_exam(self) -> None:
        """Refuse to go on without an exam.

        Raises:
            ExamError: if there is none; the message says what was found instead.
        """
        if self.exams:
            return
        found = [f"{len(files)} {code} ({files[0].file}: {files[0].reason})" for code, files in self.refused.items()]
        raise ExamError(f"{self.root}: has no mammography exam, only {', '.join(found)}; {NEEDED}")


@dataclass(frozen=True)
class _Study:
    """The images of one study of one patient, refused or not; and how many patients have its StudyInstanceUID."""

    exam_id: str
    headers: Mapping[Path, Header]
    patients: int


def assemble(folder: Path, *, exclusions: Exclusions = REPORT) -> Assembly:
    """Find the exams in a folder.

    Args:
        folder: searched at any depth, links followed; or one file, taken as a study of one image.
        exclusions: what to do about the paper's criteria of exclusion.

    Raises:
        FolderError: if the folder is missing, empty or cannot be read.
        ExamError: if there is no exam in it.
    """
    assembly = survey(folder, exclusions=exclusions)
    assembly.require_exam()
    return assembly


def survey(folder: Path, *, exclusions: Exclusions = REPORT) -> Assembly:
    """Like ``assemble``, but finding no exam is a result too: the manifest then says why.

    Raises:
        FolderError: if the folder is missing, empty or cannot be read.
    """
    found = scan(folder)
    exams: list[Exam] = []
    refusals = dict(found.refusals)
    for study in _studies(found.headers, refusals):
        chosen: dict[View, Path] = {}
        for view in VIEWS:
            candidates = [file for file in study.headers if study.headers[file].view is view and file not in refusals]
            if candidates:
                chosen[view] = best = best_of(candidates, study.headers)
                refusals |= {
                    file: passed_over(file, best, study.headers, root=found.root) for file in candidates if file != best
                }
        if not chosen:
            continue
        hints = {file: header.hints for file, header in study.headers.items() if header.modality in ("", "MG", "CR")}
        answers = exclusions.answers(study.exam_id, hints, used=chosen.values())
        if exclusions.policy is Policy.REFUSE and met(answers):
            why = Refusal(EXCLUDED, f"its exam is excluded: {met(answers)} (Kim 2018, Data collection)")
            refusals |= dict.fromkeys(chosen.values(), why)
            continue
        warnings = list(_warnings(study, chosen, refusals))
        if met(answers):
            warnings.append(f"the paper excluded such exams: {met(answers)} (Kim 2018, Data collection)")
        exams.append(Exam(study.exam_id, found.root, chosen, warnings=tuple(warnings), exclusions=answers))
    return Assembly(found.root, tuple(exams), _manifest(exams, refusals))


def write_manifest(assembly: Assembly, *, path: Path) -> None:
    """Write ``manifest.json``: the exams, and for every file what became of it.

    Raises:
        FolderError: if the file cannot be written.
    """
    exams = [
        {
            "exam_id": exam.exam_id,
            "views": {view: file.as_posix() for view, file in exam.files.items()},
            "missing_views": list(exam.missing_views),
            "warnings": list(exam.warnings),
            "exclusions": {
                name: {"answer": answer.value, "place": answer.place or None}
                for name, answer in exam.exclusions.items()
            },
        }
        for exam in assembly.exams
    ]
    files = [
        {
            "file": entry.file.as_posix(),
            "used": entry.view is not None,
            "exam_id": entry.exam_id,
            "view": entry.view,
            "code": entry.code,
            "reason": entry.reason,
        }
        for entry in assembly.manifest
    ]
    write_json({**FORMAT, "exams": exams, "files": files}, path=path)


def _studies(headers: Mapping[Path, Header], refusals: Mapping[Path, Refusal]) -> Iterator[_Study]:
    """Ordered by id; ids are StudyInstanceUIDs or public case numbers.

    Studies of several patients under one UID, which should not be, are told apart by -2, -3, ... after it.
    """
    groups: dict[str, dict[str, dict[Path, Header]]] = {}
    for file, header in headers.items():
        patients = groups.setdefault(header.case or header.study, {})
        patients.setdefault("" if header.case else header.patient, {})[file] = header
    for study, patients in sorted(groups.items()):
        with_exam = [patient for patient in sorted(patients) if not patients[patient].keys() <= refusals.keys()]
        for number, patient in enumerate(with_exam, start=1):
            yield _Study(study if number == 1 else f"{study}-{number}", patients[patient], len(with_exam))


def _warnings(study: _Study, chosen: Mapping[View, Path], refusals: Mapping[Path, Refusal]) -> Iterator[str]:
    """What a reader of the result ought to know about how the exam was put together."""
    if study.patients > 1:
        yield (
            f"StudyInstanceUID (0020,000D) is shared by {study.patients} patients, told apart by PatientID (0010,0020)"
        )
    for view in VIEWS:
        if view not in chosen:
            absent = [
                f"{file} ({refusals[file].code})" for file, header in study.headers.items() if header.view is view
            ]
            yield f"{view} is missing" + (f"; refused: {', '.join(absent)}" if absent else "")
    for file, why in refusals.items():
        if file in study.headers and why.code == SAME_UID:
            yield f"{study.headers[file].view}: {file} {why.reason}"
    uids = {view: study.headers[file].sop_instance for view, file in chosen.items()}
    for one, other in combinations(uids, 2):
        if uids[one] and uids[one] == uids[other]:
            yield f"{one}, {other}: have the same SOPInstanceUID (0008,0018)"
    yield from _cautions(chosen, study.headers)


def _cautions(chosen: Mapping[View, Path], headers: Mapping[Path, Header]) -> list[str]:
    """Each caution once, with the views it is about."""
    views: dict[str, list[View]] = {}
    for view, file in chosen.items():
        for sentence in cautions(headers[file]):
            views.setdefault(sentence, []).append(view)
    return [f"{', '.join(about)}: {sentence}" for sentence, about in views.items()]


def _manifest(exams: list[Exam], refusals: Mapping[Path, Refusal]) -> tuple[ManifestEntry, ...]:
    used = [
        ManifestEntry(file, "used", f"is used as {view} of exam {exam.exam_id}", exam.exam_id, view)
        for exam in exams
        for view, file in exam.files.items()
    ]
    refused = [ManifestEntry(file, why.code, why.reason) for file, why in refusals.items()]
    return tuple(sorted(used + refused, key=lambda entry: entry.file))
