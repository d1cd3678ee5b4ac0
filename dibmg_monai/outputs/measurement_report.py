"""Measurement Report (PS3.16 TID 1500) of a model about mammograms, as a Comprehensive 3D SR (PS3.3 A.35.13).

highdicom makes the parts. The root is put together here, because highdicom's own wants at least one measurement, and
its image library wants attributes that a mammogram may lack.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    CodedConcept,
    Comprehensive3DSR,
    ContainerContentItem,
    ContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    ImageContentItem,
    LanguageOfContentItemAndDescendants,
    Measurement,
    ObservationContext,
    ObserverContext,
    RelationshipTypeValues,
    TextContentItem,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import Comprehensive3DSRStorage

from dibmg_monai.inference import ModelInfo
from dibmg_monai.outputs.overlay import NOTICE
from dibmg_monai.outputs.source_study import (
    NEEDED,
    SOFTWARE,
    TYPE_2,
    VIEW_CODES,
    Series,
    device_uid,
    identify,
    new_object,
    new_uid,
)
from dibmg_monai.views import Laterality, View

ENGLISH = CodedConcept("en-US", "RFC5646", "English (United States)")
QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
PROCEDURE = Code("363679005", "SCT", "Imaging procedure")  # PS3.16 CID 100 has nothing closer to mammography
SOURCE = Code("260753009", "SCT", "Source")
SIDES = {Laterality.R: codes.SCT.Right, Laterality.L: codes.SCT.Left}  # PS3.16 CID 244
CONTAINS, MODIFIES = RelationshipTypeValues.CONTAINS, RelationshipTypeValues.HAS_CONCEPT_MOD


def measurement_report(
    sources: Mapping[View, Dataset],
    *,
    title: Code,
    groups: Iterable[ContentSequence],
    evaluations: Iterable[CodeContentItem] = (),
    comments: Iterable[str],
    parameters: Sequence[str] = (),
    library: bool,
    series: Series,
    model: ModelInfo,
    made: datetime,
) -> Dataset:
    """A report in the study of the first of its images, with a new UID and in a series of its own.

    Args:
        sources: the headers of the images that it is about, from ``read_source``.
        title: of the document, from PS3.16 CID 7021.
        groups: the measurements: TID 1410 or 1501.
        evaluations: codes about all images together.
        comments: sentences about all images together; that it is for research use only comes first anyway.
        parameters: of the algorithm, beyond the weights' digest.
        library: whether to list the images with their views, which the measurements may not all cite.
        series: number and description.
        model: what made the measurements.
        made: when.
    """
    texts = (TextContentItem(codes.DCM.Comment, text, relationship_type=CONTAINS) for text in (NOTICE, *comments))
    root = ContainerContentItem(title, is_content_continuous=False, template_id="1500")
    root.ContentSequence = ContentSequence()
    report = _document(root, list(sources.values()), series=series, model=model, made=made)
    report.ContentSequence = ContentSequence(
        [
            *LanguageOfContentItemAndDescendants(ENGLISH),
            *_observer(model),
            CodeContentItem(codes.DCM.ProcedureReported, PROCEDURE, relationship_type=MODIFIES),
            *([_image_library(sources)] if library else []),
            _container(codes.DCM.ImagingMeasurements, [*_algorithm(model, parameters), *_separate(groups)]),
            _container(QUALITATIVE_EVALUATIONS, [*evaluations, *texts]),
        ]
    )
    return report


def probability(score: float) -> Measurement:
    """A score, 0 to 1, as the Probability of cancer in percent: two decimals of it as NumericValue, which viewers show.

    FloatingPointValue has it in full.
    """
    percent = Measurement(codes.DCM.ProbabilityOfCancer, 100 * score, codes.UCUM.Percent)
    percent[0].MeasuredValueSequence[0].NumericValue = f"{100 * score:.2f}"
    return percent


def breast(side: Code) -> FindingSite:
    """The breast on a side, one of PS3.16 CID 244."""
    return FindingSite(codes.SCT.Breast, laterality=side)


def _document(
    root: ContainerContentItem, sources: Sequence[Dataset], *, series: Series, model: ModelInfo, made: datetime
) -> Dataset:
    """All but what is below the root: highdicom would copy it twice and search it, only to find the images again.

    Patient and study are taken as they are; highdicom would refuse wrong values.
    """
    report: Dataset = Comprehensive3DSR(
        evidence=[_evidence(source) for source in sources],
        content=root,
        series_instance_uid=new_uid(),
        series_number=series.number,
        sop_instance_uid=new_uid(),
        instance_number=1,
        is_complete=True,
    )
    report.update(new_object(sources[0], sop_class=Comprehensive3DSRStorage, made=made))
    identify(report, series=series, model=model, made=made)
    report.ContentDate, report.ContentTime = report.SeriesDate, report.SeriesTime
    return report


def _evidence(source: Dataset) -> Dataset:
    """What a reference to an image takes of it."""
    item = Dataset()
    for keyword in TYPE_2:
        setattr(item, keyword, None)
    for keyword in NEEDED:
        item[keyword] = source[keyword]
    return item


def _observer(model: ModelInfo) -> ObservationContext:
    """The device that looked: TID 1004. Its UID is that of the weights, the same in every report."""
    device = DeviceObserverIdentifyingAttributes(
        uid=device_uid(model),
        name=f"{SOFTWARE}, research use only",
        manufacturer_name=SOFTWARE,
        model_name=model.name,
        serial_number=model.sha256[:16],
    )
    context = ObserverContext(CodedConcept.from_code(codes.DCM.Device), device)
    return ObservationContext(observer_device_context=context)


def _algorithm(model: ModelInfo, parameters: Sequence[str]) -> AlgorithmIdentification:
    weights = f"Weights: SHA-256 {model.sha256}"
    return AlgorithmIdentification(model.name, model.version, parameters=[weights, *parameters])


def _image_library(sources: Mapping[View, Dataset]) -> ContainerContentItem:
    """TID 1600, each image with its laterality and view. Older versions of OHIF open no report without it."""
    images = []
    for view, source in sources.items():
        image = ImageContentItem(SOURCE, source.SOPClassUID, source.SOPInstanceUID, relationship_type=CONTAINS)
        image.ContentSequence = ContentSequence(
            [
                _acquired(codes.DCM.Modality, codes.DCM.Mammography),
                _acquired(codes.DCM.ImageLaterality, SIDES[view.laterality]),
                _acquired(codes.DCM.ImageView, VIEW_CODES[view.projection]),
            ]
        )
        images.append(image)
    return _container(codes.DCM.ImageLibrary, [_container(codes.DCM.ImageLibraryGroup, images)])


def _acquired(name: Code, value: Code) -> CodeContentItem:
    return CodeContentItem(name, value, relationship_type=RelationshipTypeValues.HAS_ACQ_CONTEXT)


def _container(name: Code, items: Iterable[ContentItem]) -> ContainerContentItem:
    container = ContainerContentItem(name, is_content_continuous=False, relationship_type=CONTAINS)
    container.ContentSequence = ContentSequence(list(items))
    return container


def _separate(groups: Iterable[ContentSequence]) -> list[ContentItem]:
    """The measurement groups as lists of items; highdicom makes them continuous, which viewers show as running text."""
    items = [item for group in groups for item in group]
    for item in items:
        item["ContinuityOfContent"].value = "SEPARATE"
    return items
