"""Active learning: which exam a reader is to label next."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from monailabel.interfaces.tasks.strategy import Strategy

from lib.datastore import ExamDatastore


class ByScore(Strategy):
    """Chooses an exam without a label by its score; exams without a score come last. Ties go by id.

    Scores are what ``ScoreExams`` noted.
    """

    words: str

    def __init__(self) -> None:
        super().__init__(self.words)

    def __call__(self, request: Mapping[str, Any], datastore: ExamDatastore) -> dict[str, Any]:
        """The view of the exam to begin with, as ``{"id": "EXAM.VIEW"}``; empty if all exams are labelled."""
        found = {exam_id: datastore.scores(exam_id) for exam_id in sorted(datastore.get_unlabeled_images())}
        ranks = {
            exam_id: self.rank(scores["score"]) if "score" in scores else float("inf")
            for exam_id, scores in found.items()
            if "refused" not in scores
        }
        if not ranks:
            return {}
        chosen = min(ranks, key=lambda exam_id: ranks[exam_id])
        view = found[chosen].get("view")
        return {"id": f"{chosen}.{view}" if view else chosen}

    @abstractmethod
    def rank(self, score: float) -> float:
        """Lower is sooner, for a score of 0 to 1."""


class MostUncertain(ByScore):
    """The score nearest to 0.5, where the network cannot decide."""

    words = "Most uncertain exam first"

    def rank(self, score: float) -> float:
        """Distance from 0.5."""
        return abs(score - 0.5)


class Strongest(ByScore):
    """The highest score: labels for likely cancers, which are rare."""

    words = "Strongest exam without a label first"

    def rank(self, score: float) -> float:
        """The higher, the sooner."""
        return -score
