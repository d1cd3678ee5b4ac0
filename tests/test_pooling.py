"""Scores are pooled maps, and nothing else."""

import pytest
import torch

from dibmg_monai.pooling import breast_views, dib_maps, exam_logits, scores
from dibmg_monai.views import VIEWS, Laterality, View

ALL = torch.ones(1, 4, dtype=torch.bool)


@pytest.fixture
def maps() -> torch.Tensor:
    return torch.randn(1, 8, 5, 6, generator=torch.Generator().manual_seed(1)) * 3


def test_exam_score_is_the_logistic_of_the_mean_dib(maps: torch.Tensor) -> None:
    torch.testing.assert_close(scores(maps, ALL), dib_maps(maps).mean(dim=(1, 2, 3)).sigmoid())


@pytest.mark.parametrize("view", VIEWS)
def test_view_score_is_the_logistic_of_its_mean_dib(maps: torch.Tensor, view: View) -> None:
    torch.testing.assert_close(scores(maps, ALL, views=[view]), dib_maps(maps)[:, view.channel].mean().sigmoid()[None])


def test_exam_log_odds_are_the_mean_of_the_breasts(maps: torch.Tensor) -> None:
    breasts = [scores(maps, ALL, views=breast_views(side)).logit() for side in Laterality]
    torch.testing.assert_close(scores(maps, ALL).logit(), sum(breasts) / 2)


@pytest.mark.parametrize("absent", VIEWS)
def test_an_absent_view_counts_in_no_average(maps: torch.Tensor, absent: View) -> None:
    present = ALL.clone()
    present[0, absent.channel] = False
    spoiled = maps.clone()
    spoiled[:, 2 * absent.channel : 2 * absent.channel + 2] = float("nan")
    others = [view for view in VIEWS if view is not absent]
    torch.testing.assert_close(scores(spoiled, present), scores(maps, ALL, views=others))


def test_no_view_no_score(maps: torch.Tensor) -> None:
    assert scores(maps, ~ALL).isnan().all()


def test_an_absent_view_gets_no_gradient() -> None:
    maps = torch.randn(1, 8, 4, 4, requires_grad=True)
    present = torch.tensor([[True, True, False, True]])
    exam_logits(maps, present)[0, 1].backward()
    assert maps.grad is not None
    assert not maps.grad[:, 4:6].any()
    assert maps.grad[:, 1].eq(1 / (3 * 16)).all()
