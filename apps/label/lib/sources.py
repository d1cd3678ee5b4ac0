"""Where exams come from: a folder, or an archive with DICOMweb. Both name exams, and hand over one at a time."""

import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from dicomweb_client import DICOMwebClient
from pydicom import dcmread
from requests import RequestException

from dibmg_monai.errors import DibmgError, ExamError, FolderError, NodeError, writing
from dibmg_monai.exams.assembly import assemble, survey
from dibmg_monai.exams.exam import Exam
from dibmg_monai.outputs.folder import create_folder, exam_folder
from dibmg_monai.views import View

LIST_SECONDS = 60  # for how long an archive's list of exams is taken for the present one
MAMMOGRAMS = {"Modality": "MG"}
STUDY, SERIES = "0020000D", "0020000E"  # StudyInstanceUID and SeriesInstanceUID in DICOM's JSON (PS3.18 F.2)
log = logging.getLogger(__name__)


class Source(Protocol):
    """Exams, all with one folder that their files are relative to.

    Attributes:
        root: that folder.
    """

    root: Path

    def ids(self) -> list[str]:
        """The exams that there are, without loading any of them."""
        ...

    def exam(self, exam_id: str) -> Exam:
        """One of them.

        Raises:
            DibmgError: if it holds no mammogram that can be used.
        """
        ...

    def of_series(self, series_uid: str) -> tuple[Exam, tuple[View, ...]] | None:
        """The exam that a SeriesInstanceUID belongs to, and its views in that series; None if it is unknown."""
        ...

    def refresh(self) -> None:
        """Look again at what there is."""
        ...

    def store(self, paths: Sequence[Path]) -> None:
        """Put DICOM results where the exams come from.

        Raises:
            DibmgError: if they cannot be put there.
        """
        ...


class FolderSource:
    """The exams in a folder of DICOM files, at any depth.

    Args:
        folder: read when made, and again on ``refresh``; it may be empty, where exams are only sent in.
    """

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self.refresh()

    def refresh(self) -> None:
        """Look again at what there is."""
        try:
            self._exams = {exam.exam_id: exam for exam in survey(self.root).exams}
        except FolderError as error:
            log.warning("%s", error)
            self._exams = {}

    def ids(self) -> list[str]:
        """The exams that there are."""
        return list(self._exams)

    def exam(self, exam_id: str) -> Exam:
        """One of them."""
        return self._exams[exam_id]

    def of_series(self, series_uid: str) -> None:
        """A folder's exams are not asked for by series."""

    def store(self, paths: Sequence[Path]) -> None:
        """A folder of exams is left as it is.

        Raises:
            DibmgError: always.
        """
        raise DibmgError(f"{self.root}: is a folder, where no results are stored; leave out store, or use an archive")


class ArchiveSource:
    """The studies with mammograms in an archive, each an exam; their ids are StudyInstanceUIDs.

    Args:
        client: of the archive's DICOMweb.
        root: the folder that mammograms are loaded into, when an exam is asked for the first time.
    """

    def __init__(self, client: DICOMwebClient, *, root: Path) -> None:
        self.client = client
        self.root = create_folder(root)
        self.refresh()

    def refresh(self) -> None:
        """Ask the archive again, on the next occasion."""
        self._ids: list[str] = []
        self._listed = -float(LIST_SECONDS)
        self._exams: dict[str, Exam] = {}

    def ids(self) -> list[str]:
        """The exams that there are, as of a minute ago at most."""
        if time.monotonic() - self._listed >= LIST_SECONDS:
            with self._asking():
                found = self.client.search_for_series(search_filters=MAMMOGRAMS, get_remaining=True)
            self._ids = sorted({series[STUDY]["Value"][0] for series in found})
            self._listed = time.monotonic()
        return self._ids

    def exam(self, exam_id: str) -> Exam:
        """One of them, loaded on the first occasion."""
        if exam_id not in self._exams:
            folder = exam_folder(self.root, exam_id)
            if not folder.exists():
                self._load(exam_id, folder)
            exams = assemble(folder).exams
            if len(exams) > 1:
                raise ExamError(f"{folder}: the study holds {len(exams)} exams; one is needed")
            files = {view: Path(folder.name) / file for view, file in exams[0].files.items()}
            self._exams[exam_id] = replace(exams[0], exam_id=exam_id, root=self.root, files=files)
        return self._exams[exam_id]

    def of_series(self, series_uid: str) -> tuple[Exam, tuple[View, ...]] | None:
        """The exam that a SeriesInstanceUID belongs to, and its views in that series."""
        with self._asking():
            found = self.client.search_for_series(search_filters={"SeriesInstanceUID": series_uid, **MAMMOGRAMS})
        studies = [series[STUDY]["Value"][0] for series in found if series[SERIES]["Value"] == [series_uid]]
        if not studies:
            return None
        exam = self.exam(studies[0])
        name = exam_folder(self.root, series_uid).name
        return exam, tuple(view for view, file in exam.files.items() if file.parts[1] == name)

    def store(self, paths: Sequence[Path]) -> None:
        """Put DICOM results into the archive."""
        with self._asking():
            answer = self.client.store_instances([dcmread(path) for path in paths])
        if failed := answer.get("FailedSOPSequence"):
            raise NodeError(f"{self.client.base_url}: did not take {len(failed)} of {len(paths)} results")

    def _load(self, study_uid: str, folder: Path) -> None:
        """The study's mammograms, all or none of them: a file each, in a folder for each series."""
        with writing(folder), tempfile.TemporaryDirectory(dir=self.root) as partial, self._asking():
            for series in self.client.search_for_series(study_uid, search_filters=MAMMOGRAMS, get_remaining=True):
                series_uid = series[SERIES]["Value"][0]
                images = create_folder(exam_folder(Path(partial) / "study", series_uid))
                for number, image in enumerate(self.client.iter_series(study_uid, series_uid)):
                    image.save_as(images / f"{number}.dcm", enforce_file_format=True)
            shutil.move(Path(partial) / "study", folder)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except RequestException as error:
            found = f"does not answer as DICOMweb does ({type(error).__name__})"
            raise NodeError(f"{self.client.base_url}: {found}; an archive's DICOMweb is needed") from error
