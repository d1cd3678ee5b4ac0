"""Content items of a structured report (PS3.3 C.17.3), for templates that highdicom does not have.

Each function makes one item: how it relates to the item above it, what it is called, its value, and the items below it.
Places in an image are (row, column) with pixel centers at whole numbers.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID
from pydicom.valuerep import DSfloat

from dibmg_monai.outputs.source_study import coded, instance


class Relationship(StrEnum):
    """How an item relates to the one above it (PS3.3 Table C.17.3-8)."""

    CONTAINS = "CONTAINS"
    HAS_PROPERTIES = "HAS PROPERTIES"
    HAS_ACQ_CONTEXT = "HAS ACQ CONTEXT"
    HAS_OBS_CONTEXT = "HAS OBS CONTEXT"
    HAS_CONCEPT_MOD = "HAS CONCEPT MOD"
    INFERRED_FROM = "INFERRED FROM"
    SELECTED_FROM = "SELECTED FROM"


def root(name: Code, *below: Dataset, template: str) -> Dataset:
    """The container at the top, with the DICOM template (PS3.16) that the document follows, such as ``"4000"``."""
    item = _item(None, "CONTAINER", name, below, ContinuityOfContent="SEPARATE")
    item.ContentTemplateSequence = [Dataset()]
    item.ContentTemplateSequence[0].MappingResource = "DCMR"
    item.ContentTemplateSequence[0].TemplateIdentifier = template
    return item


def container(relationship: Relationship, name: Code, *below: Dataset) -> Dataset:
    return _item(relationship, "CONTAINER", name, below, ContinuityOfContent="SEPARATE")


def code(relationship: Relationship, name: Code, value: Code, *below: Dataset) -> Dataset:
    return _item(relationship, "CODE", name, below, ConceptCodeSequence=[coded(value)])


def text(relationship: Relationship, name: Code, value: str) -> Dataset:
    return _item(relationship, "TEXT", name, TextValue=value)


def uid(relationship: Relationship, name: Code, value: UID) -> Dataset:
    return _item(relationship, "UIDREF", name, UID=value)


def number(relationship: Relationship, name: Code, value: float, *, unit: Code) -> Dataset:
    """A number with its unit, as many digits of it as a decimal string holds: 16 characters."""
    measured = Dataset()
    measured.NumericValue = DSfloat(value, auto_format=True)
    measured.MeasurementUnitsCodeSequence = [coded(unit)]
    return _item(relationship, "NUM", name, MeasuredValueSequence=[measured])


def image(relationship: Relationship, source: Dataset, *below: Dataset) -> Dataset:
    """An image, by its header."""
    return _item(relationship, "IMAGE", None, below, ReferencedSOPSequence=[instance(source)])


def point(relationship: Relationship, name: Code, place: ArrayLike, *below: Dataset) -> Dataset:
    """A place in an image, which is the item below."""
    graphic = _graphic_data(np.atleast_2d(place))
    return _item(relationship, "SCOORD", name, below, GraphicType="POINT", GraphicData=graphic)


def outline(relationship: Relationship, name: Code, corners: ArrayLike, *below: Dataset) -> Dataset:
    """A closed line in an image, which is the item below, through (n, 2) corners, the last joined to the first.

    It is a POLYLINE whose last vertex is its first (PS3.3 C.18.6.1).
    """
    closed = np.concatenate([np.asarray(corners), np.asarray(corners)[:1]])
    return _item(relationship, "SCOORD", name, below, GraphicType="POLYLINE", GraphicData=_graphic_data(closed))


def by_reference(relationship: Relationship, position: Sequence[int]) -> Dataset:
    """An item that is elsewhere in the document, by its position: its number at each level, from the root, 1, on down.

    PS3.3 C.17.3.2.5.
    """
    item = Dataset()
    item.RelationshipType = relationship.value
    item.ReferencedContentItemIdentifier = list(position)
    return item


def _item(
    relationship: Relationship | None,
    value_type: str,
    name: Code | None,
    below: Sequence[Dataset] = (),
    **value: Any,
) -> Dataset:
    item = Dataset()
    if relationship:
        item.RelationshipType = relationship.value
    item.ValueType = value_type
    if name:
        item.ConceptNameCodeSequence = [coded(name)]
    for keyword, part in value.items():
        setattr(item, keyword, part)
    if below:
        item.ContentSequence = list(below)
    return item


def _graphic_data(places: ArrayLike) -> list[float]:
    """(n, 2) of (row, column) as column, row, column, ...; 0, 0 is the image's top left corner (PS3.3 C.18.6)."""
    return (np.asarray(places, dtype=np.float32)[:, ::-1] + 0.5).ravel().tolist()
