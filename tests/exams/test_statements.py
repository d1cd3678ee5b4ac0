import pytest

from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.exams.statements import Source, Statement, contradictions, first_statement
from tests.exams.conftest import header_with

SOURCES = (
    Source("first", "PS3.3", lambda h: h.text("ImageLaterality")),
    Source("second", "PS3.3", lambda h: h.text("Laterality")),
    Source("last", "vendor practice", lambda h: h.text("SeriesDescription"), is_last_resort=True),
)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"ImageLaterality": "R", "Laterality": "L", "SeriesDescription": "L"}, Statement("R", "first")),
        ({"ImageLaterality": "", "Laterality": "L"}, Statement("L", "second")),
        ({"SeriesDescription": "L"}, Statement("L", "last")),
        ({"ImageLaterality": "?", "Laterality": "L"}, Statement("?", "first")),
        ({}, Statement()),
    ],
)
def test_the_first_place_that_says_something_decides(attributes: dict, expected: Statement) -> None:
    found = first_statement(SOURCES, header_with(**attributes))
    assert found == expected
    assert bool(found) == bool(attributes)


def test_contradictions_are_what_understood_witnesses_say_otherwise() -> None:
    def against(**attributes: object) -> tuple[Statement, ...]:
        header: Attributes = header_with(**attributes)
        return contradictions(first_statement(SOURCES, header), SOURCES, header, known=frozenset("RL"))

    assert against(ImageLaterality="R", Laterality="L") == (Statement("L", "second"),)
    assert against(ImageLaterality="R", Laterality="R") == ()
    assert against(ImageLaterality="R", Laterality="?") == ()
    assert against(ImageLaterality="R", SeriesDescription="L") == ()
    assert against() == ()
