"""DICOM Segmentations (PS3.3 A.51): of each view the findings, a binary one, and the DIB map, a fractional one.

Both have the source image's own grid, pixel on pixel, however it is turned. A view without findings has no binary one:
a Segmentation needs a segment, and the reports say that nothing was found. Every view has a map. It is a byte a pixel:
RLE would make it 20 to 50 times smaller, but an archive that takes results uncompressed only would not get it.
"""

from pathlib import Path

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import SegmentationStorage

from dibmg_monai.inference import ModelInfo
from dibmg_monai.outputs.evidence import STRONGEST, evidence_levels
from dibmg_monai.outputs.material import Material, Tracking
from dibmg_monai.outputs.overlay import FOUND, NOTICE, color_scale
from dibmg_monai.outputs.source_study import (
    LOSSY,
    NEEDED,
    SOFTWARE,
    TYPE_2,
    Series,
    aspect_ratio,
    coded,
    date_and_time,
    identify,
    new_object,
    new_uid,
    patient_orientation,
    save,
    spacing_mm,
)
from dibmg_monai.process_wide import unvalidated
from dibmg_monai.views import VIEWS, Laterality, View

FINDINGS = Series(9005, "AI findings (DIB-MG), research use only")
MAPS = Series(9006, "AI DIB maps (DIB-MG), research use only")
LABELS = {FINDINGS: "DIB_MG_FINDINGS", MAPS: "DIB_MG_MAP"}  # ContentLabel
SIDES = {Laterality.R: codes.SCT.Right, Laterality.L: codes.SCT.Left}  # PS3.16 CID 244
PLACEHOLDERS = (
    "The pixels are those of the source image, one by one. Position, orientation and thickness of the plane are "
    "placeholders for viewers that need some: a projection has none."
)
NO_SPACING = "The image has no spacing either: that of 1 mm gives no more than the pixels' shape."


class Segmentations:
    """The findings and the DIB map of each view."""

    names = tuple(f"{view}{kind}" for kind in ("_seg.dcm", "_dib_seg.dcm") for view in VIEWS)

    def write(self, material: Material, folder: Path) -> None:
        """Write the segmentations of one exam, each as a series of its own: OHIF lists one segmentation a series."""
        for view, found in material.result.views.items():
            if found.findings:
                save(findings_segmentation(material, view), folder / f"{view}_seg.dcm")
            save(map_segmentation(material, view), folder / f"{view}_dib_seg.dcm")


def findings_segmentation(material: Material, view: View) -> Dataset:
    """The findings of a view that has some, as a BINARY segmentation: a segment each, the strongest first.

    Args:
        material: of the exam.
        view: the view.
    """
    found, model = material.result.views[view], material.result.model
    cells = np.stack([finding.cells for finding in found.findings], axis=-1)
    frames = [finding.mask(found.geometry) for finding in found.findings]
    pixels = np.packbits(frames, bitorder="little")
    segments = [
        _segment(
            number,
            f"{tracking.identifier}, score {finding.score:.2f}",
            f"Region that an algorithm suspects of cancer; no one has confirmed it. Score {finding.score:.3f}, highest "
            f"log-odds of cancer {finding.peak_value:.2f}.",
            codes.SCT.Lesion,
            view=view,
            model=model,
            tracking=tracking,
        )
        for number, (finding, tracking) in enumerate(zip(found.findings, material.tracking[view], strict=True), start=1)
    ]
    return _segmentation(material, view, cells=cells, pixels=pixels, segments=segments, series=FINDINGS)


def map_segmentation(material: Material, view: View) -> Dataset:
    """The DIB map of a view as a FRACTIONAL segmentation of 8 bits.

    A pixel is the log-odds of cancer, interpolated, on the exam's scale of evidence, the one of the overlays' colors:
    0 for log-odds of 0 and below, 255 for the scale's end and above. The odds of cells are not calibrated, so taken as
    probabilities most would be 0 or 1; the file says how to get the log-odds back, in words and in its
    RealWorldValueMappingSequence.

    Args:
        material: of the exam.
        view: the view.
    """
    found, scale = material.result.views[view], color_scale(material.result)
    segment = _segment(
        1,
        f"{view} DIB map, log-odds of cancer 0 to {scale:.2f}",
        f"Evidence of cancer on the exam's own scale, no calibrated probability. Log-odds of cancer = pixel value / "
        f"{STRONGEST} x {scale:.6g}; 0 means 0 or less, {STRONGEST} means {scale:.6g} or more.",
        codes.SCT.Neoplasm,
        view=view,
        model=material.result.model,
    )
    cells = (found.dib / scale).clamp(0, 1).numpy()[..., np.newaxis]
    pixels = evidence_levels(found, scale=scale)
    result = _segmentation(material, view, cells=cells, pixels=pixels, segments=[segment], series=MAPS)
    result.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = [_log_odds(scale)]
    return result


def _segmentation(
    material: Material,
    view: View,
    *,
    cells: NDArray,
    pixels: NDArray[np.uint8],
    segments: list[hd.seg.SegmentDescription],
    series: Series,
) -> Dataset:
    """A segmentation of the map's ``cells``, (h, w, segments), made by highdicom, with ``pixels`` as PixelData.

    highdicom looks at every pixel many times, and all that it needs to know of them is in the cells.
    """
    source, found, model = material.sources[view], material.result.views[view], material.result.model
    named = Series(series.number, f"{view}: {series.description}")
    binary = cells.dtype == np.bool_
    with unvalidated:  # the image's UIDs may break the rules for UIDs
        result: Dataset = hd.seg.Segmentation(
            [_grid(source, cells.shape[0], cells.shape[1])],
            cells[np.newaxis],
            "BINARY" if binary else "FRACTIONAL",
            segments,
            series_instance_uid=new_uid(),
            series_number=named.number,
            sop_instance_uid=new_uid(),
            instance_number=view.channel + 1,
            manufacturer=SOFTWARE,
            manufacturer_model_name=model.name,
            software_versions=model.version,
            device_serial_number=model.sha256[:16],
            fractional_type="PROBABILITY",
            max_fractional_value=STRONGEST,
            content_label=LABELS[series],
            content_description=named.description,
            omit_empty_frames=False,
        )
    result.Rows, result.Columns = found.geometry.source_rows, found.geometry.source_columns
    result.PixelData = pixels.tobytes() + bytes(pixels.size % 2)
    result.update(new_object(source, sop_class=SegmentationStorage, made=material.made))
    identify(result, series=named, model=model, made=material.made)
    result.ContentDate, result.ContentTime = date_and_time(material.made)
    result.PatientOrientation = patient_orientation(source)
    _add_plane(result, source)
    return result


def _grid(source: Dataset, rows: int, columns: int) -> Dataset:
    """What highdicom needs of an image's header, with an empty patient and study: it does not take odd values there."""
    grid = Dataset()
    for keyword in (*NEEDED, *LOSSY):
        if keyword in source:
            grid[keyword] = source[keyword]
    for keyword in TYPE_2:
        setattr(grid, keyword, None)
    grid.Rows, grid.Columns = rows, columns
    return grid


def _add_plane(result: Dataset, source: Dataset) -> None:
    """Pixel measures, plane orientation and plane position: viewers and libraries want them, a projection has none.

    There is no frame of reference, even if the image has one: the placeholders would be wrong places in it.
    """
    spacing = spacing_mm(source)
    measures, orientation, position = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = spacing or aspect_ratio(source), 1
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    position.ImagePositionPatient = [0, 0, 0]
    shared = result.SharedFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    for frame in result.PerFrameFunctionalGroupsSequence:
        frame.PlanePositionSequence = [position]
    result.ImageComments = f"{NOTICE}. {PLACEHOLDERS}" + ("" if spacing else f" {NO_SPACING}")


def _segment(
    number: int, label: str, meaning: str, kind: Code, *, view: View, model: ModelInfo, tracking: Tracking | None = None
) -> hd.seg.SegmentDescription:
    """What a segment shows: a kind of lesion, suspected by the model, in the view's breast."""
    segment = hd.seg.SegmentDescription(
        number,
        f"AI: {label}",
        codes.SCT.MorphologicallyAbnormalStructure,
        kind,
        "AUTOMATIC",
        _algorithm(model),
        tracking_id=tracking.identifier if tracking else None,
        tracking_uid=tracking.uid if tracking else None,
        anatomic_regions=[codes.SCT.Breast],
        display_color=hd.color.CIELabColor.from_rgb(*FOUND),
    )
    segment.SegmentDescription = f"{meaning} {NOTICE}."
    (suspect,), (region,) = segment.SegmentedPropertyTypeCodeSequence, segment.AnatomicRegionSequence
    suspect.SegmentedPropertyTypeModifierCodeSequence = [coded(codes.SCT.Suspected)]
    region.AnatomicRegionModifierSequence = [coded(SIDES[view.laterality])]
    return segment


def _algorithm(model: ModelInfo) -> hd.AlgorithmIdentificationSequence:
    return hd.AlgorithmIdentificationSequence(
        name=model.name,
        family=codes.cid7162.ArtificialIntelligence,
        version=model.version,
        source=SOFTWARE,
        parameters={"weights SHA-256": model.sha256},
    )


def _log_odds(scale: float) -> Dataset:
    """How a pixel value leads back to log-odds (PS3.3 C.7.6.16.2.11)."""
    mapping = Dataset()
    mapping.RealWorldValueFirstValueMapped, mapping.RealWorldValueLastValueMapped = 0, STRONGEST
    mapping.RealWorldValueIntercept, mapping.RealWorldValueSlope = 0.0, scale / STRONGEST
    mapping.LUTLabel, mapping.LUTExplanation = "LOG_ODDS", "Log-odds of cancer"
    mapping.MeasurementUnitsCodeSequence = [coded(codes.UCUM.NoUnits)]
    return mapping
