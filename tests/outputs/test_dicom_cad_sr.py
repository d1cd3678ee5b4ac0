import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.sr.codedict import codes
from pydicom.uid import DigitalMammographyXRayImageStorageForPresentation

from dibmg_monai.errors import FolderError
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs import content_items as items
from dibmg_monai.outputs.content_items import Relationship
from dibmg_monai.outputs.dicom_cad_sr import CadReport
from dibmg_monai.outputs.material import Material
from dibmg_monai.views import VIEWS, View
from tests.outputs.content_tree import image_of, named, value
from tests.outputs.pixelmed import needs_pixelmed, pixelmed_errors
from tests.outputs.sources import SOURCES, source_name
from tests.outputs.validators import dciodvfy_errors, dcsrdump

ExamFrom = Callable[..., ExamResult]
MakeMammogram = Callable[..., Dataset]
needs_dcmtk = pytest.mark.skipif(shutil.which("dsrdump") is None, reason="needs dcmtk's dsrdump")
# What dsrdump says of every report of this kind.
DSRDUMP_ALWAYS = {
    "W: The VR checker does not support this Specific Character Set: ISO_IR 192",
    "W: Check for template constraints not yet supported",
}
KINDS: dict[str, tuple[tuple[View, ...], bool]] = {  # views; whether something was found
    "four views": (VIEWS, True),
    "one view": ((View.LCC,), True),
    "nothing found": (VIEWS, False),
    "one breast, nothing found": ((View.RCC, View.RMLO), False),
}
CASES = pytest.mark.parametrize(
    ("values", "kind"),
    [(values, kind) for values in SOURCES.values() for kind in KINDS],
    ids=[f"{name}, {kind}" for name in SOURCES for kind in KINDS],
)


@pytest.fixture
def make_case(exam_from: ExamFrom) -> ExamFrom:
    def make(values: dict[str, Any], kind: str = "four views") -> ExamResult:
        views, found = KINDS[kind]
        result = exam_from(values, views=views)
        return result if found else without_findings(result)

    return make


def without_findings(result: ExamResult) -> ExamResult:
    return replace(result, views={view: replace(found, findings=()) for view, found in result.views.items()})


def write(material: Material | ExamResult, folder: Path) -> FileDataset:
    material = material if isinstance(material, Material) else Material(material)
    CadReport().write(material, folder)
    return dcmread(folder / "cad_sr.dcm")


def dsrdump_errors(path: Path) -> list[str]:
    """The errors and warnings of dcmtk, without those that it always has."""
    ran = subprocess.run(["dsrdump", path], capture_output=True, text=True, errors="replace", check=False)
    return [line for line in ran.stderr.splitlines() if line and line not in DSRDUMP_ALWAYS]


@CASES
def test_standard_is_kept(values: dict[str, Any], kind: str, make_case: ExamFrom, tmp_path: Path) -> None:
    report = write(make_case(values, kind), tmp_path)
    assert dciodvfy_errors(tmp_path / "cad_sr.dcm", iod="MammographyCADSR") == []
    assert "Mammography CAD Report" in dcsrdump(tmp_path / "cad_sr.dcm")
    assert report.PatientName == source_name(values)


@needs_dcmtk
@CASES
def test_dcmtk_reads_it(values: dict[str, Any], kind: str, make_case: ExamFrom, tmp_path: Path) -> None:
    write(make_case(values, kind), tmp_path)
    assert dsrdump_errors(tmp_path / "cad_sr.dcm") == []


@needs_pixelmed
@pytest.mark.parametrize(
    ("name", "kind"), [*((name, "four views") for name in SOURCES), *(("ordinary", kind) for kind in list(KINDS)[1:])]
)
def test_templates_are_followed(name: str, kind: str, make_case: ExamFrom, tmp_path: Path) -> None:
    write(make_case(SOURCES[name], kind), tmp_path)
    assert pixelmed_errors(tmp_path / "cad_sr.dcm") == []


@pytest.mark.parametrize(
    "keyword",
    [
        "CompletionFlag",
        "ContentDate",
        "ContentTime",
        "InstanceNumber",
        "Modality",
        "PerformedProcedureCodeSequence",
        "ReferencedPerformedProcedureStepSequence",
        "VerificationFlag",
    ],
)
def test_dciodvfy_misses_each_attribute(keyword: str, exam_on_disk: ExamResult, tmp_path: Path) -> None:
    report = write(exam_on_disk, tmp_path)
    delattr(report, keyword)
    report.save_as(tmp_path / "bad.dcm")
    assert dciodvfy_errors(tmp_path / "bad.dcm", iod="MammographyCADSR") != []


@needs_dcmtk
def test_dcmtk_misses_an_image(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    report = write(exam_on_disk, tmp_path)
    del report.ContentSequence[1].ContentSequence[-1]
    report.save_as(tmp_path / "bad.dcm")
    assert any("1.2.4" in line and "does not exist" in line for line in dsrdump_errors(tmp_path / "bad.dcm"))


@needs_pixelmed
@pytest.mark.parametrize("kind", ["probability", "observer", "description", "order"])
def test_pixelmed_sees_what_the_templates_have_no_room_for(kind: str, exam_on_disk: ExamResult, tmp_path: Path) -> None:
    report = write(exam_on_disk, tmp_path)
    finding, *_ = named(report, "111059")
    parts, dcm = finding.ContentSequence, codes.DCM
    expected = {
        "probability": "Conditional content item present when condition not satisfied",
        "observer": "Content Item not in template",
        "description": "Missing required content item",
        "order": "Content Item not in template row order",
    }[kind]
    if kind == "probability":
        unit = codes.UCUM.Percent
        parts.insert(6, items.number(Relationship.HAS_PROPERTIES, dcm.ProbabilityOfCancer, 70.0, unit=unit))
    elif kind == "observer":
        report.ContentSequence.append(items.code(Relationship.HAS_OBS_CONTEXT, dcm.ObserverType, dcm.Device))
    elif kind == "description":
        parts.remove(named(finding, "111058")[0])
    else:
        parts[1], parts[2] = parts[2], parts[1]
    report.save_as(tmp_path / "bad.dcm")
    assert any(expected in line for line in pixelmed_errors(tmp_path / "bad.dcm"))


def test_places_are_on_the_image_that_they_were_found_in(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    report = write(exam_on_disk, tmp_path)
    for finding, view in zip(named(report, "111059"), VIEWS, strict=True):
        image = image_of(report, *named(finding, "111041"))
        reference = image.ReferencedSOPSequence[0]
        assert reference.ReferencedSOPInstanceUID == dcmread(exam_on_disk.exam.path(view)).SOPInstanceUID
        assert reference.ReferencedSOPClassUID == DigitalMammographyXRayImageStorageForPresentation
        assert value(image, "111027") == {"R": "73056007", "L": "80248007"}[view.laterality]
        assert value(image, "111031") == {"CC": "399162004", "MLO": "399368009"}[view.projection]
        found = exam_on_disk.views[view].findings[0]
        _, vertices = value(finding, "111041")
        np.testing.assert_allclose(vertices[:-1], found.outline[:, ::-1] + 0.5, rtol=1e-6)


def test_findings_say_what_they_are(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    material = Material(exam_on_disk)
    report = write(material, tmp_path)
    impressions = named(report, "111034")
    assert value(report, "111017") == "111242"  # all algorithms succeeded; with findings
    assert [impression.RelationshipType for impression in impressions] == ["INFERRED FROM"] * 4
    for impression, view in zip(impressions, VIEWS, strict=True):
        (found,), (tracking,) = exam_on_disk.views[view].findings, material.tracking[view]
        (finding,) = named(impression, "111059")
        assert value(impression, "111059") == "111099"  # selected region
        assert [value(finding, code) for code in ("112039", "112040")] == [tracking.identifier, tracking.uid]
        assert [value(finding, code) for code in ("111001", "111003")] == ["dib-mg", "0.1.0"]
        percent, unit = value(finding, "111012")
        assert percent == pytest.approx(100 * found.score, abs=0.005) and 50 <= percent <= 100 and unit == "%"
        assert f"{found.peak_value:.2f}" in value(finding, "111058") and "Research use" in value(finding, "111058")
        assert [value(part, "111056") for part in impression.ContentSequence[:1]] == ["111150"]
        assert [value(part, "111056") for part in finding.ContentSequence[:1]] == ["111150"]


def test_several_findings_of_a_view_are_told_apart(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    once = exam_on_disk.views[View.RCC]
    twice = replace(once, findings=(*once.findings, replace(once.findings[0], score=0.75)))
    material = Material(replace(exam_on_disk, views={**exam_on_disk.views, View.RCC: twice}))
    first, second, *rest = named(write(material, tmp_path), "111059")
    assert len(rest) == 3
    assert [value(finding, "112039") for finding in (first, second)] == ["RCC finding 1", "RCC finding 2"]
    assert value(first, "112040") != value(second, "112040")
    assert value(second, "111012") == (75, "%")


@pytest.mark.parametrize(
    ("views", "said"),
    [(VIEWS, "Views: RCC, RMLO, LCC, LMLO; absent: none"), ((View.LCC,), "Views: LCC; absent: RCC, RMLO, LMLO")],
)
def test_detection_says_what_was_looked_at_and_how(
    views: tuple[View, ...], said: str, exam_from: ExamFrom, tmp_path: Path
) -> None:
    report = write(exam_from({}, views=views), tmp_path)
    assert (value(report, "111064"), value(report, "111065")) == ("111222", "111225")  # succeeded; not attempted
    (detection,) = named(report, "111022")
    assert value(detection, "111022") == "111099"
    parameters = [item.TextValue for item in named(detection, "111002")]
    assert f"Weights: SHA-256 {'ab' * 32}" in parameters and said in parameters
    assert "Research use only - not a medical device" in parameters
    assert any("log-odds of cancer 2.30 or more" in parameter for parameter in parameters)  # odds of 10 to 1
    references = [item for item in detection.ContentSequence if "ReferencedContentItemIdentifier" in item]
    positions = [list(item.ReferencedContentItemIdentifier) for item in references]
    assert positions == [[1, 2, number] for number in range(1, len(views) + 1)]


@pytest.mark.parametrize("kind", ["nothing found", "one breast, nothing found"])
def test_nothing_found_is_said(kind: str, make_case: ExamFrom, tmp_path: Path) -> None:
    report = write(make_case({}, kind), tmp_path)
    assert value(report, "111017") == "111241"  # all algorithms succeeded; without findings
    assert named(report, "111034") == named(report, "111059") == []
    assert value(report, "111064") == "111222"
    assert len(named(report, "111027")) == len(KINDS[kind][0])


def test_image_library_has_what_the_header_says(exam_from: ExamFrom, tmp_path: Path) -> None:
    report = write(exam_from(SOURCES["pixels that are not square"], views=(View.RCC,)), tmp_path)
    assert [value(report, code) for code in ("111044", "111043")] == ["P", "L"]
    assert [value(report, code) for code in ("111026", "111066")] == [(0.05, "mm"), (0.1, "mm")]
    unit = named(report, "111026")[0].MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0]
    assert unit.CodeMeaning == "millimeter"  # as PS3.16 has it, unlike pydicom


def test_image_library_leaves_out_what_the_header_lacks(exam_from: ExamFrom, tmp_path: Path) -> None:
    report = write(exam_from(SOURCES["CBIS-DDSM dialect"], views=(View.RMLO,)), tmp_path)
    assert [value(report, code) for code in ("111027", "111031")] == ["73056007", "399368009"]
    assert all(named(report, code) == [] for code in ("111044", "111043", "111026", "111066"))


def test_codes_are_plain_text_of_the_right_length(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    """pydicom's own meaning of 111034 has an invisible space."""
    report = write(exam_on_disk, tmp_path)
    meanings = [element.value for element in report.iterall() if element.keyword == "CodeMeaning"]
    assert len(meanings) > 100
    assert all(meaning.isascii() and meaning.isprintable() and len(meaning) <= 64 for meaning in meanings)


def test_report_says_what_it_is(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    original = dcmread(exam_on_disk.exam.path(View.RCC))
    report = write(exam_on_disk, tmp_path)
    assert report.SOPClassUID == report.file_meta.MediaStorageSOPClassUID == "1.2.840.10008.5.1.4.1.1.88.50"
    assert (report.StudyInstanceUID, report.PatientID) == (original.StudyInstanceUID, original.PatientID)
    assert (report.Modality, report.SeriesNumber, report.InstanceNumber) == ("SR", 9004, 1)
    assert all(word in report.SeriesDescription for word in ("AI", "DIB-MG", "research use only"))
    assert len(report.SeriesDescription) <= 64
    assert (report.CompletionFlag, report.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "4000"
    assert report.SpecificCharacterSet == "ISO_IR 192"
    assert "ab" * 32 in report.ContributingEquipmentSequence[0].ContributionDescription
    author = report.AuthorObserverSequence[0]
    assert (author.ObserverType, author.ManufacturerModelName) == ("DEV", "dib-mg") and author.DeviceUID.is_valid


def test_every_report_is_a_new_object_by_the_same_device(exam_on_disk: ExamResult, tmp_path: Path) -> None:
    first, second = write(exam_on_disk, tmp_path), write(exam_on_disk, tmp_path)
    assert first.SOPInstanceUID != second.SOPInstanceUID and first.SeriesInstanceUID != second.SeriesInstanceUID
    assert first.AuthorObserverSequence[0].DeviceUID == second.AuthorObserverSequence[0].DeviceUID


def instances(evidence: Dataset) -> dict[str, list[str]]:
    """SeriesInstanceUID -> the instances in it."""
    return {
        series.SeriesInstanceUID: [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence]
        for series in evidence.ReferencedSeriesSequence
    }


def test_images_are_evidence(exam_on_disk: ExamResult, make_mammogram: MakeMammogram, tmp_path: Path) -> None:
    make_mammogram(exam_on_disk.exam.path(View.LMLO), View.LMLO, SeriesInstanceUID="2.25.5")
    uids = [dcmread(exam_on_disk.exam.path(view)).SOPInstanceUID for view in VIEWS]
    report = write(exam_on_disk, tmp_path)
    (evidence,) = report.CurrentRequestedProcedureEvidenceSequence
    assert evidence.StudyInstanceUID == "2.25.1"
    assert instances(evidence) == {"2.25.2": uids[:3], "2.25.5": uids[3:]}
    assert "PertinentOtherEvidenceSequence" not in report


def test_images_of_other_studies_are_other_evidence(
    exam_on_disk: ExamResult, make_mammogram: MakeMammogram, tmp_path: Path
) -> None:
    for number, view in enumerate(VIEWS, start=6):
        make_mammogram(exam_on_disk.exam.path(view), view, StudyInstanceUID=f"2.25.{number}", PatientID=f"P{number}")
    uids = [dcmread(exam_on_disk.exam.path(view)).SOPInstanceUID for view in VIEWS]
    report = write(exam_on_disk, tmp_path)
    assert (report.StudyInstanceUID, report.PatientID) == ("2.25.6", "P6")
    (own,), others = report.CurrentRequestedProcedureEvidenceSequence, report.PertinentOtherEvidenceSequence
    assert [item.StudyInstanceUID for item in (own, *others)] == ["2.25.6", "2.25.7", "2.25.8", "2.25.9"]
    assert [instances(item) for item in (own, *others)] == [{"2.25.2": [uid]} for uid in uids]
    assert dciodvfy_errors(tmp_path / "cad_sr.dcm", iod="MammographyCADSR") == []


def test_uids_that_break_the_rules_are_kept_without_a_word(
    exam_from: ExamFrom, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    result = exam_from({}, views=(View.RCC,))
    path = result.exam.path(View.RCC)
    uid = dcmread(path).SOPInstanceUID
    odd = uid.replace("1.2.826.", "1.2.026.")
    path.write_bytes(path.read_bytes().replace(uid.encode(), odd.encode()))
    recwarn.clear()
    CadReport().write(Material(result), tmp_path)
    assert not recwarn.list
    (evidence,) = dcmread(tmp_path / "cad_sr.dcm").CurrentRequestedProcedureEvidenceSequence
    assert odd != uid and instances(evidence) == {"2.25.2": [odd]}


def test_report_that_cannot_be_written(exam_on_disk: ExamResult, a_file: Path) -> None:
    with pytest.raises(FolderError, match=r"taken/cad_sr.dcm: cannot be written \(Not a directory\)"):
        CadReport().write(Material(exam_on_disk), a_file)
