"""``docs/dicom_input.md``, made of the rules' own tables: ``python -m tests.exams.dicom_input_page`` writes it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from dibmg_monai.exams.cautions import CAUTIONS
from dibmg_monai.exams.choice import CHOICE
from dibmg_monai.exams.exclusions import SOURCES
from dibmg_monai.exams.refusals import REFUSALS
from dibmg_monai.exams.rules import Rule
from dibmg_monai.exams.signs import SIGNS
from dibmg_monai.exams.statements import Source
from dibmg_monai.exams.view_sources import LATERALITY, MODIFIERS, PROJECTION
from dibmg_monai.exams.vocabulary import MODIFIER_NAMES, VIEW_NAMES

PAGE = Path(__file__).parents[2] / "docs/dicom_input.md"
INTRODUCTION = """\
# What is done with each DICOM file

`python -m dibmg_monai exams DIR` says it of every file, and `manifest.json` keeps it. This page is made of the rules
themselves. A clause of the standard stands beside each; "vendor practice" is what devices write without one.

A file that is no DICOM is `not-dicom`, one that cannot be opened or parsed `unreadable`. The files of one
StudyInstanceUID (0020,000D) and one PatientID (0010,0020) are an exam.
"""
EXCLUSIONS = """\
The paper excluded exams with previous surgery, an implant, a clip or marker (Kim 2018, Data collection). Each is yes,
no or unknown; an attribute that is absent says nothing. With `--exclusions report` a yes is a warning in the exam's
result, with `--exclusions refuse` the exam's files are refused as `excluded`. One yes in any image of the study is
enough; a no has to stand in every view. `--exclusion-table FILE` overrides headers: a CSV file with a column `exam_id`,
as in the manifest, and any of `surgery`, `implant`, `clip_or_marker`, each `yes`, `no` or empty.
"""
MODIFIED = """\
Views with magnification or spot compression are refused, and so are tangential, cleavage and axillary tail views:
PS3.16 CID 4015 has these in place of a view's name, not beside it. The others are taken where there is no standard
view.
"""
CHOOSING = """\
The first of these that sets two images apart decides between them; the other is refused as `repeated-view`, as
`duplicate` if it is the same file again, or as `duplicate-uid` if another file has the same SOPInstanceUID (0008,0018).
"""
PLACES = """\
The first place that says anything decides. Others that say otherwise are a word in the result; those of last resort are
not heard then.
"""


def page() -> str:
    """The page."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    yield from ("## Refused", "", "The first that applies gives the reason.", "")
    yield from _table(("code", "sentence", "clause"), _rules(REFUSALS))
    yield from ("## Several images of one view", "", CHOOSING)
    yield from (f"{number}. {name}" for number, (name, _) in enumerate(CHOICE, start=1))
    yield from ("", "## Used, with a word in the result", "")
    yield from _table(("code", "sentence", "clause"), _rules(CAUTIONS))
    yield from ("## Side, view and modifiers", "", PLACES)
    yield from _table(("what", "place", "clause"), _places({"side": LATERALITY, "view": PROJECTION}))
    yield from ("Modifiers come from all their places.", "")
    yield from _table(("place", "clause"), [(source.attribute, source.clause) for source in MODIFIERS])
    yield MODIFIED
    yield from (f"- Views: {_names(VIEW_NAMES)}.", f"- Modifiers: {_names(MODIFIER_NAMES)}.", "")
    yield from ("## What else an image is", "")
    yield from _table(("what", "place", "clause"), _places(SIGNS))
    yield from ("## The paper's exclusions", "", EXCLUSIONS)
    yield from _table(
        ("criterion", "place", "clause"), _places({str(name): places for name, places in SOURCES.items()})
    )


def _rules(rules: Iterable[Rule]) -> Iterator[tuple[str, ...]]:
    for rule in rules:
        yield f"`{rule.code}`", rule.general, rule.clause


def _places(sources: dict[str, tuple[Source[str], ...]]) -> Iterator[tuple[str, ...]]:
    for name, places in sources.items():
        for place in places:
            yield name, place.attribute + ", last resort" * place.is_last_resort, place.clause


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for cells in (heading, ("---",) * len(heading), *rows):
        yield f"| {' | '.join(cells)} |"
    yield ""


def _names(codes: dict[str, str]) -> str:
    names = dict.fromkeys(codes.values())
    return "; ".join(f"{name} ({', '.join(code for code in codes if codes[code] == name)})" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
