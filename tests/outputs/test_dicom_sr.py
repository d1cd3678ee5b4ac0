"""The reports are read back with pydicom alone, and compared with what was meant."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset, FileDataset
from pydicom.sr._concepts_dict import concepts
from pydicom.uid import Comprehensive3DSRStorage

from dibmg_monai.errors import FolderError
from dibmg_monai.findings import find_regions
from dibmg_monai.inference import ExamResult, ModelInfo, ViewResult
from dibmg_monai.outputs.dicom_sr import StructuredReports
from dibmg_monai.outputs.material import Material
from dibmg_monai.outputs.overlay import NOTICE
from dibmg_monai.pixels.geometry import Orientation, ViewGeometry
from dibmg_monai.views import VIEWS, View
from tests.outputs.content_tree import named, value, walk
from tests.outputs.pixelmed import needs_pixelmed, pixelmed_errors
from tests.outputs.sources import SOURCES, source_name, study_of
from tests.outputs.validators import dciodvfy_errors, dcsrdump

ExamFrom = Callable[..., ExamResult]
REPORTS = ("findings_sr.dcm", "exam_sr.dcm")
FINDING, PROBABILITY, REGION = "121071", "111047", "111030"
TRACKING_NAME, TRACKING_UID, SITE, LATERALITY, COMMENT = "112039", "112040", "363698007", "272741003", "121106"
GROUP, LIBRARY_GROUP, PARAMETERS, SUMMARY = "125007", "126200", "111002", "111017"
SIDES = {"24028007": "R", "7771000": "L"}  # PS3.16 CID 244


def written(material: Material, folder: Path) -> tuple[FileDataset, FileDataset]:
    """The report of the findings and that of the exam."""
    StructuredReports().write(material, folder)
    return dcmread(folder / REPORTS[0]), dcmread(folder / REPORTS[1])


def without_findings(result: ExamResult) -> ExamResult:
    return replace(result, views={view: replace(found, findings=()) for view, found in result.views.items()})


def texts(parent: Dataset, code: str) -> list[str]:
    return [item.TextValue for item in named(parent, code)]


def number(parent: Dataset, code: str) -> tuple[float, str]:
    """A value in full and its unit; a viewer shows two decimals of it."""
    shown, unit = value(parent, code)
    exact = named(parent, code)[0].MeasuredValueSequence[0].FloatingPointValue
    assert shown == pytest.approx(exact, abs=0.00501)
    return exact, unit


def points_of(group: Dataset) -> NDArray[np.float64]:
    """(n, 2) the region's corners as column and row, the first also the last."""
    graphic_type, points = value(group, REGION)
    assert (graphic_type, named(group, REGION)[0].RelationshipType) == ("POLYLINE", "CONTAINS")
    np.testing.assert_array_equal(points[0], points[-1])
    return points


def cited_in(report: Dataset) -> set[str]:
    """The images that the content refers to."""
    return {
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in walk(report) if item.ValueType == "IMAGE"
    }


def enclosed(points: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """(rows, columns) the pixels with their centers inside, by the even-odd rule; 0, 0 is the first pixel's corner."""
    row, column = np.indices(shape) + 0.5
    inside = np.zeros(shape, bool)
    for (x1, y1), (x2, y2) in pairwise(points):
        if y1 != y2:
            crosses = (y1 > row) != (y2 > row)
            inside ^= crosses & (column < x1 + (x2 - x1) * (row - y1) / (y2 - y1))
    return inside


@pytest.mark.parametrize("values", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize(("views", "found"), [(VIEWS, True), (VIEWS[3:], True), (VIEWS, False)])
def test_standard_is_kept(
    values: dict[str, Any], views: tuple[View, ...], found: bool, exam_from: ExamFrom, tmp_path: Path
) -> None:
    result = exam_from(values, views=views)
    reports = written(Material(result if found else without_findings(result)), tmp_path)
    for name, report in zip(REPORTS, reports, strict=True):
        assert dciodvfy_errors(tmp_path / name, iod="Comprehensive3DSR") == []
        assert NOTICE in dcsrdump(tmp_path / name)
        assert report.SpecificCharacterSet == "ISO_IR 192" and report.PatientName == source_name(values)


def test_checker_would_see_an_error(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    report, _ = written(Material(exam_on_disk), tmp_path)
    del named(report, PROBABILITY)[0].MeasuredValueSequence[0].MeasurementUnitsCodeSequence
    report.save_as(tmp_path / "bad.dcm")
    assert dciodvfy_errors(tmp_path / "bad.dcm", iod="Comprehensive3DSR") != []


@needs_pixelmed
@pytest.mark.parametrize("found", [True, False])
def test_templates_are_kept(found: bool, exam_from: ExamFrom, tmp_path: Path) -> None:
    result = exam_from(SOURCES["Korean"], views=VIEWS[:3])
    written(Material(result if found else without_findings(result)), tmp_path)
    assert [pixelmed_errors(tmp_path / name) for name in REPORTS] == [[], []]


def test_codes_mean_what_they_say(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    """Against pydicom's tables of PS3.16, which lack languages and the Qualitative Evaluations of TID 1500."""
    used = {
        (code.CodingSchemeDesignator, code.CodeValue, code.CodeMeaning)
        for report in written(Material(exam_on_disk), tmp_path)
        for element in report.iterall()
        for code in (element.value if element.VR == "SQ" else ())
        if "CodeValue" in code
    }
    meanings = {
        (scheme, code, meaning.removesuffix(" (attribute)"))
        for scheme in {scheme for scheme, *_ in used} & set(concepts)
        for codes in concepts[scheme].values()
        for code, (meaning, _) in codes.items()
    }
    assert {code for _, code, _ in used - meanings} == {"C0034375", "en-US"}
    assert len(used) > 30


@pytest.mark.parametrize("flip_columns", [False, True])
@pytest.mark.parametrize("flip_rows", [False, True])
@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize(
    ("shape", "pixel_aspect", "values"),
    [
        ((48, 35), 1, {}),
        ((49, 80), 1, SOURCES["white is 0"]),
        ((32, 39), 2, SOURCES["pixels that are not square"]),
    ],
)
def test_regions_are_where_they_were_found(
    shape: tuple[int, int],
    pixel_aspect: float,
    values: dict[str, Any],
    transpose: bool,
    flip_rows: bool,
    flip_columns: bool,
    make_found: Callable[..., ViewResult],
    exam_from: ExamFrom,
    tmp_path: Path,
) -> None:
    result = exam_from({"Rows": shape[0], "Columns": shape[1], "PixelData": bytes(2 * shape[0] * shape[1]), **values})
    orientation = Orientation(transpose=transpose, flip_rows=flip_rows, flip_columns=flip_columns)
    views = {view: with_corner(make_found(view), view, shape, orientation, pixel_aspect) for view in VIEWS}
    report, _ = written(Material(replace(result, views=views)), tmp_path)
    expected = [(view, finding) for view, found in views.items() for finding in found.findings]
    assert [len(found.findings) for found in views.values()] == [2, 2, 2, 2]
    for group, (view, finding) in zip(named(report, GROUP), expected, strict=True):
        points, inside = points_of(group), enclosed(points_of(group), shape)
        np.testing.assert_allclose(points[:-1], finding.outline[:, ::-1] + 0.5, rtol=1e-6)
        np.testing.assert_array_equal(inside, finding.mask(views[view].geometry))
        assert inside[round(finding.peak_row), round(finding.peak_column)]
        (source,) = named(group, REGION)[0].ContentSequence[0].ReferencedSOPSequence
        image = dcmread(result.exam.path(view), stop_before_pixels=True)
        assert source.ReferencedSOPClassUID == image.SOPClassUID
        assert source.ReferencedSOPInstanceUID == image.SOPInstanceUID


def with_corner(
    found: ViewResult, view: View, shape: tuple[int, int], orientation: Orientation, pixel_aspect: float
) -> ViewResult:
    """A result with two findings: one of three cells around a corner, and one of a single cell."""
    geometry = ViewGeometry.fit(
        shape, orientation=orientation, laterality=view.laterality, input_size=320, pixel_aspect=pixel_aspect
    )
    dib = torch.full((16, 16), -1.0)
    dib[2, 8], dib[2, 7], dib[1, 8], dib[4, 8] = 4, 3.5, 3.5, 3
    findings = find_regions(dib, geometry, candidates=geometry.cells_inside((16, 16)), threshold=2.5)
    return replace(found, geometry=geometry, dib=dib, findings=findings)


def test_findings_say_what_was_found(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    material = Material(exam_on_disk)
    report, _ = written(material, tmp_path)
    groups = named(report, GROUP)
    for group, (view, found) in zip(groups, exam_on_disk.views.items(), strict=True):
        (finding,), (tracking,) = found.findings, material.tracking[view]
        assert number(group, PROBABILITY) == (pytest.approx(100 * finding.score), "%")
        assert 50 < 100 * finding.score < 100
        assert texts(group, TRACKING_NAME) == [tracking.identifier] == [f"{view} finding 1"]
        assert tracking.uid == value(group, TRACKING_UID)
        assert value(group, FINDING) == "111099"  # PS3.16 CID 6014, Selected region
        assert value(group, SITE) == "76752008"  # Breast
        assert SIDES[value(group, LATERALITY)] == view.laterality
    assert value(report, SUMMARY) == "111242"
    assert report.ConceptNameCodeSequence[0].CodeValue == "126000"
    assert texts(report, COMMENT)[:2] == [NOTICE, "Findings in RCC, RMLO, LCC, LMLO: 4."]
    # 4 is the exam's highest peak, so the threshold is the floor, log(10).
    assert texts(report, PARAMETERS)[1] == "Findings: log-odds of 2.30 or more, at most 3 a view"


def test_exam_without_findings(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    report, _ = written(Material(without_findings(exam_on_disk)), tmp_path)
    assert named(report, GROUP) == []
    assert value(report, SUMMARY) == "111241"
    assert texts(report, COMMENT) == [NOTICE, "Findings in RCC, RMLO, LCC, LMLO: none."]
    assert report.ConceptNameCodeSequence[0].CodeValue == "126001"  # viewers show it as text
    assert len(named(report, LIBRARY_GROUP)[0].ContentSequence) == 4


def test_exam_report_has_all_scores(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    _, report = written(Material(exam_on_disk), tmp_path)
    groups = named(report, GROUP)
    scores = {texts(group, TRACKING_NAME)[0]: number(group, PROBABILITY) for group in groups}
    assert scores == {
        "Exam": (62.5, "%"),
        "Right breast": (12.5, "%"),
        "Left breast": (87.5, "%"),
        "RCC view": (25, "%"),
        "RMLO view": (50, "%"),
        "LCC view": (75, "%"),
        "LMLO view": (100, "%"),
    }
    laterality = [value(group, LATERALITY) for group in groups]
    assert laterality[0] == "51440002"  # Bilateral
    assert [SIDES[code] for code in laterality[1:]] == ["R", "L", "R", "R", "L", "L"]
    for group, view in zip(groups[3:], VIEWS, strict=True):
        image = dcmread(exam_on_disk.exam.path(view), stop_before_pixels=True)
        assert named(group, "121112")[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID
    comments = texts(report, COMMENT)
    assert comments[0] == NOTICE and "no operating point" in comments[1]
    assert comments[2:] == ["Missing views: none.", "Warning: a warning"]


def test_exam_of_one_side_says_what_is_missing(exam_from: ExamFrom, tmp_path: Path) -> None:
    findings, report = written(Material(exam_from({}, views=(View.LCC,))), tmp_path)
    names = [texts(group, TRACKING_NAME)[0] for group in named(report, GROUP)]
    assert names == ["Exam", "Left breast", "LCC view"]
    assert {value(site, LATERALITY) for site in named(report, SITE)} == {"7771000"}
    assert "Missing views: RCC, RMLO, LMLO." in texts(report, COMMENT)
    assert [texts(group, TRACKING_NAME)[0] for group in named(findings, GROUP)] == ["LCC finding 1"]


def test_reports_say_where_they_are_from(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    reports = written(Material(exam_on_disk), tmp_path)
    images = [dcmread(exam_on_disk.exam.path(view), stop_before_pixels=True) for view in VIEWS]
    for report in reports:
        assert report.SOPClassUID == report.file_meta.MediaStorageSOPClassUID == Comprehensive3DSRStorage
        assert report.file_meta.MediaStorageSOPInstanceUID == report.SOPInstanceUID
        assert study_of(report) == study_of(images[0])
        assert (report.Modality, report.VerificationFlag, report.CompletionFlag) == ("SR", "UNVERIFIED", "COMPLETE")
        (study,) = report.CurrentRequestedProcedureEvidenceSequence
        assert "PertinentOtherEvidenceSequence" not in report
        cited = [item.ReferencedSOPInstanceUID for item in study.ReferencedSeriesSequence[0].ReferencedSOPSequence]
        assert cited == [image.SOPInstanceUID for image in images]
        assert cited_in(report) == set(cited)
        (equipment,) = report.ContributingEquipmentSequence
        assert "ab" * 32 in equipment.ContributionDescription and equipment.SoftwareVersions[0] == "0.1.0"
        assert texts(report, "111001") == ["dib-mg"] and texts(report, "111003") == ["0.1.0"]
        assert texts(report, PARAMETERS)[0] == "Weights: SHA-256 " + "ab" * 32
        assert value(report, "121005") == "121007"  # Observer Type: Device
        assert texts(report, "121016") == ["ab" * 8] and "research use only" in texts(report, "121013")[0]
        assert "AI" in report.SeriesDescription and "research use only" in report.SeriesDescription
        assert {item.ContinuityOfContent for item in walk(report) if item.ValueType == "CONTAINER"} == {"SEPARATE"}
    findings, exam = reports
    assert (findings.SeriesNumber, exam.SeriesNumber) == (9002, 9003)
    assert len({findings.SeriesInstanceUID, exam.SeriesInstanceUID, images[0].SeriesInstanceUID}) == 3


def test_findings_report_lists_the_images_with_their_views(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    report, _ = written(Material(exam_on_disk), tmp_path)
    library = named(report, LIBRARY_GROUP)[0].ContentSequence
    listed = [dcmread(exam_on_disk.exam.path(view), stop_before_pixels=True).SOPInstanceUID for view in VIEWS]
    assert [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in library] == listed
    cc, mlo = "399162004", "399368009"  # PS3.16 CID 4014
    views = [(SIDES[value(item, "111027")], value(item, "111031")) for item in library]
    assert views == [("R", cc), ("R", mlo), ("L", cc), ("L", mlo)]


def test_observer_is_the_same_for_the_same_weights_alone(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    other = replace(exam_on_disk, model=ModelInfo("dib-mg", "0.1.0", "cd" * 32))
    first, second, third = (
        value(report, "121012")
        for result in (exam_on_disk, other)
        for report in written(Material(result), tmp_path)[: 2 if result is exam_on_disk else 1]
    )
    assert first == second != third and first.is_valid


def test_images_of_several_studies(
    exam_on_disk: ExamResult, make_mammogram: Callable[..., Dataset], tmp_path: Path
) -> None:
    for number_, view in enumerate(VIEWS[1:], start=2):
        path = exam_on_disk.exam.path(view)
        make_mammogram(path, view, StudyInstanceUID=f"1.2.{number_}", PatientID=f"P{number_}")
    StructuredReports().write(Material(exam_on_disk), tmp_path)
    names = ["findings_sr.dcm", "findings_sr-2.dcm", "findings_sr-3.dcm", "findings_sr-4.dcm", "exam_sr.dcm"]
    assert sorted(path.name for path in tmp_path.glob("*.dcm")) == sorted(names) == sorted(StructuredReports.names)
    for name, view in zip(names, VIEWS, strict=False):
        report, image = dcmread(tmp_path / name), dcmread(exam_on_disk.exam.path(view), stop_before_pixels=True)
        assert study_of(report) == study_of(image)
        assert [texts(group, TRACKING_NAME)[0] for group in named(report, GROUP)] == [f"{view} finding 1"]
        (study,) = report.CurrentRequestedProcedureEvidenceSequence
        assert study.StudyInstanceUID == image.StudyInstanceUID
    exam = dcmread(tmp_path / "exam_sr.dcm")
    assert exam.StudyInstanceUID == "2.25.1"
    assert [item.StudyInstanceUID for item in exam.CurrentRequestedProcedureEvidenceSequence] == ["2.25.1"]
    assert [item.StudyInstanceUID for item in exam.PertinentOtherEvidenceSequence] == ["1.2.2", "1.2.3", "1.2.4"]
    assert dciodvfy_errors(tmp_path / "exam_sr.dcm", iod="Comprehensive3DSR") == []


def test_wrong_values_of_the_source_are_kept_without_a_word(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    """A warning would quote them."""
    path = exam_on_disk.exam.path(View.RCC)
    image = dcmread(path)
    with disable_value_validation():
        image.PatientSex, image.PatientBirthDate, image.SOPInstanceUID = "W", "1960", "1.2.03"
        image.save_as(path)
    with warnings.catch_warnings(action="error"):
        StructuredReports().write(Material(exam_on_disk), tmp_path)
    for name in REPORTS:
        with disable_value_validation():
            report = dcmread(tmp_path / name)
            assert (report.PatientSex, report["PatientBirthDate"].value) == ("W", "1960")
            assert "1.2.03" in cited_in(report)


def test_report_that_cannot_be_written(exam_on_disk: ExamResult, a_file: Path) -> None:
    with pytest.raises(FolderError, match=r"taken/findings_sr.dcm: cannot be written \(Not a directory\)"):
        StructuredReports().write(Material(exam_on_disk), a_file)
