"""The content of structured reports, read item by item with nothing but pydicom."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydicom.dataset import Dataset


def walk(item: Dataset) -> Iterator[Dataset]:
    """An item and all below it."""
    yield item
    for below in item.get("ContentSequence", ()):
        yield from walk(below)


def named(item: Dataset, code: str) -> list[Dataset]:
    """The items called so, by code value, among all below an item."""
    return [part for part in walk(item) if code in [name.CodeValue for name in part.get("ConceptNameCodeSequence", ())]]


def value(item: Dataset, code: str) -> Any:
    """The value of the only item called so below an item."""
    (part,) = named(item, code)
    match part.ValueType:
        case "CODE":
            return part.ConceptCodeSequence[0].CodeValue
        case "NUM":
            measured = part.MeasuredValueSequence[0]
            return float(measured.NumericValue), measured.MeasurementUnitsCodeSequence[0].CodeValue
        case "TEXT":
            return part.TextValue
        case "UIDREF":
            return part.UID
        case "SCOORD":
            return part.GraphicType, np.reshape(part.GraphicData, (-1, 2))
    raise AssertionError(part.ValueType)


def image_of(report: Dataset, item: Dataset) -> Dataset:
    """The image that an item below this one refers to by its position."""
    (reference,) = [below for below in item.ContentSequence if "ReferencedContentItemIdentifier" in below]
    first, *path = reference.ReferencedContentItemIdentifier
    assert first == 1
    target = report
    for number in path:
        target = target.ContentSequence[number - 1]
    return target
