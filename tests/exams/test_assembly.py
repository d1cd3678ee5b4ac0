import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.uid import ComputedRadiographyImageStorage, SecondaryCaptureImageStorage

from dibmg_monai.errors import ExamError, FolderError
from dibmg_monai.exams.assembly import Assembly, assemble, survey, write_manifest
from dibmg_monai.exams.exclusions import Answer, Criterion, Exclusions, Policy
from dibmg_monai.views import VIEWS, View
from tests.exams.conftest import STUDY, WriteImage, code_item

WriteStudy = Callable[..., None]
CBIS_VIEWS = {View.RCC: "RIGHT_CC", View.RMLO: "RIGHT_MLO", View.LCC: "LEFT_CC", View.LMLO: "LEFT_MLO"}
EARLY, LATE = {"AcquisitionDate": "20200101"}, {"AcquisitionDate": "20200102"}
DISPLACED = {"ViewCodeSequence": [code_item("399162004", modifiers=(code_item("399209000"),))]}


def codes(assembly: Assembly) -> dict[str, str]:
    return {entry.file.as_posix(): entry.code for entry in assembly.manifest}


def reason(assembly: Assembly, file: str) -> str:
    return next(entry.reason for entry in assembly.manifest if entry.file.as_posix() == file)


def test_one_study_of_four_views_among_other_files(write_study: WriteStudy, tmp_path: Path) -> None:
    write_study("deep/below")
    (tmp_path / "notes.txt").write_text("no image")
    assembly = assemble(tmp_path)
    (exam,) = assembly.exams
    assert (exam.exam_id, exam.root, exam.label, exam.warnings) == (STUDY, tmp_path, None, ())
    assert exam.files == {view: Path(f"deep/below/{view}.dcm") for view in VIEWS}
    assert [entry.file.as_posix() for entry in assembly.manifest] == [
        *sorted(f"deep/below/{view}.dcm" for view in VIEWS),
        "notes.txt",
    ]
    used = {entry.file: (entry.exam_id, entry.view, entry.code) for entry in assembly.manifest}
    assert used[Path("deep/below/LCC.dcm")] == (STUDY, View.LCC, "used")
    assert used[Path("notes.txt")] == (None, None, "not-dicom")


def test_studies_and_patients_are_kept_apart(write_study: WriteStudy, tmp_path: Path) -> None:
    write_study("one", StudyInstanceUID="1.2.3", PatientID="SECRET-A")
    write_study("two", StudyInstanceUID="1.2.4", PatientID="SECRET-A")
    write_study("three", StudyInstanceUID="1.2.3", PatientID="SECRET-B")
    exams = assemble(tmp_path).exams
    assert [exam.exam_id for exam in exams] == ["1.2.3", "1.2.3-2", "1.2.4"]
    shared = ("StudyInstanceUID (0020,000D) is shared by 2 patients, told apart by PatientID (0010,0020)",)
    assert [exam.warnings for exam in exams] == [shared, shared, ()]
    assert [exam.files[View.RCC].parent.name for exam in exams] == ["one", "three", "two"]
    assert all(not exam.missing_views for exam in exams)


def test_views_of_one_study_may_lie_in_several_folders(write_image: WriteImage, tmp_path: Path) -> None:
    for index, view in enumerate(VIEWS):
        write_image(f"series{index}/1", view=view)
    (exam,) = assemble(tmp_path).exams
    assert not exam.missing_views


def test_cbis_ddsm_images_are_joined_by_case(write_cbis: Callable[..., Path], tmp_path: Path) -> None:
    for case in ("P_00820", "P_00173"):
        for view, name in CBIS_VIEWS.items():
            write_cbis(f"{case}-{view}.dcm", f"Mass-Test_{case}_{name}")
    write_cbis("crop.dcm", "Mass-Test_P_00820_LEFT_CC_1")
    write_cbis("again.dcm", "Calc-Training_P_00820_LEFT_CC")
    assembly = assemble(tmp_path)
    assert [exam.exam_id for exam in assembly.exams] == ["P_00173", "P_00820"]
    assert all(not exam.missing_views for exam in assembly.exams)
    assert codes(assembly)["crop.dcm"] == "region"
    assert sorted(code for code in codes(assembly).values() if code != "used") == ["region", "repeated-view"]
    assert assembly.exams[0].warnings == (
        "RCC, RMLO, LCC, LMLO: Secondary Capture Image Storage, not Digital Mammography: its gray scale may be another",
    )


def test_absent_views_are_named_with_what_was_refused(write_image: WriteImage, tmp_path: Path) -> None:
    write_image("a.dcm", view="RCC")
    write_image("raw.dcm", view="LMLO", PresentationIntentType="FOR PROCESSING")
    cut = write_image("cut.dcm", view="LCC")
    cut.write_bytes(cut.read_bytes()[:-10])
    assembly = assemble(tmp_path)
    (exam,) = assembly.exams
    assert exam.missing_views == (View.RMLO, View.LCC, View.LMLO)
    assert exam.warnings == (
        "RMLO is missing",
        "LCC is missing; refused: cut.dcm (truncated)",
        "LMLO is missing; refused: raw.dcm (for-processing)",
    )


@pytest.mark.parametrize(
    ("better", "worse", "why"),
    [
        ({}, DISPLACED, "a standard, unmodified view"),
        ({}, {"PartialView": "YES"}, "not a partial view"),
        ({}, {"SOPClassUID": SecondaryCaptureImageStorage}, "a Digital Mammography image"),
        ({}, {"SOPClassUID": ComputedRadiographyImageStorage}, "a Digital Mammography image"),
        ({}, {"SeriesDescription": "C-View"}, "an exposure, not synthesized"),
        ({}, {"ImageType": ["ORIGINAL", "PRIMARY", "", "", "LOW_ENERGY"]}, "taken without contrast agent"),
        ({}, {"ViewPosition": "LCC"}, "the same view by all it says"),
        ({}, {"BurnedInAnnotation": "YES"}, "without marks in its pixels"),
        ({**LATE, "SOPInstanceUID": "1.2.8"}, {**EARLY, "SOPInstanceUID": "1.2.9"}, "acquired later"),
        ({"SOPInstanceUID": "1.2.9"}, {"SOPInstanceUID": "1.2.8"}, "the last by SOPInstanceUID (0008,0018)"),
        # the rule's order: what comes first in it outweighs all that follows
        ({"PartialView": "YES", **EARLY}, {**LATE, **DISPLACED}, "a standard, unmodified view"),
        ({"SeriesDescription": "C-View", **EARLY}, {"PartialView": "YES", **LATE}, "not a partial view"),
        (
            {"SeriesDescription": "C-View", **EARLY},
            {"SOPClassUID": SecondaryCaptureImageStorage, **LATE},
            "a Digital Mammography image",
        ),
        (EARLY, {"SeriesDescription": "C-View", **LATE}, "an exposure, not synthesized"),
    ],
)
@pytest.mark.parametrize("names", [("a.dcm", "b.dcm"), ("b.dcm", "a.dcm")], ids=["first", "last"])
def test_choice_among_images_of_one_view(
    better: dict, worse: dict, why: str, names: tuple[str, str], write_image: WriteImage, tmp_path: Path
) -> None:
    best, other = names
    write_image(best, **better)
    write_image(other, **worse)
    assembly = assemble(tmp_path)
    assert codes(assembly) == {best: "used", other: "repeated-view"}
    assert f"shows RCC again; {best} is used: it is {why}" in reason(assembly, other)


def test_one_image_under_two_names(write_image: WriteImage, tmp_path: Path) -> None:
    content = write_image("b.dcm").read_bytes()
    (tmp_path / "a").mkdir()
    (tmp_path / "a/copy").write_bytes(content)
    (tmp_path / "cut.dcm").write_bytes(content[:-10])
    assembly = assemble(tmp_path)
    assert codes(assembly) == {"a/copy": "used", "b.dcm": "duplicate", "cut.dcm": "truncated"}
    assert reason(assembly, "b.dcm") == "has the SOPInstanceUID (0008,0018) of a/copy, which is used"


def test_other_files_of_a_study_are_no_patients(
    write_study: WriteStudy, write_image: WriteImage, tmp_path: Path
) -> None:
    write_study("a", PatientID="SECRET-B")
    write_image("report.dcm", Modality="SR", PatientID="SECRET-A")
    (exam,) = assemble(tmp_path).exams
    assert (exam.exam_id, exam.warnings) == (STUDY, ())


def test_two_images_under_one_uid(write_image: WriteImage, tmp_path: Path) -> None:
    write_image("a.dcm", SOPInstanceUID="1.2.3", PartialView="YES")
    write_image("b.dcm", SOPInstanceUID="1.2.3")
    write_image("c.dcm", SOPInstanceUID="1.2.3", view="RMLO")
    assembly = assemble(tmp_path)
    assert codes(assembly) == {"a.dcm": "duplicate-uid", "b.dcm": "used", "c.dcm": "used"}
    why = "has the SOPInstanceUID (0008,0018) of b.dcm, which is used, but the two files differ"
    assert reason(assembly, "a.dcm").startswith(why)
    (exam,) = assembly.exams
    assert exam.warnings[2].startswith(f"RCC: a.dcm {why}")
    assert exam.warnings[3] == "RCC, RMLO: have the same SOPInstanceUID (0008,0018)"


def test_images_without_instance_uid_are_no_duplicates(write_image: WriteImage, tmp_path: Path) -> None:
    for name in ("b.dcm", "a.dcm"):
        path = write_image(name, SOPInstanceUID="1.2.3")
        path.write_bytes(path.read_bytes().replace(b"\x08\x00\x18\x00UI\x06\x001.2.3\x00", b""))
    assembly = assemble(tmp_path)
    assert codes(assembly) == {"a.dcm": "used", "b.dcm": "repeated-view"}
    assert reason(assembly, "b.dcm").endswith("a.dcm is used: it is the first by file name")


def test_exams_that_the_paper_excluded_are_reported(write_study: WriteStudy, tmp_path: Path) -> None:
    write_study("a", BreastImplantPresent="YES")
    write_study("b", StudyInstanceUID="1.2.3")
    with_implant, other = sorted(assemble(tmp_path).exams, key=lambda exam: exam.files[View.RCC])
    place = "BreastImplantPresent (0028,1300) of a/LCC.dcm"
    assert with_implant.exclusions[Criterion.IMPLANT] == Answer("yes", place)
    assert with_implant.warnings == (f"the paper excluded such exams: implant, by {place} (Kim 2018, Data collection)",)
    assert {answer.value for answer in other.exclusions.values()} == {"unknown"}
    assert other.warnings == ()


def test_exams_that_the_paper_excluded_are_refused(write_study: WriteStudy, tmp_path: Path) -> None:
    write_study("a")
    write_study("b", StudyInstanceUID="1.2.3")
    table = {STUDY: {Criterion.SURGERY: Answer("yes", "line 2 of known.csv")}}
    assembly = assemble(tmp_path, exclusions=Exclusions(Policy.REFUSE, table))
    assert [exam.exam_id for exam in assembly.exams] == ["1.2.3"]
    assert {code for file, code in codes(assembly).items() if file.startswith("a")} == {"excluded"}
    assert reason(assembly, "a/RCC.dcm") == (
        "its exam is excluded: surgery, by line 2 of known.csv (Kim 2018, Data collection)"
    )


def test_a_refused_image_tells_of_the_implant_too(write_image: WriteImage, tmp_path: Path) -> None:
    write_image("a.dcm")
    write_image("spot.dcm", view="RMLO", ViewPosition="MLOIDSPOT")
    write_image("us.dcm", Modality="US", SeriesDescription="cine clip")
    (exam,) = assemble(tmp_path).exams
    assert exam.exclusions[Criterion.IMPLANT] == Answer("yes", "ViewPosition (0018,5101) of spot.dcm")
    assert exam.exclusions[Criterion.CLIP_OR_MARKER] == Answer()


def test_cautions_name_their_views_once(write_image: WriteImage, tmp_path: Path) -> None:
    for view in VIEWS:
        write_image(f"{view}.dcm", view=view, **({"PartialView": "YES"} if view.startswith("L") else {}))
    (exam,) = assemble(tmp_path).exams
    assert exam.warnings == ("LCC, LMLO: not all of the breast is on it, by PartialView (0028,1350)",)


def test_the_same_files_give_the_same_assembly_whatever_their_order_on_disk(
    write_study: WriteStudy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_study("b")
    write_study("a", StudyInstanceUID="1.2.3")
    write_study("c", StudyInstanceUID="1.2.3")
    expected = assemble(tmp_path)
    iterdir = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: reversed(sorted(iterdir(path))))
    assert assemble(tmp_path) == expected


def test_one_file_is_a_study_of_one_image(write_study: WriteStudy, tmp_path: Path) -> None:
    write_study("a")
    (exam,) = assemble(tmp_path / "a/LCC.dcm").exams
    assert exam.path(View.LCC) == tmp_path / "a/LCC.dcm"
    assert len(exam.missing_views) == 3


def test_a_folder_without_any_exam(write_image: WriteImage, tmp_path: Path) -> None:
    write_image("ct.dcm", Modality="CT")
    write_image("mr.dcm", Modality="MR")
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(
        ExamError, match=r"has no mammography exam, only 1 not-dicom \(notes.txt: .*\), 2 not-mammogram \(ct.dcm: "
    ) as caught:
        assemble(tmp_path)
    assert "at least one DICOM mammogram" in str(caught.value)
    assert codes(survey(tmp_path)) == {"ct.dcm": "not-mammogram", "mr.dcm": "not-mammogram", "notes.txt": "not-dicom"}


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="there is no such folder"):
        assemble(tmp_path / "nowhere")


def test_a_locked_folder_is_in_the_manifest(
    write_study: WriteStudy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write_study("a")
    (tmp_path / "locked").mkdir()
    iterdir = Path.iterdir

    def fail_in_locked(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", fail_in_locked)
    assembly = assemble(tmp_path)
    assert codes(assembly)["locked"] == "unreadable"
    assert reason(assembly, "locked") == "cannot be opened: Permission denied"


def test_manifest(write_image: WriteImage, tmp_path: Path) -> None:
    write_image(
        "study/a.dcm", PatientID="SECRET", PatientName="SECRET", AcquisitionDate="19991231", BreastImplantPresent="NO"
    )
    write_image("study/b.dcm", Modality="CT")
    path = tmp_path / "new/folder/manifest.json"
    write_manifest(assemble(tmp_path / "study"), path=path)
    manifest = json.loads(path.read_text())
    assert (manifest["format"], manifest["version"]) == ("dibmg-manifest", 1)
    assert manifest["exams"] == [
        {
            "exam_id": STUDY,
            "views": {"RCC": "a.dcm"},
            "missing_views": ["RMLO", "LCC", "LMLO"],
            "warnings": ["RMLO is missing", "LCC is missing", "LMLO is missing"],
            "exclusions": {
                "surgery": {"answer": "unknown", "place": None},
                "implant": {"answer": "no", "place": "BreastImplantPresent (0028,1300) of every view"},
                "clip_or_marker": {"answer": "unknown", "place": None},
            },
        }
    ]
    assert manifest["files"][0] == {
        "file": "a.dcm",
        "used": True,
        "exam_id": STUDY,
        "view": "RCC",
        "code": "used",
        "reason": f"is used as RCC of exam {STUDY}",
    }
    refused = manifest["files"][1]
    assert (refused["used"], refused["exam_id"], refused["view"], refused["code"]) == (
        False,
        None,
        None,
        "not-mammogram",
    )
    assert "SECRET" not in path.read_text()
    assert "1999" not in path.read_text()


def test_manifest_that_cannot_be_written(write_study: WriteStudy, tmp_path: Path) -> None:
    write_study("a")
    (tmp_path / "file").touch()
    with pytest.raises(FolderError, match=r"file/manifest.json: cannot be written"):
        write_manifest(assemble(tmp_path / "a"), path=tmp_path / "file/manifest.json")
