"""The losses: exam labels and nothing else for real exams; places as well for planted masses."""

import torch

from dibmg_monai.loss import ExamLoss, PlantedLoss
from dibmg_monai.pooling import dib_maps, scores


def test_loss_is_the_mean_negative_log_likelihood_of_the_exam_scores() -> None:
    maps = torch.randn(6, 8, 3, 3)
    label = torch.tensor([0, 1, 1, 0, 1, 0])
    present = torch.rand(6, 4) > 0.3
    present[:, 0] = True
    score = scores(maps, present)
    expected = -torch.where(label == 1, score, 1 - score).log().mean()
    torch.testing.assert_close(ExamLoss()(maps, {"label": label, "view_present": present}), expected)


def test_planted_loss_adds_the_cells_mean_by_kind() -> None:
    maps = torch.randn(2, 8, 3, 3)
    lesions = torch.zeros(2, 4, 12, 12)
    lesions[0, 1, :4, 4:8] = 1  # cell (0, 1), wholly
    lesions[0, 1, 4, 4] = 1  # cell (1, 1), a sixteenth: neither a mass nor free of it
    target = {"label": torch.tensor([1, 0]), "view_present": torch.ones(2, 4, dtype=torch.bool), "lesions": lesions}
    dib = dib_maps(maps)
    free = torch.ones(2, 4, 3, 3, dtype=torch.bool)
    free[0, 1, 0, 1] = free[0, 1, 1, 1] = False
    cells = -torch.sigmoid(dib[0, 1, 0, 1]).log() - torch.sigmoid(-dib[free]).log().mean()
    torch.testing.assert_close(PlantedLoss()(maps, target), ExamLoss()(maps, target) + cells / 2)


def test_planted_loss_without_any_mass_is_finite() -> None:
    target = {
        "label": torch.tensor([0]),
        "view_present": torch.ones(1, 4, dtype=torch.bool),
        "lesions": torch.zeros(1, 4, 12, 12),
    }
    assert PlantedLoss()(torch.randn(1, 8, 3, 3), target).isfinite()
