"""DICOM Grayscale Softcopy Presentation States (PS3.3 A.33.1): the images with their own windows, findings drawn over.

One for each breast and study; the Modality LUT and the polarity of a presentation state are those of all its images, so
images of a breast that differ in these have one each. The annotations are highdicom's, the whole is not: that takes
images of one size only, which CC and MLO need not have.
"""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from highdicom import pr
from highdicom.color import CIELabColor
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import UID, GrayscaleSoftcopyPresentationStateStorage
from pydicom.valuerep import DSfloat

from dibmg_monai.findings import Finding
from dibmg_monai.outputs.material import Material, Tracking
from dibmg_monai.outputs.overlay import FOUND, NOTICE
from dibmg_monai.outputs.source_study import (
    Series,
    aspect_ratio,
    date_and_time,
    identify,
    instance,
    new_object,
    new_uid,
    save,
    spacing_mm,
)
from dibmg_monai.pixels.elements import number, numbers
from dibmg_monai.pixels.lookup_table import WORD, LookupTable, read_lookup_table
from dibmg_monai.pixels.voi import FUNCTIONS
from dibmg_monai.process_wide import unvalidated
from dibmg_monai.views import Laterality, View

SERIES = Series(9007, "AI findings over the images (DIB-MG), research use only")
CAPTION = (0.02, 0.95, 0.98, 0.99)  # left, top, right, bottom, as shares of the displayed area


class PresentationStates:
    """The findings of each breast, over its images."""

    names = tuple(f"{side}_gsps{further}.dcm" for side in Laterality for further in ("", "_2"))

    def write(self, material: Material, folder: Path) -> None:
        """Write the presentation states of one exam, a series in each study that its images are from."""
        written: list[Laterality] = []
        for views in material.studies.values():
            series_uid = new_uid()
            for group_number, group in enumerate(_groups(material, views), start=1):
                side = group[0].laterality
                further = "_2" if side in written else ""
                written.append(side)
                made = presentation_state(material, group, series_uid=series_uid, instance_number=group_number)
                save(made, folder / f"{side}_gsps{further}.dcm")


def presentation_state(material: Material, views: Sequence[View], *, series_uid: UID, instance_number: int) -> Dataset:
    """The presentation state of some views of one breast, whose images have Modality LUT and polarity in common.

    Args:
        material: of the exam.
        views: the views.
        series_uid: of the series of presentation states in the views' study.
        instance_number: within the series.
    """
    sources = [material.sources[view] for view in views]
    result = new_object(sources[0], sop_class=GrayscaleSoftcopyPresentationStateStorage, made=material.made)
    identify(result, series=SERIES, model=material.result.model, made=material.made)
    result.SeriesInstanceUID, result.InstanceNumber, result.Modality = series_uid, instance_number, "PR"
    result.BodyPartExamined, result.Laterality = "BREAST", views[0].laterality.value
    result.ContentLabel, result.ContentDescription = "DIB_MG_FINDINGS", SERIES.description
    result.ContentCreatorName = None
    result.PresentationCreationDate, result.PresentationCreationTime = date_and_time(material.made)
    result.ReferencedSeriesSequence = _series(sources)
    result.DisplayedAreaSelectionSequence = [_displayed_area(source) for source in sources]
    layer = pr.GraphicLayer(
        "AI_FINDINGS", order=1, description=SERIES.description, display_color=CIELabColor.from_rgb(*FOUND)
    )
    result.GraphicLayerSequence = [layer]
    result.GraphicAnnotationSequence = [_annotation(material, view, layer) for view in views]
    shown = [item for item in map(_values_of_interest, sources) if item]
    if shown:
        result.SoftcopyVOILUTSequence = shown
    result.update(_in_common(sources[0]))
    return result


def _groups(material: Material, views: Sequence[View]) -> list[list[View]]:
    """The views that can share a presentation state."""
    groups: defaultdict[tuple[Laterality, str], list[View]] = defaultdict(list)
    for view in views:
        groups[view.laterality, _in_common(material.sources[view]).to_json()].append(view)
    return list(groups.values())


def _series(sources: Sequence[Dataset]) -> list[Dataset]:
    """The images by their series (PS3.3 C.11.11)."""
    series: dict[str, Dataset] = {}
    for source in sources:
        if source.SeriesInstanceUID not in series:
            item = series[source.SeriesInstanceUID] = Dataset()
            item["SeriesInstanceUID"], item.ReferencedImageSequence = source["SeriesInstanceUID"], []
        series[source.SeriesInstanceUID].ReferencedImageSequence.append(instance(source))
    return list(series.values())


def _displayed_area(source: Dataset) -> Dataset:
    """All of an image, with its pixels' shape (PS3.3 C.10.4); rows and columns begin at 1 here."""
    area = Dataset()
    area.ReferencedImageSequence = [instance(source)]
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [source.Columns, source.Rows]
    area.PresentationSizeMode = "SCALE TO FIT"
    if spacing := spacing_mm(source):
        area.PresentationPixelSpacing = spacing
    else:
        area.PresentationPixelAspectRatio = aspect_ratio(source)
    return area


def _annotation(material: Material, view: View, layer: pr.GraphicLayer) -> pr.GraphicAnnotation:
    """The outlines of a view's findings, their scores, and a caption."""
    found, source = material.result.views[view], material.sources[view]
    findings = list(zip(found.findings, material.tracking[view], strict=True))
    caption = f"AI (DIB-MG): {view} score {found.score:.2f}, exam score {material.result.score:.2f}. {NOTICE}"
    with unvalidated:  # the image's UIDs may break the rules for UIDs
        return pr.GraphicAnnotation(
            [source],
            layer,
            graphic_objects=[_outline(finding, tracking) for finding, tracking in findings],
            text_objects=[
                pr.TextObject(caption, "DISPLAY", bounding_box=CAPTION, text_justification="LEFT"),
                *(_score(finding, tracking) for finding, tracking in findings),
            ],
        )


def _outline(finding: Finding, tracking: Tracking) -> pr.GraphicObject:
    closed = np.concatenate([finding.outline, finding.outline[:1]])
    return pr.GraphicObject(
        "POLYLINE", _points(closed), "PIXEL", tracking_id=tracking.identifier, tracking_uid=tracking.uid
    )


def _score(finding: Finding, tracking: Tracking) -> pr.TextObject:
    """The score, at the outline's lowest corner."""
    corner = finding.outline[finding.outline[:, 0].argmax()]
    return pr.TextObject(
        f"AI: {tracking.identifier}, score {finding.score:.2f}",
        "PIXEL",
        anchor_point=tuple(_points(corner).tolist()),
        anchor_point_visible=False,
        tracking_id=tracking.identifier,
        tracking_uid=tracking.uid,
    )


def _points(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 2) of (row, column) as (column, row), where 0, 0 is the image's top left corner (PS3.3 C.10.5.1.2)."""
    return places[..., ::-1] + 0.5


def _in_common(source: Dataset) -> Dataset:
    """What a presentation state says of all its images at once: Modality LUT and polarity (PS3.3 C.11.1, C.11.6).

    The polarity takes the place of the image's PhotometricInterpretation, so it has to repeat it.
    """
    result = Dataset()
    slope, intercept = number(source, "RescaleSlope"), number(source, "RescaleIntercept")
    if tables := _tables(source, "ModalityLUTSequence", inputs=_stored_range(source)):
        result.ModalityLUTSequence = [_item(tables[0], tables[0].entries)]
        result.ModalityLUTSequence[0].ModalityLUTType = "US"
    elif slope and intercept is not None:
        result.RescaleIntercept = DSfloat(intercept, auto_format=True)
        result.RescaleSlope = DSfloat(slope, auto_format=True)
        result.RescaleType = source.get("RescaleType") or "US"
    result.PresentationLUTShape = "INVERSE" if source.PhotometricInterpretation == "MONOCHROME1" else "IDENTITY"
    return result


def _values_of_interest(source: Dataset) -> Dataset | None:
    """The image's valid windows, or without any its valid lookup tables (PS3.3 C.11.8); None if it has neither."""
    item = Dataset()
    item.ReferencedImageSequence = [instance(source)]
    function = str(source.get("VOILUTFunction") or "LINEAR")
    narrowest = 1.0 if function == "LINEAR" else 1e-6  # C.11.2.1.2.1 and C.11.2.1.3
    windows = [
        (center, width)
        for center, width in zip(numbers(source, "WindowCenter"), numbers(source, "WindowWidth"), strict=False)
        if center is not None and width is not None and width >= narrowest
    ]
    if windows and function in FUNCTIONS:
        item.WindowCenter, item.WindowWidth = (
            [DSfloat(value, auto_format=True) for value in values] for values in zip(*windows, strict=True)
        )
        item.VOILUTFunction = function
        return item
    inputs = _stored_range(source)
    slope, intercept = number(source, "RescaleSlope"), number(source, "RescaleIntercept")
    if slope and intercept is not None:
        inputs = inputs * slope + intercept
    item.VOILUTSequence = [
        _item(table, np.rint(table.entries * ((WORD - 1) / ((1 << table.bits) - 1))))
        for table in _tables(source, "VOILUTSequence", inputs=inputs)
    ]
    return item if item.VOILUTSequence else None


def _tables(source: Dataset, keyword: str, *, inputs: NDArray[np.float64]) -> list[LookupTable]:
    """The usable lookup tables of a header."""
    tables = []
    for item in source.get(keyword) or ():
        with suppress(ValueError):
            tables.append(read_lookup_table(item, inputs=inputs))
    return tables


def _item(table: LookupTable, entries: NDArray[np.number]) -> Dataset:
    """An item with other entries for the inputs of a lookup table, of 16 bits (PS3.3 C.11.1.1, C.11.2.1.1)."""
    count = len(entries) % WORD
    item = Dataset()
    if table.first < 0:
        item.add_new("LUTDescriptor", "SS", [count - WORD if count >= WORD // 2 else count, table.first, 16])
    else:
        item.add_new("LUTDescriptor", "US", [count, table.first, 16])
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return item


def _stored_range(source: Dataset) -> NDArray[np.float64]:
    """(2,) the lowest and the highest value that a pixel can have."""
    values = 1 << int(source.BitsStored)
    lowest = -values // 2 if source.PixelRepresentation else 0
    return np.array([lowest, lowest + values - 1], dtype=float)
