"""Scores of the exams in the datastore, noted for the strategies."""

import math
from collections.abc import Mapping
from typing import Any

from fastapi import HTTPException
from monailabel.interfaces.tasks.scoring import ScoringMethod

from dibmg_monai.errors import DibmgError
from dibmg_monai.evaluation.statistics import auc
from dibmg_monai.inference import ExamResult
from dibmg_monai.network import CLASSES
from lib.datastore import ExamDatastore
from lib.model import Model
from lib.overlay import strongest_view

LIMIT = 100  # exams a run: an archive's have to be loaded first


class ScoreExams(ScoringMethod):
    """Scores the exams that have none by the present weights, and compares scores with readers' labels.

    Args:
        model: the model.
    """

    def __init__(self, model: Model) -> None:
        super().__init__("Scores exams by the present weights, for the strategies. Research use only")
        self.model = model

    def __call__(self, request: Mapping[str, Any], datastore: ExamDatastore) -> dict[str, Any]:
        """Score up to ``limit`` exams.

        Returns:
            scored, refused: how many exams now, and how many could not be used; left: how many have no score by these
            weights yet; auc, low, high, labelled: area under the ROC curve of the labelled exams, with its interval.
        """
        predictor = self.model.predictor()
        weights = predictor.model.sha256
        todo = [exam_id for exam_id in datastore.list_images() if datastore.scores(exam_id).get("weights") != weights]
        limit = int(request.get("limit", LIMIT))
        refused = 0
        for exam_id in todo[:limit]:
            try:
                noted = noted_scores(predictor(datastore.find(exam_id)[0]))
            except (DibmgError, HTTPException) as error:
                noted, refused = {"refused": str(error)}, refused + 1
            datastore.note(exam_id, {"dib_mg": {**noted, "weights": weights}})
        done = min(limit, len(todo))
        return {"scored": done - refused, "refused": refused, "left": len(todo) - done, **agreement(datastore)}


def noted_scores(result: ExamResult) -> dict[str, Any]:
    """What the strategies and clients need to know of a result."""
    return {
        "score": result.score,
        "breasts": {side.value: score for side, score in result.breasts.items()},
        "views": {view.value: found.score for view, found in result.views.items()},
        "view": strongest_view(result).value,
    }


def agreement(datastore: ExamDatastore) -> dict[str, Any]:
    """Area under the ROC curve of the exams with a label and a score."""
    labels = {exam_id: label for exam_id, label in datastore.given().items() if "score" in datastore.scores(exam_id)}
    scores = [datastore.scores(exam_id)["score"] for exam_id in labels]
    area = auc(scores, [CLASSES.index(label) for label in labels.values()])
    figures = {"auc": area.value, "low": area.low, "high": area.high}
    return {"labelled": len(labels), **{name: None if math.isnan(value) else value for name, value in figures.items()}}
