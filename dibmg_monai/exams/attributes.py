"""Values of a DICOM header as plain Python: text, numbers, yes or no, items. Missing is the same as empty."""

from collections.abc import MutableSequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom import Dataset


@dataclass(frozen=True)
class Attributes:
    """The attributes of a dataset, by keyword. Damaged values raise what pydicom raises: see ``dicom_file.parsing``."""

    dataset: "Dataset"

    def texts(self, keyword: str) -> tuple[str, ...]:
        """All values; none if the attribute is missing or empty."""
        value = self.dataset.get(keyword)
        values = value if isinstance(value, MutableSequence) else [value]
        texts = tuple("" if item is None else str(item).strip() for item in values)
        return texts if any(texts) else ()

    def text(self, keyword: str) -> str:
        """The first value; empty if there is none."""
        return next(iter(self.texts(keyword)), "")

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """All values as numbers; none if the attribute is missing or empty."""
        return tuple(float(text) for text in self.texts(keyword) if text)

    def number(self, keyword: str) -> float | None:
        """The first value as a number; None if there is none."""
        return next(iter(self.numbers(keyword)), None)

    def yes_no(self, keyword: str) -> bool | None:
        """True for YES, False for NO, None for anything else."""
        return {"YES": True, "NO": False}.get(self.text(keyword))

    def items(self, keyword: str) -> tuple["Attributes", ...]:
        """The items of a sequence; none if it is missing."""
        return tuple(Attributes(item) for item in self.dataset.get(keyword) or ())
