"""Hospitals that do not exist: phantoms as the machines, the windows and the case mix of each would make them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dibmg_monai.exams.datalist import PARTS, Datalist, Entry, write_datalist
from dibmg_monai.phantom import write_phantoms
from dibmg_monai.phantom.vendors import VENDORS, Vendor
from dibmg_monai.views import VIEWS

ROWS = 96  # pixels; the masses below are then 10 to 18 pixels large
MASS_MM = (25.0, 40.0)
GE, HOLOGIC, SIEMENS = VENDORS


@dataclass(frozen=True)
class Site:
    """What makes one hospital's exams differ from another's.

    Attributes:
        name: of the FLARE client, of its folder, and of the institution in its datalist.
        exams: how many; three fifths are for training, a fifth each for validation and testing.
        cancer_fraction: how many of them have a cancer, 0 to 1.
        vendor: the look of its images.
        contrast: mean brightness that a mass adds at its center.
    """

    name: str
    exams: int
    cancer_fraction: float
    vendor: Vendor
    contrast: float = 0.4


SITES = (
    Site("site-1", exams=200, cancer_fraction=0.3, vendor=GE),
    Site("site-2", exams=150, cancer_fraction=0.5, vendor=HOLOGIC),
    Site("site-3", exams=150, cancer_fraction=0.5, vendor=SIEMENS),  # MONOCHROME1
    Site("site-4", exams=120, cancer_fraction=0.5, vendor=replace(GE, gamma=1.3, noise=0.02)),  # dark
    Site("site-5", exams=100, cancer_fraction=0.5, vendor=replace(HOLOGIC, gamma=0.45, noise=0.03), contrast=0.35),
)  # the last one is flat and noisy, and its masses are faint


def write_sites(folder: Path, *, seed: int, sites: Sequence[Site] = SITES) -> Path:
    """Write every site's exams and datalist into a folder of its own, ``folder / site.name``.

    Args:
        folder: made if it does not exist.
        seed: other seeds are other women.
        sites: at most 100.

    Returns:
        A datalist of all sites together, relative to ``folder``: what only a simulation has.

    Raises:
        FolderError: if a file cannot be written.
    """
    pooled: Datalist = {part: [] for part in PARTS}
    for number, site in enumerate(sites):
        datalist = write_phantoms(
            folder / site.name,
            exams=site.exams,
            seed=100 * seed + number,
            rows=ROWS,
            cancer_fraction=site.cancer_fraction,
            lesion_size_mm=MASS_MM,
            lesion_contrast=site.contrast,
            lesion_features=("mass",),
            vendor=site.vendor,
            institution=site.name,
        )
        for part, entries in json.loads(datalist.read_text(encoding="utf-8")).items():
            pooled[part] += [_below(site.name, entry) for entry in entries]
    write_datalist(pooled, path=folder / "datalist.json")
    return folder / "datalist.json"


def _below(name: str, entry: Entry) -> dict[str, Any]:
    """An entry whose paths are relative to the folder above the site's."""
    files = {view.value: f"{name}/{entry[view]}" for view in VIEWS}
    masks = {view: f"{name}/{file}" for view, file in entry.get("malignant_masks", {}).items()}
    return {**entry, **files, **({"malignant_masks": masks} if masks else {})}
