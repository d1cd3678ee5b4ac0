"""The exam label is the only supervision of real exams: maps -> pooled logits -> cross-entropy.

Kim 2018, Development of the Algorithm.
"""

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from dibmg_monai.pooling import dib_maps, exam_logits


class ExamLoss(nn.Module):
    """Cross-entropy between an exam's pooled class logits and its label; nothing else of the exam is known to it.

    Args:
        label_smoothing: as in ``torch.nn.CrossEntropyLoss``; the paper has none.
    """

    def __init__(self, *, label_smoothing: float = 0.0) -> None:
        super().__init__()
        self.cross_entropy = nn.CrossEntropyLoss(label_smoothing=label_smoothing)

    def forward(self, maps: torch.Tensor, target: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scalar loss.

        Args:
            maps: (B, 8, h, w) class maps, logits.
            target: ``label`` (B,) int, 1 cancer or 0 normal, and ``view_present`` (B, 4) bool.
        """
        logits = exam_logits(maps.float(), target["view_present"])
        loss: torch.Tensor = self.cross_entropy(logits, target["label"])
        return loss


class PlantedLoss(nn.Module):
    """``ExamLoss`` for exams with planted masses, whose places are known: the map's cells are told as well.

    Cells that a mass covers to a fifth or more shall be positive, cells without any negative; both kinds weigh alike.
    For phantom lesions alone: a real exam teaches by its label only.
    """

    COVERED = 0.2

    def __init__(self) -> None:
        super().__init__()
        self.exam_loss = ExamLoss()

    def forward(self, maps: torch.Tensor, target: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Scalar loss.

        Args:
            maps: (B, 8, h, w) class maps, logits.
            target: as ``ExamLoss`` has it, and ``lesions`` (B, 4, S, S), 1 in a mass, else 0.
        """
        dib = dib_maps(maps.float())
        stride = target["lesions"].shape[-1] // dib.shape[-1]
        covered = functional.avg_pool2d(target["lesions"], stride)
        masses, others = dib[covered >= self.COVERED], dib[covered == 0]
        cells = functional.softplus(others).mean() + (functional.softplus(-masses).mean() if len(masses) else 0.0)
        loss: torch.Tensor = self.exam_loss(maps, target) + cells / 2
        return loss
