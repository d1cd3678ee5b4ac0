"""A report has what the data allow, and one honest line where they do not."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dibmg_monai.errors import DatalistError
from dibmg_monai.evaluation.cases import Case
from dibmg_monai.evaluation.located import Tolerance
from dibmg_monai.evaluation.operating_points import Wanted
from dibmg_monai.reports.report import Report, make_report
from dibmg_monai.reports.section import Section
from dibmg_monai.reports.study import Settings, read_study
from tests.conftest import WriteMammogram
from tests.evaluation.cohorts import case, random_cases
from tests.evaluation.scenes import SIDE, dib, written
from tests.reports.files import write_files
from tests.reports.html_page import HtmlPage, check_page

SQUARE = {"malignant_regions": {"RCC": [{"box": [15, 50, 19, 54]}]}}
WANTED = (Wanted("sensitivity", 0.8), Wanted("specificity", 0.9))


def made(folder: Path, cases: list[Case], *, validation: list[Case] | None = None, **options: object) -> Report:
    parts = {"testing": cases} | ({"validation": validation} if validation else {})
    results, datalist = write_files(folder, parts)
    compare = options.pop("compare", None)
    study = read_study(results, datalist, dataset_dir=folder, compare=compare)
    return make_report(study, Settings(wanted=WANTED, **options))


def page(report: Report, folder: Path) -> HtmlPage:
    report.write(folder / "out")
    return check_page(folder / "out" / "report.html")


def sections(report: Report) -> dict[str, Section]:
    return {section.name: section for section in report.sections}


def scene(folder: Path) -> list[Case]:
    """Five cancers with a lesion, at the peak in three of them, and six others, all with images and maps."""
    cases = [
        written(folder, dib(r3c10=5.0) if index < 3 else dib(r9c9=2.0), exam_id=f"c{index}", **SQUARE)
        for index in range(5)
    ]
    cases += [written(folder, dib(r5c12=1.0 * index), exam_id=f"n{index}", label=0) for index in range(6)]
    scores = np.linspace(0.9, 0.1, len(cases))
    return [Case({**item.result, "score": float(score)}, item.entry) for item, score in zip(cases, scores, strict=True)]


def test_labels_alone(tmp_path: Path) -> None:
    cases = [Case(item.result, {"exam_id": item.exam_id, "label": item.label}) for item in random_cases(40)]
    report = made(tmp_path, cases)
    found = page(report, tmp_path)
    for sentence in (
        "Not measured, as the datalist does not say: Performance by density (as Kim 2018, Table 4).",
        "age: the datalist does not say.",
        "Not measured: --within COLUMN names columns",
        "The datalist does not say which side the cancers are on (cancer_side).",
        "Not measured: no lesion of a view with a result is known",
        "No picture: none of their images is there",
        "A temperature is fitted on a validation set; here is none.",
        "Chosen on the measured exams, as there is no validation set",
        "Not measured: there is no validation set",
        "Not measured: --compare FILE names the results of another model.",
        "Not measured: the results have no scores of views.",
        "None: every exam of the testing part has a label and a result.",
        "an exam without patient_id counts as a patient of its own",
    ):
        assert sentence in found.text
    assert found.headings[0] == "Ranking: ROC and precision-recall"


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("count", [1, 12])
def test_one_class_alone(label: int, count: int, tmp_path: Path) -> None:
    cases = [case(f"{index}", label, index / 20) for index in range(count)]
    report = made(tmp_path, cases, validation=[case("v", label, 0.5)])
    found = page(report, tmp_path)
    assert f"No curve and no AUC: all {count} exams are" in found.text
    assert "No threshold can be chosen on validation: all 1 exams are" in found.text
    assert "No temperature: of the validation set, all 1 exams are" in found.text
    assert np.isnan(report.headline.exam_auc.value)
    json.loads((tmp_path / "out" / "tables.json").read_text(), parse_constant=pytest.fail)


def test_everything(tmp_path: Path) -> None:
    cases, validation = scene(tmp_path), [case(f"v{index}", index % 2, 0.3 + index / 30) for index in range(20)]
    others, _ = write_files(tmp_path / "other", {"testing": cases}, name="Peer")
    options = {"compare": others, "tolerance": Tolerance(2), "within": ["site"], "by": ["site"]}
    cases = [Case(item.result, {**item.entry, "site": "AB"[index % 2]}) for index, item in enumerate(cases)]
    report = made(tmp_path, cases, validation=validation, **options)
    tables = {table.name: table for table in report.tables()}
    assert set(tables) == {
        "ranking", "table3_age_manufacturer", "further_columns", "table3_age_manufacturer_validation", "auc_within",
        "breasts", "pointing", "froc", "energy", "overlap", "calibration", "reliability", "operating_points",
        "auc_of_two_sets", "auc_of_two_models", "hits_of_two_models", "absent_views", "table1_cancers",
        "table2_normals",
    }  # fmt: skip
    assert [row[2] for row in tables["operating_points"].rows[:2]] == ["validation", "testing"]
    assert [row[0] for row in tables["calibration"].rows] == ["as they are", "with the temperature of validation"]
    assert [row[0] for row in tables["auc_of_two_sets"].rows] == ["validation", "testing", "difference"]
    assert {row[0] for row in tables["pointing"].rows} == {"all", "site"}
    found = page(report, tmp_path)
    assert "Other model: Peer, version 9.9, SHA-256 abc123." in found.text
    titles = {name: len(section.figures) for name, section in sections(report).items() if section.figures}
    assert titles == {"ranking": 3, "performance": 1, "localisation": 1, "calibration": 1, "hits": 5, "false-alarms": 1}


def test_files_have_the_figures(tmp_path: Path) -> None:
    report = made(tmp_path, scene(tmp_path))
    report.write(tmp_path / "out")
    tables = json.loads((tmp_path / "out" / "tables.json").read_text())
    assert {"exam_auc", "auc_within", "mean_auc_within", "cancer_side_higher", "peak_in_mask", "peak_chance"} < set(
        tables
    )
    assert tables["peak_in_mask"]["value"] == 3 / 5 and tables["peak_chance"] == 25 / SIDE**2
    assert tables["exam_auc"]["value"] == 1
    assert tables["facts"]["exams"] == "11 of the testing part: 5 cancers, 6 without"
    assert {path.stem for path in (tmp_path / "out").glob("*.csv")} == set(tables["tables"])


def test_benign_exams_are_counted_apart(tmp_path: Path) -> None:
    report = made(tmp_path, [case("a", 1, 0.5), case("b", 0, 0.5, benign=True), case("c", 0, 0.5)])
    assert report.facts["exams"] == "3 of the testing part: 1 cancers, 2 without (1 of them benign)"


def test_maps_that_are_not_there_are_counted(tmp_path: Path) -> None:
    cases = scene(tmp_path)
    for path in tmp_path.glob("*.nii.gz"):
        path.unlink()
    section = sections(made(tmp_path, cases))["localisation"]
    assert section.says[0] == "11 maps that the results name are not beside them, c0.RCC.nii.gz first."
    assert section.says[1].startswith("No FROC, energy or overlap: no map of these views")
    assert [table.name for table in section.tables] == ["pointing"]


@pytest.mark.parametrize("lesion", [SQUARE, {"malignant_masks": {"RCC": "mask.png"}}])
def test_lesions_that_cannot_be_read_are_counted(lesion: dict, tmp_path: Path) -> None:
    cases = [written(tmp_path, dib(), exam_id=f"{index}", **lesion) for index in range(2)]
    cases.append(written(tmp_path, dib(), exam_id="n", label=0))
    if lesion is SQUARE:
        (tmp_path / "0.RCC.png").unlink()
        (tmp_path / "1.RCC.png").unlink()
    report = made(tmp_path, cases)
    missing = "0.RCC.png" if lesion is SQUARE else "mask.png"
    says = sections(report)["localisation"].says
    assert says[0].startswith(f"2 views with known lesions are left out: {missing} is not there; --dataset-dir names")
    assert np.isnan(report.headline.peak_in_mask.value)


def test_masks_of_another_image_are_refused(tmp_path: Path) -> None:
    Image.new("L", (9, 9), 255).save(tmp_path / "mask.png")
    lesion = {"malignant_masks": {"RCC": "mask.png"}}
    with pytest.raises(DatalistError, match=r"mask\.png has 9 x 9 pixels, the image 80 x 80 pixels"):
        made(tmp_path, [written(tmp_path, dib(), **lesion)])


def test_dicom_images_and_millimeters(write_mammogram: WriteMammogram, tmp_path: Path) -> None:
    cases = scene(tmp_path)
    for index, item in enumerate(cases):
        pixels = np.where(np.arange(SIDE) >= SIDE // 2, 2000, 0).astype(np.uint16)
        name = write_mammogram(
            f"{index}.dcm", np.tile(pixels, (SIDE, 1)), PatientName="Secret^Name", ImagerPixelSpacing=[0.5, 0.5]
        ).name
        cases[index] = Case(item.result, {**item.entry, "RCC": name})
    cases[0].entry["malignant_regions"] = {"RCC": [{"box": [15, 55, 19, 59]}]}  # three pixels beside the peak
    for tolerance, hits in ((1.0, 2 / 5), (1.5, 3 / 5)):
        report = made(tmp_path, cases, tolerance=Tolerance(tolerance, "mm"))
        assert report.headline.peak_in_mask.value == pytest.approx(hits)
    assert len(sections(report)["hits"].figures) == 5
    assert "Secret" not in page(report, tmp_path).source


def test_a_page_quotes_names_and_shows_no_patient(tmp_path: Path) -> None:
    cases = [
        case(f"<script>alert('{index}')</script>&", index % 2, index / 30, patient_id="SECRET", site="<b>A")
        for index in range(20)
    ]
    report = made(tmp_path, cases, by=["site"])
    report.write(tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        assert "SECRET" not in path.read_text()
    found = check_page(tmp_path / "out" / "report.html")
    assert "<b>A" in found.text


def test_notes_are_not_said_twice_in_a_section(tmp_path: Path) -> None:
    cases = [case(item.exam_id, item.label, item.score, density="AB"[index % 2], age_years=40 + index)
             for index, item in enumerate(random_cases(40))]  # fmt: skip
    found = page(made(tmp_path, cases), tmp_path)
    assert found.text.count("Called cancer: exams with a score of 0.5 or more. Intervals: 95 %, Wilson.") == 1
