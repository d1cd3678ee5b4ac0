"""The findings of an exam as a Mammography CAD SR (PS3.3 A.35.5), which mammography workstations know how to show.

The content follows TID 4000 and those below it (PS3.16). What they leave room for, and what not:

- The network says where it sees cancer, not what it looks like: a finding is a "Selected region". That has a Certainty
  of Finding but, by TID 4006, no Probability of cancer.
- No row takes the score of a breast or of an exam.
- Nothing tells which findings of two views are one lesion. So there are no composite features, and each finding is an
  Individual Impression/Recommendation of its own, as TID 4001 allows.
- A device observer is for findings copied from another report. Who made this one is said around the content: General
  Equipment and AuthorObserverSequence.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import MammographyCADSRStorage

from dibmg_monai.findings import MOST, Finding, finding_threshold
from dibmg_monai.inference import ExamResult, ModelInfo
from dibmg_monai.outputs import content_items as items
from dibmg_monai.outputs.content_items import Relationship
from dibmg_monai.outputs.material import Material, Tracking
from dibmg_monai.outputs.overlay import NOTICE
from dibmg_monai.outputs.source_study import (
    SOFTWARE,
    VIEW_CODES,
    Series,
    date_and_time,
    device_uid,
    identify,
    instance,
    new_object,
    new_uid,
    patient_orientation,
    save,
    spacing_mm,
)
from dibmg_monai.process_wide import unvalidated
from dibmg_monai.views import Laterality, View

SERIES = Series(9004, "AI findings as mammography CAD (DIB-MG), research use only")
DCM, SCT = codes.DCM, codes.SCT
SIDES = {Laterality.R: SCT.RightBreast, Laterality.L: SCT.LeftBreast}  # CID 6022
IMPRESSION = Code("111034", "DCM", "Individual Impression/Recommendation")  # pydicom's has an invisible space
MILLIMETER = Code("mm", "UCUM", "millimeter")  # pydicom's says mm, which pixelmed's validator warns of
ENGLISH = Code("en-US", "RFC5646", "English (United States)")
LIBRARY = (1, 2)  # the position of the image library: below the root, after the language


class CadReport:
    """One Mammography CAD SR of the exam, also where nothing was found.

    It is in the study of the exam's first view. Images of other studies, as CBIS-DDSM has them, are other evidence.
    """

    names: tuple[str, ...] = ("cad_sr.dcm",)

    def write(self, material: Material, folder: Path) -> None:
        """Write the report of one exam."""
        save(cad_report(material), folder / self.names[0])


def cad_report(material: Material) -> Dataset:
    """The findings of an exam as a Mammography CAD SR."""
    first = next(iter(material.sources.values()))
    report = new_object(first, sop_class=MammographyCADSRStorage, made=material.made)
    identify(report, series=SERIES, model=material.result.model, made=material.made)
    _describe_document(report, model=material.result.model, made=material.made)
    with unvalidated:  # UIDs of images, right or wrong
        _add_evidence(report, material.sources.values())
    report.update(_content(material))
    return report


def _describe_document(report: Dataset, *, model: ModelInfo, made: datetime) -> None:
    """SR Document Series and SR Document General (PS3.3 C.17.1, C.17.2)."""
    report.Modality, report.SeriesInstanceUID, report.InstanceNumber = "SR", new_uid(), 1
    report.ReferencedPerformedProcedureStepSequence, report.PerformedProcedureCodeSequence = [], []
    report.ContentDate, report.ContentTime = date_and_time(made)
    report.CompletionFlag, report.VerificationFlag = "COMPLETE", "UNVERIFIED"
    report.AuthorObserverSequence = [_author(model)]


def _author(model: ModelInfo) -> Dataset:
    """The device that observed, as an Identified Person or Device (PS3.3 Table C.17-3b)."""
    device = Dataset()
    device.ObserverType = "DEV"
    device.DeviceUID = device_uid(model)
    device.Manufacturer, device.ManufacturerModelName = SOFTWARE, model.name
    device.StationName, device.InstitutionName, device.InstitutionCodeSequence = None, None, []
    return device


def _add_evidence(report: Dataset, sources: Iterable[Dataset]) -> None:
    """The images by study and series (PS3.3 C.17.2.3): those of the report's own study, then those of others."""
    studies: defaultdict[str, defaultdict[str, list[Dataset]]] = defaultdict(lambda: defaultdict(list))
    for source in sources:
        studies[source.StudyInstanceUID][source.SeriesInstanceUID].append(instance(source))
    evidence = {study: _evidence(study, series) for study, series in studies.items()}
    report.CurrentRequestedProcedureEvidenceSequence = [evidence.pop(report.StudyInstanceUID)]
    if evidence:
        report.PertinentOtherEvidenceSequence = list(evidence.values())


def _evidence(study: str, series: Mapping[str, list[Dataset]]) -> Dataset:
    item = Dataset()
    item.StudyInstanceUID, item.ReferencedSeriesSequence = study, []
    for uid, instances in series.items():
        part = Dataset()
        part.SeriesInstanceUID, part.ReferencedSOPSequence = uid, instances
        item.ReferencedSeriesSequence.append(part)
    return item


def _content(material: Material) -> Dataset:
    """TID 4000 Mammography CAD Document Root."""
    result = material.result
    language = items.code(Relationship.HAS_CONCEPT_MOD, DCM.LanguageOfContentItemAndDescendants, ENGLISH)
    library = [_image(view, source) for view, source in material.sources.items()]
    # An image's place in the library, which all that is about it refers to.
    places = {view: (*LIBRARY, number) for number, view in enumerate(material.sources, start=1)}
    detections = items.container(Relationship.INFERRED_FROM, DCM.SuccessfulDetections, _detection(result, places))
    return items.root(
        DCM.MammographyCADReport,
        language,
        items.container(Relationship.CONTAINS, DCM.ImageLibrary, *library),
        _summary(material, places),
        items.code(Relationship.CONTAINS, DCM.SummaryOfDetections, DCM.Succeeded, detections),
        items.code(Relationship.CONTAINS, DCM.SummaryOfAnalyses, DCM.NotAttempted),
        template="4000",
    )


def _image(view: View, source: Dataset) -> Dataset:
    """TID 4020 CAD Image Library Entry."""
    context = Relationship.HAS_ACQ_CONTEXT
    known = [
        items.code(context, DCM.ImageLaterality, SIDES[view.laterality]),
        items.code(context, DCM.ImageView, VIEW_CODES[view.projection]),
    ]
    if directions := patient_orientation(source):
        known.append(items.text(context, DCM.PatientOrientationRow, directions[0]))
        known.append(items.text(context, DCM.PatientOrientationColumn, directions[1]))
    if spacing := spacing_mm(source):  # between rows, between columns
        known.append(items.number(context, DCM.HorizontalPixelSpacing, spacing[1], unit=MILLIMETER))
        known.append(items.number(context, DCM.VerticalPixelSpacing, spacing[0], unit=MILLIMETER))
    return items.image(Relationship.CONTAINS, source, *known)


def _summary(material: Material, places: Mapping[View, tuple[int, ...]]) -> Dataset:
    """TID 4001 Mammography CAD Overall Impression/Recommendation."""
    findings = [
        _impression(finding, name, place=places[view], model=material.result.model)
        for view, found in material.result.views.items()
        for finding, name in zip(found.findings, material.tracking[view], strict=True)
    ]
    outcome = DCM.AllAlgorithmsSucceededWithFindings if findings else DCM.AllAlgorithmsSucceededWithoutFindings
    return items.code(Relationship.CONTAINS, DCM.CADProcessingAndFindingsSummary, outcome, *findings)


def _rendering_intent() -> Dataset:
    intent = DCM.PresentationRequiredRenderingDeviceIsExpectedToPresent
    return items.code(Relationship.HAS_CONCEPT_MOD, DCM.RenderingIntent, intent)


def _impression(finding: Finding, name: Tracking, *, place: tuple[int, ...], model: ModelInfo) -> Dataset:
    """TID 4003 Mammography CAD Individual Impression/Recommendation, with one finding in it."""
    return items.container(
        Relationship.INFERRED_FROM,
        IMPRESSION,
        _rendering_intent(),
        _finding(finding, name, place=place, model=model),
    )


def _finding(finding: Finding, name: Tracking, *, place: tuple[int, ...], model: ModelInfo) -> Dataset:
    """TID 4006 Mammography CAD Single Image Finding, with TID 4108, 4019, 4021 and 4013 in it."""
    observation, properties = Relationship.HAS_OBS_CONTEXT, Relationship.HAS_PROPERTIES
    on_image = items.by_reference(Relationship.SELECTED_FROM, place)
    peak = (finding.peak_row, finding.peak_column)  # it is inside the outline, whose middle need not be
    described = f"Region that speaks for cancer, log-odds up to {finding.peak_value:.2f}. {NOTICE}"
    return items.code(
        Relationship.CONTAINS,
        DCM.SingleImageFinding,
        DCM.SelectedRegion,
        _rendering_intent(),
        items.text(observation, DCM.TrackingIdentifier, name.identifier),
        items.uid(observation, DCM.TrackingUniqueIdentifier, name.uid),
        *_algorithm(model),
        items.number(properties, DCM.CertaintyOfFinding, round(100 * finding.score, 2), unit=codes.UCUM.Percent),
        items.point(properties, DCM.Center, peak, on_image),
        items.outline(properties, DCM.Outline, finding.outline, on_image),
        items.text(properties, DCM.SelectedRegionDescription, described),
    )


def _detection(result: ExamResult, places: Mapping[View, tuple[int, ...]]) -> Dataset:
    """TID 4017 CAD Detection Performed."""
    threshold = finding_threshold(found.peak_value for found in result.views.values())
    parameters = [
        f"Weights: SHA-256 {result.model.sha256}",
        f"Finding: cells of the map that touch, log-odds of cancer {threshold:.2f} or more, at most {MOST} a view",
        f"Views: {', '.join(result.views)}; absent: {', '.join(result.exam.missing_views) or 'none'}",
        NOTICE,
    ]
    return items.code(
        Relationship.CONTAINS,
        DCM.DetectionPerformed,
        DCM.SelectedRegion,
        *_algorithm(result.model, *parameters),
        *(items.by_reference(Relationship.HAS_PROPERTIES, place) for place in places.values()),
    )


def _algorithm(model: ModelInfo, *parameters: str) -> Iterator[Dataset]:
    """TID 4019 Algorithm Identification."""
    yield items.text(Relationship.HAS_PROPERTIES, DCM.AlgorithmName, model.name)
    yield items.text(Relationship.HAS_PROPERTIES, DCM.AlgorithmVersion, model.version)
    for parameter in parameters:
        yield items.text(Relationship.HAS_PROPERTIES, DCM.AlgorithmParameters, parameter)
