"""The network each way it can be computed, and beside others of MONAI's: same pixels, each in a process of its own."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import ceilings
import torch
from cost import Cost, apart, measure
from progress import say
from settings import Settings
from subject import Subject, gflop, prepared
from tables import Table, Value
from torch import nn

from dibmg_monai.network import DIBMG
from dibmg_monai.pixels.preprocessing import BLACK
from dibmg_monai.pooling import dib_maps, scores

NOT_BLACK = 1e-3  # above black


def as_read(subject: Subject) -> torch.Tensor:
    """The exam (1, 4, S, S) by train.yaml's preprocessing."""
    return subject.loaded.image[None]


def without_background(subject: Subject) -> torch.Tensor:
    """The exam as film.yaml reads films: without labels, edges and dust."""
    preprocessing = replace(subject.predictor.preprocessing, remove_background=True)
    return preprocessing(subject.exam).image[None]


def lightened(subject: Subject) -> torch.Tensor:
    """The exam with its black lifted a little, so that nothing of it is known before."""
    return as_read(subject).clamp(min=BLACK + NOT_BLACK)


def eager(subject: Subject) -> nn.Module:
    return subject.predictor.network


def channels_last(subject: Subject) -> nn.Module:
    return subject.predictor.network.to(memory_format=torch.channels_last)


def accelerated(subject: Subject) -> nn.Module:
    return subject.predictor.accelerated


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
        arithmetic: the network whose arithmetic counts, if that of ``make`` cannot be looked into.
        images: what it is given.
        slow: measured once, and not in a quick run.
    """

    name: str
    make: Callable[[Subject], nn.Module]
    arithmetic: Callable[[Subject], nn.Module] | None = None
    images: Callable[[Subject], torch.Tensor] = as_read
    slow: bool = False


CANDIDATES = (
    Candidate("DIB-MG as in train.yaml, eager", eager),
    Candidate("the same, channels last", channels_last),
    Candidate("the same as this package computes it", accelerated, eager),
    Candidate("and with the background removed, as in film.yaml", accelerated, eager, without_background),
    Candidate("and if no pixel of the exam were black", accelerated, eager, lightened),
    Candidate("MONAI ResNet-18, eager", resnet18),
    Candidate("MONAI DenseNet-121, eager", densenet121, slow=True),
)


def run(settings: Settings) -> Iterator[Table]:
    """One table."""
    rate = ceilings.measured(settings).gemm
    subject = prepared(settings)
    rows: list[tuple[Value, ...]] = []
    base = 0.0
    for index, candidate in enumerate(CANDIDATES):
        if candidate.slow and not settings.thorough:
            continue
        cost, work, millions = apart(_measure, index, subject)
        base, speed = base or cost.seconds, work / cost.seconds
        sizes = (millions, work, speed, speed / rate)
        rows.append((candidate.name, cost.seconds, cost.seconds / base, cost.cpu_seconds, *sizes, cost.memory))
        say(f"{candidate.name}: {cost.seconds:.3g} seconds")
    cells, score = apart(_differences, subject)
    yield Table(
        f"The network and others: four views at {settings.size} pixels",
        (
            "network",
            "seconds",
            "of the first",
            "CPU seconds",
            "million parameters",
            "GFLOP",
            "GFLOP/s",
            "of GEMM",
            "memory, MB",
        ),
        rows,
        (
            f"A cell of the map of train.yaml's network sees {receptive_field(DIBMG())} pixels.",
            f"This package's maps differ from eager ones by {cells:.1g} of their range, the score by {score:.1g}.",
        ),
    )


def _differences(subject: Subject) -> tuple[float, float]:
    """Of the cells of the map, in units of its range, and of the score."""
    images, present = subject.loaded.image[None], subject.loaded.view_present[None]
    with torch.inference_mode():
        expected, found = (compute(images) for compute in (subject.predictor.network, subject.predictor.accelerated))
    cells = (dib_maps(found) - dib_maps(expected)).abs().max() / (dib_maps(expected).max() - dib_maps(expected).min())
    return float(cells), float((scores(found, present) - scores(expected, present)).abs())


def receptive_field(network: DIBMG) -> int:
    """Side, in input pixels, of what one map cell can see."""
    field, step = 1, 1
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.MaxPool2d):
            sides = (module.kernel_size, module.stride)
            kernel, stride = (side[0] if isinstance(side, tuple) else side for side in sides)
            field += (kernel - 1) * step
            step *= stride
    return field


def _measure(index: int, subject: Subject) -> tuple[Cost, float, float]:
    """What a pass costs, in GFLOP too, and millions of parameters."""
    candidate = CANDIDATES[index]
    network, images = candidate.make(subject).eval(), candidate.images(subject)
    repeats = 1 if candidate.slow else subject.settings.repeats
    with torch.inference_mode():
        if not candidate.slow:
            network(images)  # sees black, and how much memory it needs
        cost = measure(lambda: network(images), repeats=repeats)
    known = candidate.arithmetic(subject) if candidate.arithmetic else network
    millions = sum(parameter.numel() for parameter in known.parameters()) / 1e6
    return cost, gflop(known, *images.shape), millions


def _a_view_each(network: nn.Module) -> nn.Module:
    """Take an exam (1, 4, S, S) as a batch of four images."""
    return nn.Sequential(nn.Unflatten(1, (4, 1)), nn.Flatten(0, 1), network)
