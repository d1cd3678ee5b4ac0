"""Sections about where the maps point: figures against known lesions, beside chance."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from dibmg_monai.evaluation.cases import Case
from dibmg_monai.evaluation.froc import RATES, Froc, froc_table
from dibmg_monai.evaluation.localisation import COLUMNS, energy_table, overlap_table, pointing_table
from dibmg_monai.evaluation.located import LocatedView, Tolerance, read_views
from dibmg_monai.evaluation.regions import is_annotated
from dibmg_monai.exams.regions import mask_files
from dibmg_monai.reports import plots
from dibmg_monai.reports.section import Section
from dibmg_monai.reports.study import Settings, Study


@dataclass(frozen=True)
class Lookup:
    """What can be measured of the maps, with the files that are there.

    Attributes:
        cases: the measured exams, less the views whose lesions cannot be read, and maps that are not there.
        views: of these: those of exams without cancer, and those whose lesions are known.
        says: what was missing.
    """

    cases: Sequence[Case]
    views: Sequence[LocatedView]
    says: tuple[str, ...]


def look_up(study: Study, *, tolerance: Tolerance) -> Lookup:
    """Read maps, masks and images of the measured exams. Slow: its progress is shown on terminals.

    Raises:
        ImageError: if a file that is there is damaged.
        DatalistError: if masks or regions do not fit their image, or the size of pixels in mm is wanted and not known.
    """
    cases, lost_views, lost_maps = [], [], []
    for case in study.cases:
        views: dict[str, Any] = {}
        for view, found in case.result["views"].items():
            if file := _missing_file(case, view, dataset_dir=study.dataset_dir):
                lost_views.append(file)
                continue
            name = found.get("map")
            if name is not None and not (study.results_dir / name).is_file():
                lost_maps.append(name)
                name = None
            views[view] = {**found, "map": name}
        cases.append(replace(case, result={**case.result, "views": views}))
    says = []
    if lost_views:
        lost = f"{len(lost_views)} views with known lesions are left out: {lost_views[0]} is not there"
        says.append(f"{lost}; --dataset-dir names the folder that the datalist's paths are relative to.")
    if lost_maps:
        says.append(f"{len(lost_maps)} maps that the results name are not beside them, {lost_maps[0]} first.")
    progress = tqdm(cases, desc="maps and lesions", unit="exam", file=sys.stderr, leave=False, disable=None)
    read = read_views(progress, results_dir=study.results_dir, dataset_dir=study.dataset_dir, tolerance=tolerance)
    return Lookup(cases, list(read), tuple(says))


def localisation(found: Lookup, settings: Settings) -> Section:
    """Pointing game, energy, FROC and overlap, each beside chance."""
    title, with_lesions = "Where the maps point", [view for view in found.views if view.lesions]
    if not with_lesions:
        says = "Not measured: no lesion of a view with a result is known (malignant_masks, malignant_regions)."
        return Section("localisation", title, (*found.says, says))
    columns = [name for name in dict.fromkeys((*COLUMNS, *settings.by)) if _is_known(name, with_lesions)]
    tables = [pointing_table(found.views, tolerance=settings.tolerance, columns=columns)]
    if not any(view.dib is not None for view in with_lesions):
        says = "No FROC, energy or overlap: no map of these views, or not their images (inference with outputs [map])."
        return Section("localisation", title, (*found.says, says), tuple(tables))
    froc = Froc(found.views)
    lesions = {view.case.exam_id for view in with_lesions}
    curve = plots.froc(froc.curve(), chance=(RATES, froc.chance([lesions])[0]))
    tables += [
        froc_table(found.views, tolerance=settings.tolerance, columns=columns),
        energy_table(found.views, columns=columns),
        overlap_table(found.views, columns=columns),
    ]
    return Section("localisation", title, found.says, tuple(tables), (curve,))


def _is_known(column: str, views: Sequence[LocatedView]) -> bool:
    return any(view.case.column(column) is not None for view in views)


def _missing_file(case: Case, view: str, *, dataset_dir: Path) -> str | None:
    """A file that is needed to know a view's lesions, and is not there: a mask, or the image that a region is of."""
    if not is_annotated(case.entry, view):
        return None
    masks = [file for _, file in mask_files({view: case.entry.get("malignant_regions", {}).get(view, [])})]
    if view in case.entry.get("malignant_masks", {}):
        masks.append(case.entry["malignant_masks"][view])
    needed = masks or [case.entry.get(view, f"the image of {view} of exam {case.exam_id}")]
    return next((file for file in needed if not (dataset_dir / file).is_file()), None)
