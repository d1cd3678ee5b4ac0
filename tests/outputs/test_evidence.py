from collections.abc import Callable

import numpy as np
import pytest

from dibmg_monai.inference import ViewResult
from dibmg_monai.outputs.evidence import evidence_levels

MakeFound = Callable[..., ViewResult]


@pytest.mark.parametrize("shape", [None, (30, 20), (61, 43)])
def test_levels_are_shares_of_the_scale(shape: tuple[int, int] | None, make_found: MakeFound) -> None:
    found = make_found(background=-1.0, peak=6.0)
    levels = evidence_levels(found, scale=4.0, shape=shape)
    log_odds = np.concatenate([*found.geometry.map_stripes(found.dib, shape=shape)])
    assert levels.shape == (shape or (60, 40)) and levels.min() == 0
    np.testing.assert_allclose(levels / 255 * 4.0, log_odds.clip(0, 4.0), atol=0.5 / 255 * 4.0 + 1e-6)
