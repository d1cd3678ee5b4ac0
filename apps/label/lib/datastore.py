"""The exams as MONAI Label's datastore: an exam is what is counted, chosen and labelled; a view of it what is shown."""

import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monailabel.interfaces.datastore import Datastore, DefaultLabelTag

from dibmg_monai.exams.datalist import Datalist
from dibmg_monai.exams.exam import Exam
from dibmg_monai.outputs.folder import create_folder, exam_folder
from dibmg_monai.views import View
from lib.answers import answering, not_found, not_offered
from lib.labels import given_label, labelled_entries
from lib.records import Records
from lib.sources import ArchiveSource, Source

FINAL = DefaultLabelTag.FINAL.value


class ExamDatastore(Datastore):
    """Exams, their scores, and what readers say of them.

    An image is asked for as EXAM, its first view; as EXAM.VIEW; or, in an archive, by its SeriesInstanceUID, as OHIF
    does. Labels and scores are the exam's, whichever of its images they are given for.

    Args:
        source: where the exams come from.
        work: the folder for labels and scores.
    """

    def __init__(self, source: Source, *, work: Path) -> None:
        self.source = source
        self.labels = work / "labels"
        self.records = Records(work / "exams")

    def find(self, image_id: str) -> tuple[Exam, View]:
        """The exam and view that an id means.

        Raises:
            HTTPException: 404 if there is no such image, 400 if it cannot be used.
        """
        with answering():
            ids = self.source.ids()
            if image_id in ids:
                exam = self.source.exam(image_id)
                return exam, next(iter(exam.files))
            exam_id, _, view = image_id.rpartition(".")
            if exam_id in ids and view in self.source.exam(exam_id).files:
                return self.source.exam(exam_id), View(view)
            exam, views = self.source.of_series(image_id) or (None, ())
            if exam and views:
                return exam, views[0]
        raise not_found(image_id)

    def exam_id(self, image_id: str) -> str:
        """The id of the exam that an image is of."""
        return self.find(image_id)[0].exam_id

    def scores(self, exam_id: str) -> dict[str, Any]:
        """What scoring noted of an exam; empty if it was not scored yet."""
        return self.records.read(exam_id)["info"].get("dib_mg", {})

    def note(self, exam_id: str, info: Mapping[str, Any]) -> None:
        """Note something of an exam."""
        self.records.change(exam_id, lambda record: record["info"].update(info))

    def given(self) -> dict[str, str]:
        """Exam id -> the class that a reader gave it."""
        labels = {exam_id: self.records.read(exam_id)["labels"] for exam_id in self.list_images()}
        return {exam_id: tags[FINAL]["info"]["label"] for exam_id, tags in labels.items() if FINAL in tags}

    def datalist(self, full_path: bool = True) -> Datalist:
        """The labelled exams as a datalist of this package, all for training: the content of a ``datalist.json``.

        Its paths are relative to ``source.root``.
        """
        with answering():
            labels = self.given()
            return {"training": labelled_entries(labels, {exam_id: self.source.exam(exam_id) for exam_id in labels})}

    def list_images(self) -> list[str]:
        """All exams."""
        with answering():
            return self.source.ids()

    def get_labeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """The exams that a reader labelled."""
        return list(self.given())

    def get_unlabeled_images(self, label_tag: str | None = None, labels: list[str] | None = None) -> list[str]:
        """The others."""
        labelled = self.given()
        return [exam_id for exam_id in self.list_images() if exam_id not in labelled]

    def get_image_uri(self, image_id: str) -> str:
        """The image's file."""
        exam, view = self.find(image_id)
        return str(exam.path(view))

    def get_image(self, image_id: str, params: Any = None) -> io.BytesIO:
        """The image's file, read."""
        return io.BytesIO(Path(self.get_image_uri(image_id)).read_bytes())

    def get_image_info(self, image_id: str) -> dict[str, Any]:
        """What is known of the exam, and what a client needs to show the image: 3D Slicer a file name, OHIF a UID."""
        exam, view = self.find(image_id)
        info = self.records.read(exam.exam_id)["info"]
        shown = {"name": f"{exam.exam_id}.{view}.dcm", "exam_id": exam.exam_id, "view": view.value}
        study = {"StudyInstanceUID": exam.exam_id} if isinstance(self.source, ArchiveSource) else {}
        return {**info, **shown, **study, "views": [each.value for each in exam.files]}

    def update_image_info(self, image_id: str, info: dict[str, Any]) -> None:
        """Note something of the exam."""
        self.note(self.exam_id(image_id), info)

    def save_label(self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any]) -> str:
        """Note what a reader says of the exam, ``given_label`` says how; or, under another tag, what a model says."""
        exam_id = self.exam_id(image_id)
        file = Path(label_filename)
        extension = "".join(file.suffixes)
        with answering():
            said = {"label": given_label(file, label_info)} if label_tag == FINAL else {}
            kept = create_folder(self.labels / label_tag) / (exam_folder(self.labels, exam_id).name + extension)
        shutil.copy(file, kept)
        noted = {"file": str(kept), "ext": extension, "info": {**label_info, **said}}
        self.records.change(exam_id, lambda record: record["labels"].update({label_tag: noted}))
        return exam_id

    def remove_label(self, label_id: str, label_tag: str) -> None:
        """Take back what a reader said."""
        path = self.get_label_uri(label_id, label_tag)
        self.records.change(self.exam_id(label_id), lambda record: record["labels"].pop(label_tag, None))
        if path:
            Path(path).unlink(missing_ok=True)

    def get_label_uri(self, label_id: str, label_tag: str) -> str:
        """The file that a reader submitted; empty if there is none."""
        return self._label(label_id, label_tag).get("file", "")

    def get_label(self, label_id: str, label_tag: str, params: Any = None) -> io.BytesIO | None:
        """The file that a reader submitted, read."""
        path = self.get_label_uri(label_id, label_tag)
        return io.BytesIO(Path(path).read_bytes()) if path else None

    def get_label_info(self, label_id: str, label_tag: str) -> dict[str, Any]:
        """What was submitted with it, and the label that it means."""
        return self._label(label_id, label_tag).get("info", {})

    def update_label_info(self, label_id: str, label_tag: str, info: dict[str, Any]) -> None:
        """Note something of a label that was given."""
        if not self._label(label_id, label_tag):
            raise not_found(f"{label_id}, label {label_tag}")
        if "label" in info:
            with answering():
                given_label(Path(), info)
        self.records.change(self.exam_id(label_id), lambda record: record["labels"][label_tag]["info"].update(info))

    def get_labels_by_image_id(self, image_id: str) -> dict[str, str]:
        """Tag -> label id, which is the exam's."""
        exam_id = self.exam_id(image_id)
        return dict.fromkeys(self.records.read(exam_id)["labels"], exam_id)

    def get_label_by_image_id(self, image_id: str, tag: str) -> str:
        """The label id, which is the exam's; empty if there is none."""
        return self.get_labels_by_image_id(image_id).get(tag, "")

    def status(self) -> dict[str, Any]:
        """How many exams there are, and how many of them are labelled."""
        labelled = self.given()
        tags = {FINAL: len(labelled)} if labelled else {}
        return {"total": len(self.list_images()), "completed": len(labelled), "label_tags": tags}

    def json(self) -> dict[str, Any]:
        """Everything that is known, by exam."""
        records = {exam_id: self.records.read(exam_id) for exam_id in self.list_images()}
        objects = {
            exam_id: {"image": {"ext": ".dcm", "info": record["info"]}, "labels": record["labels"]}
            for exam_id, record in records.items()
        }
        return {"name": self.name(), "description": self.description(), "objects": objects}

    def name(self) -> str:
        """The datastore's name."""
        return "mammography exams"

    def description(self) -> str:
        """What it holds."""
        return "Four-view mammography exams, labelled normal or cancer"

    def refresh(self) -> None:
        """Look again for exams."""
        self.source.refresh()

    def _label(self, label_id: str, tag: str) -> dict[str, Any]:
        return self.records.read(self.exam_id(label_id))["labels"].get(tag, {})

    def set_name(self, name: str) -> None:
        """Not offered."""
        raise not_offered("another name")

    def set_description(self, description: str) -> None:
        """Not offered."""
        raise not_offered("another description")

    def add_image(self, image_id: str, image_filename: str, image_info: dict[str, Any]) -> str:
        """Not offered: an upload for one inference is a session."""
        raise not_offered("adding images")

    def remove_image(self, image_id: str) -> None:
        """Not offered."""
        raise not_offered("removing images")

    def get_dataset_archive(self, limit_cases: int | None) -> str:
        """Not offered."""
        raise not_offered("a copy of all images")
