import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from pydicom import dcmread

from dibmg_monai.exams.datalist import read_datalist, read_part
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.transforms import LoadExamd
from dibmg_monai.views import VIEWS

Scripts = dict[str, ModuleType]


def test_a_site_is_complete_in_its_own_folder(two_sites: Path) -> None:
    for name, exams in (("a", 20), ("b", 40)):
        datalist = read_datalist(two_sites / name / "datalist.json", dataset_dir=two_sites / name)
        entries = [entry for part in datalist.values() for entry in part]
        assert len(entries) == exams
        assert {entry["institution"] for entry in entries} == {name}
        assert not any(".." in entry[view] for entry in entries for view in VIEWS)


def test_the_pooled_datalist_has_all_exams_of_all_sites(two_sites: Path) -> None:
    pooled = read_datalist(two_sites / "datalist.json", dataset_dir=two_sites)  # ids are unique, all files are there
    for part, entries in pooled.items():
        own = {
            (name, entry["exam_id"], entry["label"])
            for name in "ab"
            for entry in read_part(two_sites / name / "datalist.json", dataset_dir=two_sites / name, part=part)
        }
        assert {(entry["institution"], entry["exam_id"], entry["label"]) for entry in entries} == own
        assert all(entry["RCC"].startswith(f"{entry['institution']}/dicom/") for entry in entries)
        assert all("malignant_masks" in entry for entry in entries if entry["label"])


def test_sites_differ_as_they_say(scripts: Scripts, tmp_path: Path) -> None:
    """In size and case mix; in manufacturer, polarity and window of the files; and in what the network sees."""
    sites = scripts["sites"]
    few = tuple(sites.replace(site, exams=10) for site in sites.SITES)
    sites.write_sites(tmp_path, seed=0, sites=few)
    load = LoadExamd(Preprocessing(image_size=96), dataset_dir=tmp_path)
    brightness, headers = {}, {}
    for site in few:
        entries = read_part(tmp_path / "datalist.json", dataset_dir=tmp_path, part="training")
        own = [entry for entry in entries if entry["institution"] == site.name]
        images = np.stack([load(entry)["image"].numpy() for entry in own])
        brightness[site.name] = images[images > -0.7].mean()
        header = dcmread(tmp_path / own[0]["RCC"], stop_before_pixels=True)
        headers[site.name] = (header.Manufacturer, header.PhotometricInterpretation, float(header.WindowWidth))
    assert {name: found[0] for name, found in headers.items()} == {
        "site-1": "GE",
        "site-2": "HOLOGIC",
        "site-3": "SIEMENS",
        "site-4": "GE",
        "site-5": "HOLOGIC",
    }
    assert [name for name, found in headers.items() if found[1] == "MONOCHROME1"] == ["site-3"]
    assert len({found[2] for found in headers.values()}) == 3
    assert max(brightness, key=brightness.__getitem__) == "site-5"
    assert min(brightness, key=brightness.__getitem__) == "site-4"
    assert brightness["site-5"] - brightness["site-4"] > 0.3
    assert [site.exams for site in sites.SITES] == sorted((site.exams for site in sites.SITES), reverse=True)
    assert {site.cancer_fraction for site in sites.SITES} == {0.3, 0.5}


def test_every_site_is_large_enough_for_an_auc_of_its_own(scripts: Scripts) -> None:
    """Ten exams of either label in the fifth of its exams that is for testing: ``evaluation.within``."""
    for site in scripts["sites"].SITES:
        cancers = site.exams / 5 * site.cancer_fraction
        assert min(cancers, site.exams / 5 - cancers) >= 10, site.name


@pytest.mark.parametrize("seed", [0, 1])
def test_other_seeds_are_other_women(scripts: Scripts, two_sites: Path, tmp_path: Path, seed: int) -> None:
    site = scripts["sites"].Site("a", exams=5, cancer_fraction=0.5, vendor=scripts["sites"].GE)
    datalist = scripts["sites"].write_sites(tmp_path, seed=seed, sites=(site,))
    ids = [
        {entry["exam_id"] for part in json.loads(path.read_text()).values() for entry in part}
        for path in (datalist, two_sites / "datalist.json")
    ]
    assert not ids[0] & ids[1]
