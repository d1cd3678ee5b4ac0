"""The exam label is the only supervision: maps -> pooled logits -> cross-entropy.

Kim 2018, Development of the Algorithm.
"""

from collections.abc import Mapping

import torch
from torch import nn

from dibmg_monai.pooling import exam_logits


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
