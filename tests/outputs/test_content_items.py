import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from dibmg_monai.outputs import content_items as items
from dibmg_monai.outputs.content_items import Relationship

HAS = Relationship.HAS_PROPERTIES


def test_places_count_from_the_corner_of_the_image() -> None:
    """PS3.3 C.18.6: column, then row; the center of the first pixel is 0.5, 0.5."""
    assert items.point(HAS, codes.DCM.Center, (0, 0)).GraphicData == [0.5, 0.5]
    assert items.point(HAS, codes.DCM.Center, (3, 40.25)).GraphicData == [40.75, 3.5]


def test_outline_is_closed() -> None:
    corners = np.array([(-0.5, -0.5), (-0.5, 1.5), (2.5, 1.5)])
    assert items.outline(HAS, codes.DCM.Outline, corners).GraphicData == [0, 0, 2, 0, 2, 3, 0, 0]


@pytest.mark.parametrize(("value", "written"), [(50.0, "50.0"), (2 / 3, "0.66666666666667"), (1e-20 / 3, None)])
def test_number_fits_a_decimal_string(value: float, written: str | None) -> None:
    number = items.number(HAS, codes.DCM.CertaintyOfFinding, value, unit=codes.UCUM.Percent)
    text = str(number.MeasuredValueSequence[0].NumericValue)
    assert len(text) <= 16 and float(text) == pytest.approx(value, rel=1e-8)
    assert written is None or text == written


def test_item_that_is_elsewhere_has_no_content() -> None:
    item = items.by_reference(Relationship.SELECTED_FROM, (1, 2, 3))
    assert {element.keyword: element.value for element in item} == {
        "RelationshipType": "SELECTED FROM",
        "ReferencedContentItemIdentifier": [1, 2, 3],
    }


def test_root_has_a_template_and_no_relationship() -> None:
    below = items.text(Relationship.CONTAINS, codes.DCM.Comment, "found")
    root = items.root(codes.DCM.MammographyCADReport, below, template="4000")
    assert "RelationshipType" not in root and root.ContentSequence[0] is below
    assert (root.ValueType, root.ContentTemplateSequence[0].MappingResource) == ("CONTAINER", "DCMR")


def test_leaf_has_no_sequence_of_content() -> None:
    assert "ContentSequence" not in items.code(HAS, codes.DCM.RenderingIntent, codes.DCM.Succeeded)


def test_instance_is_named_by_its_uids(recwarn: pytest.WarningsRecorder) -> None:
    source = Dataset()
    source.SOPClassUID, source.SOPInstanceUID = "1.2.3", "2.25.7"
    (item,) = items.image(Relationship.CONTAINS, source).ReferencedSOPSequence
    assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) == ("1.2.3", "2.25.7")
    assert not recwarn.list
