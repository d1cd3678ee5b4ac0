"""The network beside others of MONAI's, on the same pixels; each in a process of its own, eager, in float32."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import ceilings
import torch
from cost import Cost, apart, measure
from settings import Settings
from subject import Subject, gflop, prepared
from tables import Table
from torch import nn


def paper(subject: Subject) -> nn.Module:
    return subject.predictor.network


def resnet18(subject: Subject) -> nn.Module:
    from monai.networks.nets import resnet18

    # MONAI's first convolution has stride 1 by default, which costs four times as much; He et al. 2016 have 2
    return _a_view_each(resnet18(spatial_dims=2, n_input_channels=1, num_classes=2, conv1_t_stride=2))


def densenet121(subject: Subject) -> nn.Module:
    from monai.networks.nets import DenseNet121

    return _a_view_each(DenseNet121(spatial_dims=2, in_channels=1, out_channels=2))


@dataclass(frozen=True)
class Candidate:
    """A network, exam (1, 4, S, S) -> anything.

    Attributes:
        name: as in the table.
        make: it.
        slow: measured once, and not in a quick run.
    """

    name: str
    make: Callable[[Subject], nn.Module]
    slow: bool = False


CANDIDATES = (
    Candidate("DIB-MG as in train.yaml, eager", paper),
    Candidate("MONAI ResNet-18, eager", resnet18),
    Candidate("MONAI DenseNet-121, eager", densenet121, slow=True),
)


def run(settings: Settings) -> Iterator[Table]:
    """One table."""
    rate = ceilings.measured(settings).gemm
    subject = prepared(settings)
    rows = []
    for index, candidate in enumerate(CANDIDATES):
        if candidate.slow and not settings.thorough:
            continue
        cost, work = apart(_measure, index, subject)
        first = rows[0][1] if rows else cost.seconds
        speed = work / cost.seconds
        rows.append(
            (
                candidate.name,
                cost.seconds,
                cost.seconds / first,
                cost.cpu_seconds,
                work,
                speed,
                speed / rate,
                cost.memory,
            )
        )
    yield Table(
        f"The network beside others: four views at {settings.size} pixels",
        ("network", "seconds", "of the first", "CPU seconds", "GFLOP", "GFLOP/s", "of GEMM", "memory, MB"),
        rows,
    )


def _measure(index: int, subject: Subject) -> tuple[Cost, float]:
    candidate = CANDIDATES[index]
    network, images = candidate.make(subject).eval(), subject.loaded.image[None]
    repeats = 1 if candidate.slow else subject.settings.repeats
    with torch.inference_mode():
        return measure(lambda: network(images), repeats=repeats), gflop(network, *images.shape)


def _a_view_each(network: nn.Module) -> nn.Module:
    """Take an exam (1, 4, S, S) as a batch of four images."""
    return nn.Sequential(nn.Unflatten(1, (4, 1)), nn.Flatten(0, 1), network)
