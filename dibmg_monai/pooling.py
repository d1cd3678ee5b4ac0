"""From class maps to scores: the two-stage global average pooling of Kim 2018, Figure 2.

First over the cells of each map, then over the views that are present. The exam, breast and view scores come from the
same maps: they differ in the views that the second average takes.
"""

from collections.abc import Iterable

import torch

from dibmg_monai.network import CLASSES
from dibmg_monai.views import VIEWS, Laterality, View


def split_views(maps: torch.Tensor) -> torch.Tensor:
    """(B, 8, h, w) class maps as the network gives them -> (B, 4, 2, h, w), view by class."""
    return maps.unflatten(1, (len(VIEWS), len(CLASSES)))


def dib_maps(maps: torch.Tensor) -> torch.Tensor:
    """The data-driven imaging biomarker: log-odds of cancer against normal, cell by cell.

    Softmax over two classes is the logistic function of their difference, and averages commute with differences, so the
    mean of these maps over cells and views is exactly the log-odds of the exam score.

    Args:
        maps: (B, 8, h, w) class maps, logits.

    Returns:
        (B, 4, h, w), unbounded.
    """
    by_class = split_views(maps)
    return by_class[:, :, CLASSES.index("cancer")] - by_class[:, :, CLASSES.index("normal")]


def exam_logits(maps: torch.Tensor, view_present: torch.Tensor) -> torch.Tensor:
    """Class logits of whole exams: means over cells, then over the views that are present.

    Args:
        maps: (B, 8, h, w) class maps, logits.
        view_present: (B, 4) bool; an absent view counts in no average.

    Returns:
        (B, 2); nan for an exam without any view.
    """
    per_view = split_views(maps).mean(dim=(-2, -1))
    weights = view_present.to(per_view).unsqueeze(-1)
    # An absent view is skipped, not multiplied by zero, so that nothing in it, nan included, can reach the exam.
    total = torch.where(weights > 0, per_view, 0).sum(dim=1)
    return total / weights.sum(dim=1)


def scores(maps: torch.Tensor, view_present: torch.Tensor, *, views: Iterable[View] = VIEWS) -> torch.Tensor:
    """Cancer scores of whole exams (y_pred), or of the views named: one breast, or one view.

    Args:
        maps: (B, 8, h, w) class maps, logits.
        view_present: (B, 4) bool.
        views: the views to average over; absent ones are left out.

    Returns:
        (B,) in [0, 1]; nan where none of the views is present.
    """
    chosen = torch.tensor([view in tuple(views) for view in VIEWS], device=view_present.device)
    logits = exam_logits(maps, view_present & chosen)
    return logits.softmax(dim=1)[:, CLASSES.index("cancer")]


def breast_views(laterality: Laterality) -> tuple[View, ...]:
    """The views that show one breast."""
    return tuple(view for view in VIEWS if view.laterality is laterality)
