"""Structured reports in the source study: one of the regions of each map, and one of the scores of the exam.

Two documents in two series: of a report with both, viewers show one part or nothing.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np
from highdicom.sr import (
    CodeContentItem,
    GraphicTypeValues,
    ImageRegion,
    MeasurementsAndQualitativeEvaluations,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from dibmg_monai.findings import MOST, Finding, finding_threshold
from dibmg_monai.inference import ExamResult
from dibmg_monai.outputs.material import Material, Tracking
from dibmg_monai.outputs.measurement_report import CONTAINS, SIDES, breast, measurement_report, probability
from dibmg_monai.outputs.source_study import Series, new_uid, save
from dibmg_monai.process_wide import unvalidated
from dibmg_monai.views import VIEWS, Laterality, View

FINDINGS = Series(9002, "AI findings (DIB-MG), research use only")
SCORES = Series(9003, "AI exam scores (DIB-MG), research use only")
# PS3.16 CID 7021. OHIF shows regions on their images under the first title and the text of a report under others.
WITH_REGIONS, WITHOUT_REGIONS = codes.DCM.ImagingMeasurementReport, codes.DCM.OncologyMeasurementReport
# PS3.16 CID 6047
FOUND = Code("111242", "DCM", "All algorithms succeeded; with findings")
NOT_FOUND = Code("111241", "DCM", "All algorithms succeeded; without findings")
ABOUT_FINDINGS = (
    "A finding is a region of the network's map, in whole cells: it says where to look, and is no outline of a lesion.",
    "The probability of a finding is the score that the view would have if the map said nothing elsewhere.",
)
ABOUT_SCORES = (
    "Probability of cancer is the model's own estimate. The model has no operating point: 50 % is no threshold for a "
    "decision."
)
SIDE_NAMES = {Laterality.R: "Right breast", Laterality.L: "Left breast"}


class StructuredReports:
    """The regions as one report in each study that the exam's images are from; the scores as one report.

    The scores are in the study of the first view. Images of other studies are cited as other evidence.
    """

    names = ("findings_sr.dcm", *(f"findings_sr-{number}.dcm" for number in range(2, len(VIEWS) + 1)), "exam_sr.dcm")

    def write(self, material: Material, folder: Path) -> None:
        """Write the reports of one exam."""
        result, made = material.result, material.made
        with unvalidated:  # wrong values file the report with its image, and warnings would quote them
            for views, name in zip(material.studies.values(), self.names, strict=False):
                sources = {view: material.sources[view] for view in views}
                report = findings_report(result, sources=sources, tracking=material.tracking, made=made)
                save(report, folder / name)
            save(exam_report(result, sources=material.sources, made=made), folder / self.names[-1])


def findings_report(
    result: ExamResult,
    *,
    sources: Mapping[View, Dataset],
    tracking: Mapping[View, tuple[Tracking, ...]],
    made: datetime,
) -> Dataset:
    """The findings in the images of one study; without any, a report that says so.

    Args:
        result: the exam's result.
        sources: the headers of the study's images, from ``read_source``.
        tracking: names of the findings.
        made: when.
    """
    groups = [
        _finding_group(finding, view=view, source=source, tracking=named)
        for view, source in sources.items()
        for finding, named in zip(result.views[view].findings, tracking[view], strict=True)
    ]
    threshold = finding_threshold(found.peak_value for found in result.views.values())
    summary = FOUND if groups else NOT_FOUND
    count = f"Findings in {', '.join(sources)}: {len(groups) or 'none'}."
    return measurement_report(
        sources,
        title=WITH_REGIONS if groups else WITHOUT_REGIONS,
        groups=groups,
        evaluations=[CodeContentItem(codes.DCM.CADProcessingAndFindingsSummary, summary, relationship_type=CONTAINS)],
        comments=[count, *ABOUT_FINDINGS] if groups else [count],
        parameters=[f"Findings: log-odds of {threshold:.2f} or more, at most {MOST} a view"],
        library=True,
        series=FINDINGS,
        model=result.model,
        made=made,
    )


def exam_report(result: ExamResult, *, sources: Mapping[View, Dataset], made: datetime) -> Dataset:
    """The scores of exam, breasts and views, and what a reader ought to know of the exam.

    Args:
        result: the exam's result.
        sources: the headers of its images, from ``read_source``.
        made: when.
    """
    both = len(result.breasts) == len(Laterality)
    whole = codes.SCT.Bilateral if both else SIDES[next(iter(result.breasts))]
    groups = [_score_group("Exam", result.score, side=whole)]
    groups += [
        _score_group(SIDE_NAMES[side], result.breasts[side], side=SIDES[side])
        for side in Laterality
        if side in result.breasts
    ]
    groups += [
        _score_group(f"{view} view", found.score, side=SIDES[view.laterality], source=sources[view])
        for view, found in result.views.items()
    ]
    missing = ", ".join(result.exam.missing_views)
    return measurement_report(
        sources,
        title=WITHOUT_REGIONS,
        groups=groups,
        comments=[
            ABOUT_SCORES,
            f"Missing views: {missing or 'none'}.",
            *(f"Warning: {warning}" for warning in result.warnings),
        ],
        library=False,
        series=SCORES,
        model=result.model,
        made=made,
    )


def _finding_group(
    finding: Finding, *, view: View, source: Dataset, tracking: Tracking
) -> PlanarROIMeasurementsAndQualitativeEvaluations:
    """TID 1410."""
    points = finding.outline[:, ::-1] + 0.5  # column and row; 0\0 is the corner of the first pixel (PS3.3 C.18.6)
    region = ImageRegion(
        GraphicTypeValues.POLYLINE,
        np.concatenate([points, points[:1]]),
        SourceImageForRegion(source.SOPClassUID, source.SOPInstanceUID),
    )
    return PlanarROIMeasurementsAndQualitativeEvaluations(
        TrackingIdentifier(uid=tracking.uid, identifier=tracking.identifier),
        referenced_region=region,
        finding_type=codes.DCM.SelectedRegion,
        finding_sites=[breast(SIDES[view.laterality])],
        measurements=[probability(finding.score)],
    )


def _score_group(
    name: str, score: float, *, side: Code, source: Dataset | None = None
) -> MeasurementsAndQualitativeEvaluations:
    """TID 1501, with the image if it is about one."""
    images = [] if source is None else [SourceImageForMeasurementGroup(source.SOPClassUID, source.SOPInstanceUID)]
    return MeasurementsAndQualitativeEvaluations(
        TrackingIdentifier(uid=new_uid(), identifier=name),
        finding_sites=[breast(side)],
        measurements=[probability(score)],
        source_images=images,
    )
