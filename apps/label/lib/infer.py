"""Inference as MONAI Label asks for it: on an exam of the datastore, a session or an upload."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType

from dibmg_monai.errors import DibmgError
from dibmg_monai.exams.assembly import assemble
from dibmg_monai.exams.exam import Exam
from dibmg_monai.inference import ExamResult
from dibmg_monai.network import CLASSES
from dibmg_monai.outputs.dicom_seg import map_segmentation
from dibmg_monai.outputs.exam_files import Output, parse_outputs, write_exam
from dibmg_monai.outputs.folder import exam_folder
from dibmg_monai.outputs.material import Material
from dibmg_monai.outputs.overlay import NOTICE
from dibmg_monai.outputs.scores import RESULTS, ResultsWriter, read_results
from dibmg_monai.outputs.source_study import save
from dibmg_monai.views import View
from lib.answers import answering
from lib.datastore import ExamDatastore
from lib.model import Model
from lib.overlay import KINDS, LABELS, strongest_view, write_overlay

IMAGES = (".nrrd", ".nii", ".nii.gz")
DICOM = ".dcm"


class Scores(InferTask):
    """Scores of the exam, its breasts and views, as a classification: no file, all in the answer's params.

    Args:
        model: the model.
        exams: the datastore.
    """

    kind = InferType.CLASSIFICATION
    labels: Sequence[str] | Mapping[str, int] = list(CLASSES)
    words = "Cancer scores of a mammography exam (DIB-MG). Research use only"

    def __init__(self, model: Model, exams: ExamDatastore) -> None:
        super().__init__(type=self.kind, labels=self.labels, dimension=2, description=self.words)
        self.model = model
        self.exams = exams

    def is_valid(self) -> bool:
        """Always: the model is loaded when it is needed."""
        return True

    def get_path(self, validate: bool = True) -> str | None:
        """The weights, for those who ask the server for them."""
        path = self.model.weights or self.model.bundle / "models" / "model.pt"
        return str(path) if path.is_file() else None

    def __call__(self, request: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
        """Answer one request: a file or none, and params.

        Args:
            request: ``image``, a path; ``image_id``, what the client asked for; and what it wants, ``view`` and
                ``store`` among others.

        Raises:
            HTTPException: 400 if the request or the exam cannot be used.
        """
        with answering():
            exam, view = self._asked(request)
            result = self.model.predictor()(exam)
            item = self._written(result, store=request.get("store"))
            view = view or strongest_view(result)
            scores = (1 - result.score, result.score)
            prediction = [{"idx": idx, "label": CLASSES[idx], "score": score} for idx, score in enumerate(scores)]
            params = {**item, "prediction": prediction, "view": view.value, "notice": NOTICE}
            return self._file(request, result, view), params

    def _written(self, result: ExamResult, *, store: str | None) -> dict[str, Any]:
        """The result as ``results.json`` has it; where that is wanted, DICOM results go into the archive."""
        with tempfile.TemporaryDirectory() as name:
            results = ResultsWriter(Path(name))
            write_exam(result, results, outputs=(Output.JSON, *parse_outputs(store or ())))
            if store:
                self.exams.source.store(sorted(exam_folder(results.folder, result.exam.exam_id).glob(f"*{DICOM}")))
            (item,) = read_results(results.folder / RESULTS)
            return item

    def _asked(self, request: Mapping[str, Any]) -> tuple[Exam, View | None]:
        """The exam, and the view to show; None: the one with the strongest evidence."""
        image_id = request.get("image_id")
        if image_id:
            exam, view = self.exams.find(image_id)
        else:
            exams = assemble(Path(request["image"])).exams
            if len(exams) > 1:
                raise DibmgError(f"the images are of {len(exams)} exams; those of one are needed")
            exam, view = exams[0], None
        if "view" in request:
            if request["view"] not in exam.files:
                raise DibmgError(f"view is {request['view']!r}; the exam has {', '.join(exam.files)}")
            view = View(request["view"])
        return exam, view

    def _file(self, request: Mapping[str, Any], result: ExamResult, view: View) -> str | None:
        """The answer's file."""
        return None


class Map(Scores):
    """The DIB map of one view as an overlay; the scores go with it.

    The request's ``result_extension`` says what the file is: ``.nrrd``, ``.nii`` or ``.nii.gz``, with ``result_dtype``
    as ``write_overlay`` says and ``result_compress``; or ``.dcm``, the DICOM Segmentation of the map.
    """

    kind = InferType.SEGMENTATION
    labels = LABELS
    words = "Where a mammogram has evidence of cancer (DIB-MG), on the exam's own scale. Research use only"

    def _file(self, request: Mapping[str, Any], result: ExamResult, view: View) -> str:
        extension = request.get("result_extension", IMAGES[0])
        if extension not in (*IMAGES, DICOM):
            raise DibmgError(f"result_extension is {extension!r}; {', '.join((*IMAGES, DICOM))} are offered")
        kind = request.get("result_dtype", KINDS[0])
        if kind not in KINDS:
            raise DibmgError(f"result_dtype is {kind!r}; {' or '.join(KINDS)} is needed")
        with tempfile.NamedTemporaryFile(suffix=extension, delete=False) as file:
            path = Path(file.name)  # MONAI Label removes it
        if extension == DICOM:
            save(map_segmentation(Material(result), view), path)
        else:
            write_overlay(path, result, view=view, kind=kind, compress=request.get("result_compress", True))
        return str(path)
