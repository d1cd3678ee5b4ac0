"""Which window or table is shown: the policy's first that can be, told in words; never one passed over in silence."""

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.dataelem import DataElement

from dibmg_monai.errors import DibmgError
from dibmg_monai.pixels.voi import check_policy, doubt, values_of_interest, window

INPUTS = np.arange(4096.0)
# Three in ten pixels are breast, 1500 to 3500, the rest air.
COUNTS = np.where((INPUTS >= 1500) & (INPUTS < 3500), 3.0 / 2000, 0)
COUNTS[5] = 7
COUNTS = (COUNTS * 10000).astype(int)


def table(*, explanation: str = "", highest: int = 4095, **attributes: object) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [4096, 0, 12])
    item.add_new("LUTData", "US", np.linspace(0, highest, 4096).astype(int).tolist())
    if explanation:
        item.LUTExplanation = explanation
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def header(**attributes: object) -> Dataset:
    """Values as text, so that damaged ones can be set."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        if keyword == "VOILUTSequence":
            dataset.VOILUTSequence = value
        else:
            dataset[keyword] = DataElement(keyword, "LO", value)
    return dataset


WINDOW = {"WindowCenter": "2000", "WindowWidth": "3000"}


@pytest.mark.parametrize(
    ("attributes", "policy", "words"),
    [
        (WINDOW, "window", "window 1 of 1: center 2000, width 3000, LINEAR"),
        ({**WINDOW, "VOILUTFunction": "SIGMOID"}, "lut", "window 1 of 1: center 2000, width 3000, SIGMOID"),
        ({**WINDOW, "VOILUTFunction": "sigmoid"}, "window", "window 1 of 1: center 2000, width 3000, SIGMOID"),
        ({**WINDOW, "VOILUTFunction": ""}, "window", "window 1 of 1: center 2000, width 3000, LINEAR"),
        ({**WINDOW, "VOILUTSequence": [table()]}, "window", "window 1 of 1: center 2000, width 3000, LINEAR"),
        ({**WINDOW, "VOILUTSequence": [table()]}, "lut", "VOI LUT 1 of 1: 4096 entries from 0, 12 bits"),
        ({**WINDOW, "VOILUTSequence": [table()]}, "auto", "window 1 of 1: center 2000, width 3000, LINEAR"),
        ({"VOILUTSequence": [table()]}, "window", "VOI LUT 1 of 1: 4096 entries from 0, 12 bits"),
        (
            {"VOILUTSequence": [table(explanation="HARDER"), table()]},
            "auto",
            "VOI LUT 1 of 2, HARDER: 4096 entries from 0, 12 bits",
        ),
        (
            {
                "WindowCenter": ["2000", "9"],
                "WindowWidth": ["3000", "8"],
                "WindowCenterWidthExplanation": ["A\nB", "C"],
            },
            "window",
            "window 1 of 2, A B: center 2000, width 3000, LINEAR",
        ),
        ({}, "window", "full range: 0 to 4095"),
        ({"VOILUTSequence": []}, "lut", "full range: 0 to 4095"),
        ({"WindowCenter": "", "WindowWidth": ""}, "auto", "full range: 0 to 4095"),
    ],
)
def test_what_is_shown(attributes: dict, policy: str, words: str) -> None:
    found = values_of_interest(INPUTS, header(**attributes), policy=policy, counts=COUNTS)
    assert (found.words, found.warnings) == (words, ())


@pytest.mark.parametrize("policy", ["window", "lut", "auto"])
@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"WindowCenter": "2000", "WindowWidth": "0"}, "WindowWidth (0028,1051) is 0; LINEAR needs at least 1"),
        ({"WindowCenter": "2000", "WindowWidth": "-5"}, "WindowWidth (0028,1051) is -5; LINEAR needs at least 1"),
        (
            {"WindowCenter": "2000", "WindowWidth": "0", "VOILUTFunction": "SIGMOID"},
            "WindowWidth (0028,1051) is 0; SIGMOID needs more than 0",
        ),
        ({"WindowCenter": "abc", "WindowWidth": "9"}, "its WindowCenter (0028,1050) is missing or no number"),
        ({"WindowCenter": "NaN", "WindowWidth": "9"}, "its WindowCenter (0028,1050) is missing or no number"),
        ({"WindowCenter": "9"}, "its WindowWidth (0028,1051) is missing or no number"),
        ({"WindowCenter": "9", "WindowWidth": "1e999"}, "its WindowWidth (0028,1051) is missing or no number"),
        (
            {"WindowCenter": "9", "WindowWidth": "9", "VOILUTFunction": "CUBIC"},
            "VOILUTFunction (0028,1056) is 'CUBIC'; LINEAR, LINEAR_EXACT, SIGMOID are defined",
        ),
    ],
)
def test_a_window_that_is_none_is_passed_over(attributes: dict, reason: str, policy: str) -> None:
    found = values_of_interest(INPUTS, header(**attributes), policy=policy, counts=COUNTS)
    assert found.words == "full range: 0 to 4095"
    assert found.warnings == (f"window 1 of 1 was passed over: {reason}",)
    with_table = header(**attributes, VOILUTSequence=[table()])
    found = values_of_interest(INPUTS, with_table, policy=policy, counts=COUNTS)
    assert found.words.startswith("VOI LUT 1 of 1")
    assert len(found.warnings) == (0 if policy == "lut" else 1)


def test_the_next_window_and_the_next_table() -> None:
    windows = {"WindowCenter": ["x", "2000"], "WindowWidth": ["9", "3000"]}
    tables = [table(LUTDescriptor=None), table()]
    found = values_of_interest(INPUTS, header(**windows, VOILUTSequence=tables), policy="window")
    assert found.words.startswith("window 2 of 2: center 2000")
    found = values_of_interest(INPUTS, header(**windows, VOILUTSequence=tables), policy="lut")
    assert found.words.startswith("VOI LUT 2 of 2")
    assert found.warnings[0].startswith("VOI LUT 1 of 2 was passed over: LUTDescriptor (0028,3002) has 0 values")


def test_more_centers_than_widths() -> None:
    found = values_of_interest(INPUTS, header(WindowCenter=["2000", "9"], WindowWidth="3000"), policy="window")
    assert found.words == "window 1 of 2: center 2000, width 3000, LINEAR"


@pytest.mark.parametrize(
    ("center", "width", "reason"),
    [
        ("128", "256", "leaves 7.3% of the image's values between black and white; 10% are expected"),  # for 8 bits
        ("60000", "100", "leaves 0.0% of the image's values between black and white"),  # outside of what there is
        ("32768", "65535", "spreads the image's values over 5.2% of the grays; 10% are expected"),  # for 16 bits
    ],
)
def test_auto_passes_over_a_window_that_was_not_made_for_the_image(center: str, width: str, reason: str) -> None:
    odd = {"WindowCenter": center, "WindowWidth": width}
    found = values_of_interest(INPUTS, header(**odd, VOILUTSequence=[table()]), policy="auto", counts=COUNTS)
    assert found.words.startswith("VOI LUT")
    assert found.warnings[0].startswith(f"window 1 of 1 was passed over: it {reason}")
    second = {"WindowCenter": [center, "2000"], "WindowWidth": [width, "3000"]}
    found = values_of_interest(INPUTS, header(**second, VOILUTSequence=[table()]), policy="auto", counts=COUNTS)
    assert found.words.startswith("window 2 of 2")
    alone = values_of_interest(INPUTS, header(**odd), policy="auto", counts=COUNTS)
    assert alone.words.startswith("window 1 of 1")
    assert alone.warnings[-1] == "nothing better is in the header, so window 1 of 1 was shown"
    followed = values_of_interest(INPUTS, header(**odd, VOILUTSequence=[table()]), policy="window", counts=COUNTS)
    assert (followed.words[:13], followed.warnings) == ("window 1 of 1", ())


def test_no_doubt_about_steep_and_soft_windows() -> None:
    for center, width, function in [(2500, 800, "LINEAR"), (2048, 4096, "LINEAR_EXACT"), (2400, 1500, "SIGMOID")]:
        assert doubt(window(INPUTS, center, width, function=function), COUNTS) == ""
    assert doubt(np.zeros(4096), np.zeros(4096, int)) == ""


@pytest.mark.parametrize("policy", ["lut", "auto"])
def test_what_a_wrong_table_says_is_in_the_warnings(policy: str) -> None:
    odd = table()
    odd.add_new("LUTDescriptor", "US", [4096, 0, 16])
    found = values_of_interest(INPUTS, header(VOILUTSequence=[odd]), policy=policy, counts=COUNTS)
    np.testing.assert_allclose(found.shown, INPUTS / 4095)
    assert found.warnings[0].startswith("VOI LUT 1 of 1: LUTDescriptor (0028,3002) says 16 bits, but the highest entry")


@pytest.mark.parametrize("policy", ["", "LUT", "none", None])
def test_a_policy_that_is_none(policy: str) -> None:
    with pytest.raises(DibmgError, match=f"voi is {policy!r}; window, lut, auto are accepted"):
        check_policy(policy)
