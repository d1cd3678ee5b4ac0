"""GEE against statsmodels' own formula and test, against scipy, and where it has no answer."""

import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy.stats import norm

from dibmg_monai.evaluation.gee import gee


def overlapping(kinds: int, *, seed: int) -> pd.DataFrame:
    """Cancers with one or two features, a row for each: outcome of the cancer, feature, patient."""
    rng = np.random.default_rng(seed)
    rows = []
    for cancer in range(150):
        shown = rng.choice(kinds, size=rng.integers(1, 3), replace=False)
        hit = int(rng.random() < 0.5 + 0.1 * shown.min())
        rows += [(hit, f"feature {feature}", f"patient {cancer // 2}") for feature in shown]
    return pd.DataFrame(rows, columns=["hit", "feature", "patient"])


@pytest.mark.parametrize("kinds", [2, 4])
def test_p_is_that_of_statsmodels(kinds: int) -> None:
    rows = overlapping(kinds, seed=kinds)
    fitted = smf.gee("hit ~ C(feature)", "patient", rows, family=sm.families.Binomial()).fit()
    expected = fitted.wald_test(np.eye(kinds)[1:], scalar=True).pvalue
    assert gee(rows["hit"], list(rows["feature"]), patients=list(rows["patient"])) == pytest.approx(expected, rel=1e-5)


def test_rows_that_share_no_patient_have_the_wald_test_of_two_proportions() -> None:
    hits = np.repeat([1, 0, 1, 0], [285, 54, 217, 63])
    found = gee(hits, ["mass"] * 339 + ["calcification"] * 280, patients=[str(index) for index in range(619)])
    variance = 1 / 285 + 1 / 54 + 1 / 217 + 1 / 63
    z = np.log(285 * 63 / 54 / 217) / variance**0.5
    assert found == pytest.approx(2 * norm.sf(abs(z)))


@pytest.mark.parametrize(
    ("hits", "levels"),
    [
        ([1, 1, 1, 0], ["mass", "mass", "calcification", "calcification"]),
        ([1, 0, 1, 0], ["mass"] * 4),
        ([], []),
    ],
    ids=["separated", "one level", "nothing"],
)
def test_no_answer_and_no_noise(hits: list[int], levels: list[str], capfd: pytest.CaptureFixture) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(gee(hits, levels, patients=[str(index) for index in range(len(hits))]))
    assert capfd.readouterr() == ("", "")


def test_levels_of_the_same_cancers_do_not_differ() -> None:
    hits = [1, 1, 0, 0] * 5
    levels = ["mass", "calcification"] * 10
    assert gee(hits, levels, patients=[str(index // 2) for index in range(20)]) == 1
