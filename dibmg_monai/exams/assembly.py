"""A folder of files -> exams, and a manifest: every file used or refused, with the reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dibmg_monai.errors import ExamError, ImageError
from dibmg_monai.exams.exam import Exam
from dibmg_monai.exams.headers import Header, read_header
from dibmg_monai.exams.json_file import write_json
from dibmg_monai.exams.listing import list_files
from dibmg_monai.exams.rules import Refusal, cautions, refusal
from dibmg_monai.views import VIEWS, View

NEEDED = "at least one DICOM mammogram (Modality MG, For Presentation, CC or MLO) is needed; pictures need a datalist"
MANIFEST = "manifest.json"  # its usual name
FORMAT = {"format": "dibmg-manifest", "version": 1}

# Of several images of one view the best is used. The first of these that sets two images apart decides between them:
# yes is better than no, later better than earlier.
CHOICE: tuple[tuple[str, Callable[[Header], Any]], ...] = (
    ("a standard, unmodified view", lambda header: not header.modifiers),
    ("not a partial view", lambda header: not header.is_partial),
    ("an exposure, not synthesized", lambda header: not header.is_synthesized),
    ("acquired later", lambda header: header.acquired),
    ("the last by SOPInstanceUID (0008,0018)", lambda header: header.sop_instance),
)


@dataclass(frozen=True)
class Scan:
    """What the files of a folder are; names are relative to ``root``.

    Attributes:
        root: the folder.
        headers: the facts of every file that is readable DICOM, refused or not, ordered by name.
        refusals: why a file can be in no exam.
    """

    root: Path
    headers: Mapping[Path, Header]
    refusals: Mapping[Path, Refusal]


@dataclass(frozen=True)
class ManifestEntry:
    """What became of one file.

    Attributes:
        file: relative to the assembly's root.
        code: ``used``, or a reason code: one of ``rules.REFUSALS``, ``not-dicom``, ``unreadable``, ``duplicate`` (the
            same image again) or ``repeated-view`` (another image of the view was used).
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


def assemble(folder: Path) -> Assembly:
    """Find the exams in a folder.

    Args:
        folder: searched at any depth, links followed; or one file, taken as a study of one image.

    Raises:
        FolderError: if the folder is missing, empty or cannot be read.
        ExamError: if there is no exam in it.
    """
    assembly = survey(folder)
    assembly.require_exam()
    return assembly


def survey(folder: Path) -> Assembly:
    """Like ``assemble``, but finding no exam is a result too: the manifest then says why.

    Raises:
        FolderError: if the folder is missing, empty or cannot be read.
    """
    found = scan(folder)
    exams: list[Exam] = []
    refusals = dict(found.refusals)
    for exam_id, headers in _studies(found.headers).items():
        chosen: dict[View, Path] = {}
        for view in VIEWS:
            candidates = [file for file in headers if headers[file].view is view and file not in refusals]
            if candidates:
                chosen[view] = best = max(candidates, key=lambda file: _merits(headers[file]))
                refusals |= {file: _passed_over(file, best, headers) for file in candidates if file != best}
        if chosen:
            warnings = (*_missing_views(chosen, headers, refusals), *_cautions(chosen, headers))
            exams.append(Exam(exam_id, found.root, chosen, warnings=warnings))
    return Assembly(found.root, tuple(exams), _manifest(exams, refusals))


def scan(folder: Path) -> Scan:
    """Read the header of every file in a folder, and judge it.

    Raises:
        FolderError: if the folder is missing, empty or cannot be read.
    """
    listing = list_files(folder)
    headers: dict[Path, Header] = {}
    refusals = {path: Refusal("unreadable", f"cannot be opened: {why}") for path, why in listing.unreadable.items()}
    for file in listing.files:
        try:
            headers[file] = header = read_header(listing.root / file)
        except ImageError as error:
            refusals[file] = Refusal(error.code, error.reason)
        else:
            if reason := refusal(header):
                refusals[file] = reason
    return Scan(listing.root, headers, refusals)


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


def _studies(headers: Mapping[Path, Header]) -> dict[str, dict[Path, Header]]:
    """Exam id -> the images of one study of one patient; ids are StudyInstanceUIDs or public case numbers.

    Studies of several patients under one UID, which should not be, are told apart by -2, -3, ... after it.
    """
    groups: dict[str, dict[str, dict[Path, Header]]] = {}
    for file, header in headers.items():
        patients = groups.setdefault(header.case or header.study, {})
        patients.setdefault("" if header.case else header.patient, {})[file] = header
    return {
        study if number == 1 else f"{study}-{number}": images
        for study, patients in sorted(groups.items())
        for number, (_, images) in enumerate(sorted(patients.items()), start=1)
    }


def _merits(header: Header) -> tuple[Any, ...]:
    return tuple(merit(header) for _, merit in CHOICE)


def _passed_over(file: Path, best: Path, headers: Mapping[Path, Header]) -> Refusal:
    """Why another image of the view was used."""
    if headers[file].sop_instance and headers[file].sop_instance == headers[best].sop_instance:
        return Refusal("duplicate", f"has the SOPInstanceUID (0008,0018) of {best}, which is used")
    merits = zip(CHOICE, _merits(headers[file]), _merits(headers[best]), strict=True)
    why = next((name for (name, _), mine, its in merits if mine != its), "the first by file name")
    return Refusal("repeated-view", f"shows {headers[file].view} again; {best} is used: it is {why}")


def _missing_views(
    chosen: Mapping[View, Path], headers: Mapping[Path, Header], refusals: Mapping[Path, Refusal]
) -> list[str]:
    """A sentence for each absent view, with the images of it that were refused."""
    sentences = []
    for view in VIEWS:
        if view not in chosen:
            refused = [f"{file} ({refusals[file].code})" for file, header in headers.items() if header.view is view]
            sentences.append(f"{view} is missing" + (f"; refused: {', '.join(refused)}" if refused else ""))
    return sentences


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
