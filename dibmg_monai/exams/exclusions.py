"""What the paper excluded exams for: surgery, an implant, a clip or marker (Kim 2018, Data collection).

Headers seldom tell. An answer is yes, no or unknown: what neither a header nor the table says is unknown, never no.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.exams.statements import Source, Statement
from dibmg_monai.exams.view_sources import modifiers


class Criterion(StrEnum):
    """One reason for which the paper excluded exams."""

    SURGERY = "surgery"
    IMPLANT = "implant"
    CLIP_OR_MARKER = "clip_or_marker"


class Policy(StrEnum):
    """What becomes of an exam that meets a criterion: it gets a warning, or its files are refused."""

    REPORT = "report"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Answer:
    """Whether an exam meets a criterion.

    Attributes:
        value: ``yes``, ``no`` or ``unknown``.
        place: where that was said: an attribute and a file, or a line of the table; empty if unknown.
    """

    value: str = "unknown"
    place: str = ""


Answers = Mapping[Criterion, Answer]
Hints = Mapping[Criterion, Statement]


@dataclass(frozen=True)
class Exclusions:
    """What to do about the paper's criteria.

    Attributes:
        policy: what becomes of exams that meet one.
        table: exam id -> what is known of it; it overrides what headers say. ``exclusion_table.read_exclusions`` reads
            one.
    """

    policy: Policy = Policy.REPORT
    table: Mapping[str, Answers] = field(default_factory=dict)

    def answers(self, exam_id: str, hints: Mapping[Path, Hints], *, used: Collection[Path]) -> dict[Criterion, Answer]:
        """An answer to each criterion: the table's, or else what the headers say.

        Args:
            exam_id: as in the table.
            hints: file -> what its header says, of all images of the study: one yes among them is enough.
            used: the files of the exam: all of them have to say no.
        """
        known = self.table.get(exam_id, {})
        return {name: known.get(name) or _by_headers(name, hints, used=used) for name in Criterion}


REPORT = Exclusions()


def met(answers: Answers) -> str:
    """The criteria that are met, each with the place that says so; empty if there are none."""
    return "; ".join(
        f"{name.replace('_', ' ')}, by {answer.place}" for name, answer in answers.items() if answer.value == "yes"
    )


def _by_headers(name: Criterion, hints: Mapping[Path, Hints], *, used: Collection[Path]) -> Answer:
    said = {file: of_file[name] for file, of_file in hints.items() if name in of_file}
    for file, statement in said.items():
        if statement.value == "yes":
            return Answer("yes", f"{statement.attribute} of {file}")
    if all(file in said for file in used):
        attributes = dict.fromkeys(said[file].attribute for file in used)
        return Answer("no", f"{' and '.join(attributes)} of every view")
    return Answer()


KEYWORDS = (
    *("BreastImplantPresent", "ImageType", "SeriesDescription", "StudyDescription"),
    *("PerformedProcedureStepDescription", "ImageComments"),
)
DESCRIPTIONS = {
    "SeriesDescription": "SeriesDescription (0008,103E)",
    "StudyDescription": "StudyDescription (0008,1030)",
    "PerformedProcedureStepDescription": "PerformedProcedureStepDescription (0040,0254)",
    "ImageComments": "ImageComments (0020,4000)",
}
SURGERY_WORDS = (
    r"((lump|mast|quadrant|segment|tumor)ectomy|mammoplasty|mastopexy|post[ -]?op(erative)?|post[ -]?surg(ery|ical)?)"
)
IMPLANT_WORDS = r"implants?"
CLIP_WORDS = r"(clips?|post[ -]?marker|marker placement)"
NEGATION = re.compile(r"\b(no|not|non|without|w/o|denies)\b([ -]+\w+){0,2}[ -]*$")  # up to two words between


def _named(words: str) -> tuple[Source[str], ...]:
    """The descriptions that a worklist or a technologist fills in, one of which may name the thing."""

    def reader(keyword: str) -> Callable[[Attributes], str]:
        return lambda header: "yes" if _is_named(words, header.text(keyword).lower()) else ""

    return tuple(
        Source(attribute, "vendor practice: names of procedures, comments", reader(keyword))
        for keyword, attribute in DESCRIPTIONS.items()
    )


def _is_named(words: str, text: str) -> bool:
    return any(not NEGATION.search(text[: found.start()]) for found in re.finditer(rf"\b{words}\b", text))


def _implant_present(header: Attributes) -> str:
    return header.text("BreastImplantPresent").lower()


def _implant_displaced(attribute: str) -> Callable[[Attributes], str]:
    return lambda header: "yes" if modifiers(header).get("implant displaced") == attribute else ""


SOURCES: dict[Criterion, tuple[Source[str], ...]] = {
    Criterion.SURGERY: _named(SURGERY_WORDS),
    Criterion.IMPLANT: (
        Source("BreastImplantPresent (0028,1300)", "PS3.3 C.8.11.7", _implant_present),
        *(
            Source(attribute, "PS3.16 CID 4015: implant displaced", _implant_displaced(attribute))
            for attribute in ("ViewModifierCodeSequence (0054,0222)", "ViewPosition (0018,5101)")
        ),
        *_named(IMPLANT_WORDS),
    ),
    Criterion.CLIP_OR_MARKER: (
        Source(
            "ImageType (0008,0008)",
            "PS3.3 C.8.11.7.1.4: POSTMARKER",
            lambda header: "yes" if any("POSTMARKER" in value for value in header.texts("ImageType")) else "",
        ),
        *_named(CLIP_WORDS),
    ),
}


def hints(header: Attributes) -> dict[Criterion, Statement]:
    """What the header of a mammogram says, yes or no: the first place that says yes, or else the first that says no.

    Text is never quoted: it may name the patient.
    """
    found = {}
    for name, sources in SOURCES.items():
        said = [Statement(source.read(header), source.attribute) for source in sources]
        clear = [statement for statement in said if statement.value in ("yes", "no")]
        if clear:
            found[name] = max(clear, key=lambda statement: statement.value == "yes")
    return found
