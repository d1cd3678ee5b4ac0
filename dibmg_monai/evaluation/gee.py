"""Groups that overlap: logistic regression with generalized estimating equations, as for Kim 2018, Table 5."""

import math
import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.genmod.cov_struct import Independence
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_estimating_equations import GEE

from dibmg_monai.evaluation.statistics import equality


def gee(outcomes: ArrayLike, levels: Sequence[str], *, patients: Sequence[str]) -> float:
    """p-value of the test that the odds of an outcome are the same at all levels.

    Logistic regression with generalized estimating equations (Liang and Zeger 1986, Biometrika 73:13). A cancer with
    two features stands in two rows with one outcome, so its rows are not independent: the patient is the cluster, and
    the variance is the robust one. The working correlation is independence, as by default in SAS's GENMOD and R's
    geepack; the odds compared are then those of the table. An exchangeable one learns that rows of one cancer always
    agree, and pulls the odds to where such cancers show no difference.

    Args:
        outcomes: (n,) 0 or 1.
        levels: (n,) the level that each row belongs to.
        patients: (n,) whose each row is.

    Returns:
        In [0, 1]; nan with fewer than two levels, where the outcome of a level is always the same (its odds are then 0
        or infinite).
    """
    hits, names = np.asarray(outcomes), np.asarray(levels)
    kinds = np.unique(names)
    if len(kinds) < 2 or any(np.ptp(hits[names == kind]) == 0 for kind in kinds):
        return math.nan
    design = (names[:, None] == kinds).astype(float)
    clusters = np.unique(np.asarray(patients), return_inverse=True)[1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they would say ends in a nan
        fitted = GEE(hits, design, groups=clusters, family=Binomial(), cov_struct=Independence()).fit()
    return equality(fitted.params, fitted.cov_params())
