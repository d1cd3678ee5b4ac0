"""The loss knows exam labels and nothing else."""

import torch

from dibmg_monai.loss import ExamLoss
from dibmg_monai.pooling import scores


def test_loss_is_the_mean_negative_log_likelihood_of_the_exam_scores() -> None:
    maps = torch.randn(6, 8, 3, 3)
    label = torch.tensor([0, 1, 1, 0, 1, 0])
    present = torch.rand(6, 4) > 0.3
    present[:, 0] = True
    score = scores(maps, present)
    expected = -torch.where(label == 1, score, 1 - score).log().mean()
    torch.testing.assert_close(ExamLoss()(maps, {"label": label, "view_present": present}), expected)
