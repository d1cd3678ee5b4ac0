"""Values of one attribute, each by itself: one that is damaged does not take the others with it, nor the image."""

import math

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue


def texts(header: Dataset, keyword: str) -> tuple[str, ...]:
    """All values as text; none if the attribute is missing or empty. What pydicom cannot convert stays as it is."""
    try:
        value = header.get(keyword)
    except (ArithmeticError, LookupError, NotImplementedError, TypeError, ValueError):
        raw = header.get_item(keyword)
        value = raw.value.decode("latin-1").split("\\") if isinstance(raw, RawDataElement) and raw.value else None
    values = value if isinstance(value, MultiValue | list | tuple) else [value]
    found = tuple("" if item is None else str(item).strip(" \0") for item in values)
    return found if any(found) else ()


def numbers(header: Dataset, keyword: str) -> tuple[float | None, ...]:
    """All values as numbers, None for each that is no finite number; none if the attribute is missing or empty."""
    return tuple(_number(text) for text in texts(header, keyword))


def number(header: Dataset, keyword: str) -> float | None:
    """The first value as a number; None if there is none, or it is no finite number."""
    return next(iter(numbers(header, keyword)), None)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
