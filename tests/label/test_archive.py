"""Exams in an archive with DICOMweb, Debian's Orthanc: ``make test-label``."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from dibmg_monai.exams.assembly import assemble
from dibmg_monai.exams.exam import Exam
from dibmg_monai.views import View
from dibmg_monai.weights import load_predictor
from tests.label.conftest import BUNDLE, MALIGNANT
from tests.label.server import Server, running_server
from tests.pacs.orthanc import Orthanc, obstacle, running_orthanc
from tests.pacs.planted_exam import phantom

pytest.importorskip("monailabel", reason="needs MONAI Label, which has an environment of its own: make test-label")
import SimpleITK

NAMED = "DOE^JANE"


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    if reason := obstacle():
        pytest.skip(reason)
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as orthanc:
        yield orthanc


@pytest.fixture(scope="module")
def exam(orthanc: Orthanc, exams: dict[str, Exam], tmp_path_factory: pytest.TempPathFactory) -> Exam:
    """An exam in the archive, each view a series, beside a film of another exam."""
    folder = tmp_path_factory.mktemp("exam")
    exam = phantom(folder, rows=300, seed=3, cancer=True)
    images = [dcmread(exam.path(view)) for view in View]
    for image in images:
        image.PatientName = NAMED
    film = dcmread(exams[MALIGNANT].path(View.LCC))
    orthanc.dicomweb.store_instances([*images, film])
    (exam,) = assemble(exam.path(View.RCC).parent).exams
    return exam


@pytest.fixture(scope="module")
def archive(orthanc: Orthanc, exam: Exam, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("archive"), f"{orthanc.url}/dicom-web") as server:
        yield server


def test_studies_with_mammograms_are_the_exams(archive: Server, exam: Exam, exams: dict[str, Exam]) -> None:
    film = dcmread(exams[MALIGNANT].path(View.LCC), stop_before_pixels=True)
    found = archive.ask("GET", "/datastore/?output=all").json()["objects"]
    assert set(found) == {exam.exam_id, film.StudyInstanceUID}


def test_a_study_is_scored_as_its_files_are(archive: Server, exam: Exam) -> None:
    found, result = archive.infer("dib_mg", image=exam.exam_id).json(), load_predictor(BUNDLE)(exam)
    assert found["score"] == pytest.approx(result.score, abs=1e-6)
    assert found["missing_views"] == []
    sample = archive.ask("GET", "/datastore/image/info", params={"image": exam.exam_id}).json()
    assert sample["StudyInstanceUID"] == exam.exam_id  # which OHIF opens


@pytest.mark.parametrize("view", View)
def test_a_series_means_its_view_of_the_exam(archive: Server, exam: Exam, tmp_path: Path, view: View) -> None:
    """As OHIF asks for it."""
    source = dcmread(exam.path(view), stop_before_pixels=True)
    answer = archive.infer("dib_mg_map", image=source.SeriesInstanceUID, output="image")
    (tmp_path / "map.nrrd").write_bytes(answer.content)
    assert SimpleITK.ReadImage(str(tmp_path / "map.nrrd")).GetSize() == (source.Columns, source.Rows, 1)
    info = archive.ask("GET", "/datastore/image/info", params={"image": source.SeriesInstanceUID}).json()
    assert (info["exam_id"], info["view"]) == (exam.exam_id, view)


def test_results_go_into_the_archive(archive: Server, orthanc: Orthanc, exam: Exam) -> None:
    archive.infer("dib_mg", image=exam.exam_id, params={"store": "sc,seg,sr"})
    assert (
        len(orthanc.dicomweb.search_for_instances(exam.exam_id)) >= 4 + 9
    )  # of each view a picture and a map; a report
    found = orthanc.dicomweb.search_for_series(exam.exam_id)
    assert {series["00080060"]["Value"][0] for series in found} == {"MG", "OT", "SEG", "SR"}


def test_labels_in_an_archive_make_a_datalist(archive: Server, exam: Exam) -> None:
    archive.label(exam.exam_id, '{"label": "cancer"}')
    (entry,) = archive.ask("GET", "/datastore/?output=train").json()["training"]
    assert entry["label"] == 1
    for view in View:
        loaded = dcmread(archive.work / "archive" / entry[view])
        assert loaded.SOPInstanceUID == dcmread(exam.path(view), stop_before_pixels=True).SOPInstanceUID


def test_the_log_names_no_patient(archive: Server) -> None:
    assert NAMED not in archive.log.read_text()


def test_an_archive_that_is_none_is_said(orthanc: Orthanc, tmp_path: Path) -> None:
    with running_server(tmp_path, f"{orthanc.url}/nowhere") as server:
        answers = [server.ask("GET", "/info/", status=400), server.infer("dib_mg", image="1.2.3", status=400)]
    for answer in answers:
        assert "/nowhere: does not answer as DICOMweb does (HTTPError)" in answer.json()["detail"]
