"""Sections about exams as a whole: who they are, and how well their scores tell cancers from others."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dibmg_monai.evaluation.absent_views import absent_views_table
from dibmg_monai.evaluation.breasts import breasts_table
from dibmg_monai.evaluation.calibration import (
    calibration_table,
    fit_temperature,
    reliability,
    reliability_table,
    with_temperature,
)
from dibmg_monai.evaluation.cases import Case, labels_of, scores_of
from dibmg_monai.evaluation.cohort import cohort_tables
from dibmg_monai.evaluation.comparison import models_table, sets_table
from dibmg_monai.evaluation.curves import curves, ranking_table, roc_band
from dibmg_monai.evaluation.located import LocatedView
from dibmg_monai.evaluation.operating_points import operating_points_table
from dibmg_monai.evaluation.paired import hits_table
from dibmg_monai.evaluation.performance import Performance
from dibmg_monai.evaluation.statistics import Estimate, auc
from dibmg_monai.evaluation.tables import Table
from dibmg_monai.evaluation.within import auc_within_table
from dibmg_monai.reports import plots
from dibmg_monai.reports.section import Section
from dibmg_monai.reports.study import VALIDATION, Settings, Study

MODELS = ("this model", "other model")
RATES = np.linspace(0, 1, 101)


def cohort(study: Study, settings: Settings) -> Section:
    """Who is in the datalist."""
    says = "All labelled exams of the datalist, part by part, with or without a result."
    return Section("exams", "The exams", (says,), cohort_tables(study.datalist, columns=settings.by))


def ranking(study: Study, settings: Settings) -> Section:
    """AUC, ROC and precision-recall curves."""
    title = "Ranking: ROC and precision-recall"
    scores, labels = scores_of(study.cases), labels_of(study.cases)
    drawn = plots.histogram(scores, labels, threshold=settings.threshold)
    if missing := _missing_class(study.cases):
        return Section("ranking", title, (f"No curve and no AUC: {missing}",), figures=(drawn,))
    sets = {name: cases for name, cases in _sets(study).items() if not _missing_class(cases)}
    found = {name: curves(scores_of(cases), labels_of(cases)) for name, cases in sets.items()}
    aucs = {name: auc(scores_of(cases), labels_of(cases)) for name, cases in sets.items()}
    band = (RATES, *roc_band(study.cases, false_alarm_rates=RATES))
    figures = (
        plots.roc(found, aucs=aucs, band=band, threshold=settings.threshold),
        plots.precision_recall(found, threshold=settings.threshold),
        drawn,
    )
    says = "The band: 95 % of bootstrap draws of patients, at each specificity."
    return Section("ranking", title, (says,), (ranking_table(study.cases),), figures)


def performance(study: Study, settings: Settings) -> list[Section]:
    """Tables 3 to 5 of Kim 2018, and further columns; of the validation set, too, as the paper has them."""
    return [
        _performance(name, cases, settings, suffix="" if cases is study.cases else f"_{name}".replace(" ", "_"))
        for name, cases in _sets(study).items()
    ]


def _performance(name: str, cases: Sequence[Case], settings: Settings, *, suffix: str) -> Section:
    """Of one set of exams; tables that have no group to show are left out, but for the first."""
    columns = [column for column in settings.by if not suffix or any(case.column(column) is not None for case in cases)]
    first, *others = Performance(cases, threshold=settings.threshold, interval=settings.interval).tables(columns)
    shown = [first, *(table for table in others if len(table.rows) > 1)]
    tables = tuple(replace(table, name=table.name + suffix, title=f"{table.title}: {name}") for table in shown)
    unknown = [table.title for table in others if len(table.rows) == 1]
    says = tuple(f"Not measured, as the datalist does not say: {title}." for title in unknown)
    aucs = dict(pair for table in tables for pair in _aucs(table))
    figures = (plots.forest(aucs),) if len(aucs) > 1 else ()
    return Section(f"performance{suffix}", f"Performance at the threshold: {name}", says, tables, figures)


def within(study: Study, settings: Settings) -> Section:
    """AUC within groups."""
    title, columns = "Within groups", ", ".join(settings.within)
    if not settings.within:
        says = "Not measured: --within COLUMN names columns, such as the institution, that a score must not live on."
        return Section("within", title, (says,))
    absent = [column for column in settings.within if all(case.column(column) is None for case in study.cases)]
    says = f"Exams that agree in {columns}: what tells the groups apart cannot help the score."
    missing = (f"No measured exam has the column {', '.join(absent)}.",) if absent else ()
    table = auc_within_table(study.cases, columns=settings.within)
    aucs = {str(row[0]): row[-1] for row in table.rows if isinstance(row[-1], Estimate) and row[-1].cases}
    return Section("within", title, (says, *missing), (table,), (plots.forest(aucs),) if aucs else ())


def calibration(study: Study) -> Section:
    """Do scores mean what they say?"""
    scores, labels = scores_of(study.cases), labels_of(study.cases)
    bins, warmed, fit_on = reliability(scores, labels), None, None
    says = "A temperature is fitted on a validation set; here is none."
    if study.validation and (missing := _missing_class(study.validation)):
        says = f"No temperature: of the validation set, {missing}"
    elif study.validation:
        fit_on = study.validation
        temperature = fit_temperature(scores_of(fit_on), labels_of(fit_on))
        warmed = reliability(with_temperature(scores, temperature=temperature), labels)
        says = f"The temperature that suits the validation set best is {temperature:.3f}."
    tables = (calibration_table(study.cases, fit_on=fit_on), reliability_table(study.cases))
    return Section("calibration", "Calibration", (says,), tables, (plots.reliability(bins, warmed),))


def operating_points(study: Study, settings: Settings) -> Section:
    """Thresholds for a wanted sensitivity or specificity, and their transfer."""
    title = "Operating points"
    sets = dict(reversed(_sets(study).items()))  # chosen on the validation set, if there is one
    name, chosen_on = next(iter(sets.items()))
    if missing := _missing_class(chosen_on):
        return Section("operating-points", title, (f"No threshold can be chosen on {name}: {missing}",))
    flattering = "Chosen on the measured exams, as there is no validation set: others will fare less well."
    says = () if study.validation else (flattering,)
    table = operating_points_table(sets, wanted=settings.wanted, interval=settings.interval)
    return Section("operating-points", title, says, (table,))


def two_sets(study: Study) -> Section:
    """The AUC of validation against that of the measured part."""
    title = "Validation AUC against test AUC"
    if not study.validation:
        says = "Not measured: there is no validation set (--validation-results, or results of the validation part)."
        return Section("two-sets", title, (says,))
    return Section("two-sets", title, (), (sets_table(dict(reversed(_sets(study).items()))),))


def two_models(study: Study, settings: Settings, *, views: Sequence[LocatedView]) -> Section:
    """Another model on the same exams."""
    title = "Another model on the same exams"
    if not study.compared:
        return Section("two-models", title, ("Not measured: --compare FILE names the results of another model.",))
    models = dict(zip(MODELS, (study.cases, study.compared), strict=True))
    names = zip(MODELS, (study.models, study.compared_models), strict=True)
    says = (
        *(f"{name.capitalize()}: {'; '.join(which)}." for name, which in names),
        f"Exams that both have scored: {len(study.compared)} of {len(study.cases)}.",
    )
    hits = hits_table(models, views=views, threshold=settings.threshold, interval=settings.interval)
    return Section("two-models", title, says, (models_table(models), hits))


def breasts(study: Study, settings: Settings) -> Section:
    """Breast by breast, and the cancer's side."""
    title = "Breasts and the cancer's side"
    if not any(score is not None for case in study.cases for score in case.result["breasts"].values()):
        return Section("breasts", title, ("Not measured: the results have no scores of breasts.",))
    told = [case for case in study.cases if case.label == 1 and case.column("cancer_side")]
    says = () if told else ("The datalist does not say which side the cancers are on (cancer_side).",)
    return Section("breasts", title, says, (breasts_table(study.cases, interval=settings.interval),))


def absent_views(study: Study) -> Section:
    """What the score loses with a view."""
    title = "Absent views"
    if not any(case.result["views"] for case in study.cases):
        return Section("absent-views", title, ("Not measured: the results have no scores of views.",))
    says = "Each view, breast and projection left out of the score in turn."
    return Section("absent-views", title, (says,), (absent_views_table(study.cases),))


def _sets(study: Study) -> dict[str, Sequence[Case]]:
    """The measured exams, and those to choose on, by name."""
    other = VALIDATION if study.part != VALIDATION else "other validation set"
    return {study.part: study.cases} | ({other: study.validation} if study.validation else {})


def _missing_class(cases: Sequence[Case]) -> str | None:
    cancers = int(labels_of(cases).sum())
    if 0 < cancers < len(cases):
        return None
    return f"all {len(cases)} exams are {'cancers' if cancers else 'without cancer'}; both kinds are needed."


def _aucs(table: Table) -> list[tuple[str, Estimate]]:
    """Group and level -> AUC, of the rows that have one."""
    if "AUC" not in table.columns:
        return []
    at = table.columns.index("AUC")
    named = [(" ".join(str(cell) for cell in row[:2] if cell), row[at]) for row in table.rows]
    return [(name, area) for name, area in named if isinstance(area, Estimate) and not math.isnan(area.value)]
