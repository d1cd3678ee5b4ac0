"""One network, trained in several ways, on the same exams: figures side by side, over all exams and at each site."""

from collections.abc import Mapping
from pathlib import Path

from dibmg_monai.evaluation.headline import Headline, headline
from dibmg_monai.evaluation.located import Tolerance, read_views
from dibmg_monai.evaluation.performance import THRESHOLD
from dibmg_monai.evaluation.statistics import Estimate
from dibmg_monai.evaluation.tables import Cell, Table
from dibmg_monai.reports.report import make_report
from dibmg_monai.reports.study import Settings, read_study

SITE = ["institution"]


def read_figures(results: Path, *, datalist: Path) -> Headline:
    """The figures of one training on the testing part.

    Args:
        results: ``results.json`` of the evaluation.
        datalist: of all sites; its paths are relative to its own folder.

    Raises:
        DatalistError: if the two do not fit.
    """
    study = read_study(results, datalist, dataset_dir=datalist.parent, part="testing")
    anywhere = Tolerance()
    views = read_views(study.cases, results_dir=results.parent, dataset_dir=datalist.parent, tolerance=anywhere)
    return headline(study.cases, views=list(views), threshold=THRESHOLD, within=SITE, tolerance=anywhere)


def write_report(results: Path, *, compare: Path, datalist: Path, folder: Path) -> None:
    """The report of one training beside another: figures within and by site show how far sites differ.

    Raises:
        DibmgError: if the files do not fit, or the folder cannot be written.
    """
    study = read_study(results, datalist, dataset_dir=datalist.parent, part="testing", compare=compare)
    make_report(study, Settings(by=SITE, within=SITE)).write(folder)


def comparison_table(figures: Mapping[str, Headline]) -> Table:
    """A row for each training: AUC over all exams, within each site, their mean, and the peaks in the lesion."""
    sites = list(dict.fromkeys(site for found in figures.values() for site in found.auc_within))
    rows: list[tuple[Cell, ...]] = [
        (
            training,
            found.exam_auc,
            *(found.auc_within[site] for site in sites),
            found.mean_auc_within,
            found.peak_in_mask,
        )
        for training, found in figures.items()
    ]
    columns = ("training", "all exams", *sites, "mean within sites", "peak in the lesion")
    chances = sorted({f"{found.peak_chance:.3f}" for found in figures.values()})
    note = f"Of peaks placed at random on the image, {' to '.join(chances)} are in the lesion."
    return Table("comparison", "AUC on the testing part of all sites", columns, tuple(rows), (note,))


def text_lines(table: Table) -> list[str]:
    """The table for a terminal, estimates without their intervals; its notes below."""
    rows = [table.columns, *([_short(cell) for cell in row] for row in table.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [*("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows), *table.notes]


def _short(cell: object) -> str:
    return f"{cell.value:.3f}" if isinstance(cell, Estimate) else str(cell)
