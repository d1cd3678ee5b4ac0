"""Results in a real archive, Debian's Orthanc: ``make test-pacs``."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from dibmg_monai.outputs.exam_files import PLAIN, WRITERS, Output
from dibmg_monai.pacs.node import Node
from dibmg_monai.pacs.send import Outcome, send
from tests.pacs.listening import wait_until
from tests.pacs.orthanc import AE_TITLE, DICOM_PORT, LOOPBACK, Orthanc, obstacle, running_orthanc
from tests.pacs.planted_exam import PATIENT_NAME, PlantedExam, phantom, write_planted_exam

if reason := obstacle():
    pytest.skip(reason, allow_module_level=True)

REPOSITORY = Path(__file__).parents[2]
ARCHIVE = Node(AE_TITLE, LOOPBACK, DICOM_PORT)
KINDS = [output for output in Output if output not in PLAIN]
MODALITIES = {Output.SC: "OT", Output.SEG: "SEG", Output.SR: "SR", Output.CADSR: "SR", Output.GSPS: "PR"}
NAME = "00100010"  # PatientName, in DICOM's JSON
UNCOMPRESSED = "application/octet-stream"
LISTENER, LISTENER_PORT = "DIBMG", 11112
QUIET, PATIENCE = 1, 120  # seconds


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running_orthanc(tmp_path_factory.mktemp("orthanc")) as orthanc:
        yield orthanc


@pytest.fixture(scope="module")
def exam(orthanc: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> PlantedExam:
    """An exam whose images and results of every kind were sent to the archive."""
    exam = write_planted_exam(tmp_path_factory.mktemp("exam"), rows=300)
    deliveries = send([*exam.images, *exam.results], ARCHIVE)
    assert [delivery.outcome for delivery in deliveries] == [Outcome.SENT] * len(deliveries)
    return exam


def uids(dataset: Dataset) -> tuple[str, str, str]:
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


def check_unchanged(orthanc: Orthanc, path: Path) -> None:
    sent = dcmread(path)
    found = orthanc.dicomweb.retrieve_instance(*uids(sent))
    assert found == sent, path.name
    assert found.file_meta.TransferSyntaxUID == sent.file_meta.TransferSyntaxUID
    assert found.PatientName == PATIENT_NAME
    if "PixelData" in sent:
        assert np.array_equal(found.pixel_array, sent.pixel_array)


@pytest.mark.parametrize("kind", KINDS)
def test_results_come_back_as_they_were_sent(kind: Output, orthanc: Orthanc, exam: PlantedExam) -> None:
    paths = [path for path in exam.results if path.name in WRITERS[kind].names]
    assert paths
    for path in paths:
        assert dcmread(path).Modality == MODALITIES[kind]
        check_unchanged(orthanc, path)


def test_images_come_back_as_they_were_sent(orthanc: Orthanc, exam: PlantedExam) -> None:
    for path in exam.images:
        check_unchanged(orthanc, path)


def test_results_are_found_in_the_study_of_the_images(orthanc: Orthanc, exam: PlantedExam) -> None:
    files = [dcmread(path, stop_before_pixels=True) for path in (*exam.images, *exam.results)]
    (study_uid,) = {file.StudyInstanceUID for file in files}
    (study,) = orthanc.dicomweb.search_for_studies(search_filters={"PatientID": files[0].PatientID})
    study = Dataset.from_json(study)
    assert study.StudyInstanceUID == study_uid
    assert study.NumberOfStudyRelatedInstances == len(files)
    assert set(study.ModalitiesInStudy) == {"MG", *MODALITIES.values()}
    found = [Dataset.from_json(series) for series in orthanc.dicomweb.search_for_series(study_uid)]
    assert {(series.SeriesInstanceUID, series.Modality, series.SeriesDescription) for series in found} == {
        (file.SeriesInstanceUID, file.Modality, file.SeriesDescription) for file in files
    }


def test_names_of_patients_are_read_by_the_archive(orthanc: Orthanc, exam: PlantedExam) -> None:
    """From the results, that is: this one does not know the images' ISO 2022 IR 149."""
    for path in exam.results:
        metadata = orthanc.dicomweb.retrieve_instance_metadata(*uids(dcmread(path)))
        assert Dataset.from_json({NAME: metadata[NAME]}).PatientName == PATIENT_NAME


def test_frames_come_back_one_by_one(orthanc: Orthanc, exam: PlantedExam) -> None:
    """As a viewer asks for them."""
    captures = [exam.results_folder / name for name in WRITERS[Output.SC].names]
    for path in (*exam.images, *captures):
        sent = dcmread(path)
        (frame,) = orthanc.dicomweb.retrieve_instance_frames(*uids(sent), [1], media_types=(UNCOMPRESSED,))
        assert frame == sent.pixel_array.tobytes(), path.name


@contextmanager
def listening(spool: Path) -> Iterator[None]:
    """The listener with the shipped model, as a user starts it; in the end it is told to stop, and does."""
    command = f"listen --port {LISTENER_PORT} --ae-title {LISTENER} --send-to {ARCHIVE} --quiet {QUIET}"
    options = ["--spool", spool, "--bundle", REPOSITORY / "bundle"]
    log = spool.with_suffix(".log")
    with log.open("w") as stderr:
        process = subprocess.Popen([sys.executable, "-m", "dibmg_monai", *command.split(), *options], stderr=stderr)
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(timeout=PATIENCE) == 0, log.read_text()


def test_study_that_the_archive_pushes_gets_its_results(orthanc: Orthanc, tmp_path: Path) -> None:
    exam = phantom(tmp_path / "study", rows=300, seed=1, cancer=True)
    images = [exam.path(view) for view in exam.files]
    send(images, ARCHIVE)
    study_uid, *_ = uids(dcmread(images[0]))
    orthanc.know(LISTENER, ae_title=LISTENER, port=LISTENER_PORT)
    spool = tmp_path / "spool"
    with listening(spool):
        wait_until(lambda: orthanc.reaches(LISTENER), seconds=PATIENCE)
        orthanc.push(study_uid, to=LISTENER)
        wait_until(lambda: list((spool / "done").iterdir()), seconds=PATIENCE)
        results = sorted((spool / "done").rglob("output/**/*.dcm"))
        assert {dcmread(path).Modality for path in results} == {"OT", "SEG", "SR"}
        held = orthanc.dicomweb.search_for_instances(study_uid)
        assert len(held) == len(images) + len(results)
        for path in results:
            assert dcmread(path).StudyInstanceUID == study_uid
            check_unchanged(orthanc, path)
        orthanc.push(study_uid, to=LISTENER)  # with the results: there is nothing new in it
        wait_until(lambda: "nothing new" in (tmp_path / "spool.log").read_text(), seconds=PATIENCE)
    assert orthanc.dicomweb.search_for_instances(study_uid) == held
    log = (tmp_path / "spool.log").read_text()
    assert "score " in log
    assert not any(word in log for word in ("Phantom", "PHANTOM"))
