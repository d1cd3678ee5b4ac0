"""A report: everything that results and a datalist say of a model, as a page, as tables and as a few lines."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from dibmg_monai.errors import writing
from dibmg_monai.evaluation.cases import labels_of
from dibmg_monai.evaluation.headline import Headline, headline
from dibmg_monai.evaluation.tables import Table
from dibmg_monai.exams.json_file import write_json
from dibmg_monai.reports import exam_sections, map_sections
from dibmg_monai.reports.gallery import gallery
from dibmg_monai.reports.page import page
from dibmg_monai.reports.section import Section
from dibmg_monai.reports.study import Settings, Study

INTERVALS = {"wilson": "Wilson", "clopper-pearson": "Clopper-Pearson"}
PAGE, TABLES = "report.html", "tables.json"


@dataclass(frozen=True)
class Report:
    """What a model is worth on a set of exams.

    Attributes:
        headline: the few figures that say most.
        facts: what it is about: name -> words.
        sections: all the rest.
    """

    headline: Headline
    facts: Mapping[str, str]
    sections: Sequence[Section]

    def tables(self) -> Iterator[Table]:
        """Those of all sections."""
        for section in self.sections:
            yield from section.tables

    def write(self, folder: Path) -> None:
        """Write ``report.html``, ``tables.json`` and a CSV file for each table.

        Raises:
            FolderError: if a file cannot be written.
        """
        tables = {table.name: table for table in self.tables()}
        facts = {"facts": dict(self.facts), "tables": {name: table.as_json() for name, table in tables.items()}}
        write_json({**asdict(self.headline), **facts}, path=folder / TABLES)
        for name, table in tables.items():
            table.write_csv(folder / f"{name}.csv")
        with writing(folder / PAGE):
            (folder / PAGE).write_text(page(self.headline, facts=self.facts, sections=self.sections), encoding="utf-8")


def make_report(study: Study, settings: Settings) -> Report:
    """Measure everything that the study allows; sections say what it does not.

    Raises:
        DatalistError: if a column cannot be grouped by, or lesions do not fit their image.
        ImageError: if an image, mask or map that is there is damaged.
    """
    found = map_sections.look_up(study, tolerance=settings.tolerance)
    counted = tqdm(_sections(study, settings, found), desc="sections", file=sys.stderr, leave=False, disable=None)
    figures = headline(
        study.cases,
        views=found.views,
        threshold=settings.threshold,
        within=settings.within,
        tolerance=settings.tolerance,
        interval=settings.interval,
    )
    return Report(figures, _facts(study, settings), list(counted))


def _sections(study: Study, settings: Settings, found: map_sections.Lookup) -> Iterator[Section]:
    """In the order of the page, as they are done."""
    yield exam_sections.ranking(study, settings)
    yield from exam_sections.performance(study, settings)
    yield exam_sections.within(study, settings)
    yield exam_sections.breasts(study, settings)
    yield map_sections.localisation(found, settings)
    yield from gallery(study, settings, found=found)
    yield exam_sections.calibration(study)
    yield exam_sections.operating_points(study, settings)
    yield exam_sections.two_sets(study)
    yield exam_sections.two_models(study, settings, views=found.views)
    yield exam_sections.absent_views(study)
    yield exam_sections.cohort(study, settings)
    yield _left_out(study)


def _facts(study: Study, settings: Settings) -> dict[str, str]:
    cancers = int(labels_of(study.cases).sum())
    benign = sum(bool(case.column("benign")) for case in study.cases if case.label == 0)
    others = f"{len(study.cases) - cancers} without" + (f" ({benign} of them benign)" if benign else "")
    patients = f"{len({case.patient for case in study.cases})}"
    if any(case.column("patient_id") is None for case in study.cases):
        patients += "; an exam without patient_id counts as a patient of its own"
    return {
        "model": "; ".join(study.models),
        "exams": f"{len(study.cases)} of the {study.part} part: {cancers} cancers, {others}",
        "patients": patients,
        "threshold": f"{settings.threshold:g}: exams with this score or more are called cancer",
        "intervals": f"95 %; {INTERVALS[settings.interval]} for shares of cases",
    }


def _left_out(study: Study) -> Section:
    title = "Exams that are not measured"
    if not study.left_out:
        return Section("left-out", title, (f"None: every exam of the {study.part} part has a label and a result.",))
    return Section("left-out", title, (), (study.left_out_table(),))
