"""The exam: what assembly and datalists produce, and what everything after them takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from dibmg_monai.errors import ExamError
from dibmg_monai.exams.exclusions import Answers
from dibmg_monai.views import VIEWS, View


@dataclass(frozen=True)
class Exam:
    """One mammography exam: up to four image files, one per standard view.

    Attributes:
        exam_id: a name that is unique within a run and fit for a folder name; never a patient's name or identifier.
        root: the folder that ``files`` are relative to.
        files: view -> image file (DICOM, PNG, TIFF or PGM), relative to ``root``; an absent view is simply not there.
        label: 1 biopsy-proven cancer, 0 normal, None unknown (Kim 2018, Data collection).
        warnings: what a reader of the result ought to know about how the exam was put together.
        exclusions: criterion of the paper -> whether the exam meets it; empty if nobody looked, as in a datalist.

    Raises:
        ExamError: if there is no file at all.
    """

    exam_id: str
    root: Path
    files: Mapping[View, Path]
    label: int | None = None
    warnings: tuple[str, ...] = field(default=())
    exclusions: Answers = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.files:
            raise ExamError(f"exam {self.exam_id}: has none of the views {', '.join(VIEWS)}; at least one is needed")
        ordered = {view: Path(self.files[view]) for view in VIEWS if view in self.files}
        object.__setattr__(self, "files", MappingProxyType(ordered))
        object.__setattr__(self, "exclusions", MappingProxyType(dict(self.exclusions)))

    @property
    def missing_views(self) -> tuple[View, ...]:
        """The standard views that the exam lacks, in their order."""
        return tuple(view for view in VIEWS if view not in self.files)

    def path(self, view: View) -> Path:
        """The image file of a view that is present."""
        return self.root / self.files[view]
