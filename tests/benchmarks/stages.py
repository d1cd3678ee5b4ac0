"""Where the seconds of an exam go: each stage by itself, in a process of its own, beside what the machine can do.

A stage is a function of the subject that sets up, and gives what is measured and how much work it is, in the unit of
its ceiling. Stages in STAGES are all that the tables have: another is a line there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ceilings
import numpy as np
import pictures
import pydicom
import torch
from cost import Cost, apart, measure
from progress import say
from settings import Settings
from subject import Subject, gflop, prepared
from tables import Table, Value
from torch import nn

from dibmg_monai.exams.assembly import assemble
from dibmg_monai.outputs.exam_files import WRITERS, Output, write_exam
from dibmg_monai.outputs.material import Material
from dibmg_monai.outputs.scores import ResultsWriter
from dibmg_monai.pixels.reader import read_image
from dibmg_monai.pixels.stored import stored_image

Action = Callable[[], object]
Work = Callable[[], float]
PIXEL_BYTES = 4  # float32


@dataclass(frozen=True)
class Stage:
    """One stage.

    Attributes:
        name: indented if it is a part of the one after it.
        prepare: what to measure, and how much work it was, counted afterwards.
        ceiling: its name, and how to get it; None where none makes sense.
    """

    name: str
    prepare: Callable[[Subject], tuple[Action, Work]]
    ceiling: tuple[str, Callable[[ceilings.Ceilings], float]] | None = None


@dataclass(frozen=True)
class StageCost:
    """What a stage took, and its work in the unit of its ceiling."""

    cost: Cost
    work: float


def no_work() -> float:
    """Of stages without a ceiling."""
    return 0.0


def header_scan(subject: Subject) -> tuple[Action, Work]:
    return lambda: assemble(subject.settings.study), no_work


def decode(subject: Subject) -> tuple[Action, Work]:
    return _each_file(subject, lambda path: stored_image(pydicom.dcmread(path), path=path))


def decode_window(subject: Subject) -> tuple[Action, Work]:
    return _each_file(subject, read_image)


def resize_pad(subject: Subject) -> tuple[Action, Work]:
    sources = {view: read_image(subject.exam.path(view)) for view in subject.exam.files}
    preprocessing = subject.predictor.preprocessing
    return lambda: [
        preprocessing.view(source, view) for view, source in sources.items()
    ], lambda: PIXEL_BYTES * (1e6 * _megapixels(subject) + subject.loaded.image.numel()) / 1e9


def read(subject: Subject) -> tuple[Action, Work]:
    predictor = subject.predictor
    return lambda: predictor.read(subject.exam), lambda: _megapixels(subject)


def eager_network(subject: Subject) -> tuple[Action, Work]:
    return _network(subject, subject.predictor.network)


def network(subject: Subject) -> tuple[Action, Work]:
    return _network(subject, subject.predictor.accelerated)


def pooling(subject: Subject) -> tuple[Action, Work]:
    return subject.result, lambda: PIXEL_BYTES * subject.loaded.image.numel() / 1e9


def draw(subject: Subject) -> tuple[Action, Work]:
    result = subject.result()
    return lambda: Material(result).pictures, lambda: 4 * sum(map(np.size, subject.loaded.pictures.values())) / 1e9


def png(subject: Subject) -> tuple[Action, Work]:
    action, _, material = _writing(subject, Output.PNG)
    return action, lambda: sum(picture.size for picture in material.pictures.values()) / 1e6


def files_of(output: Output) -> Callable[[Subject], tuple[Action, Work]]:
    """The stage that writes one output; what it shares with others is made before."""

    def prepare(subject: Subject) -> tuple[Action, Work]:
        action, folder, _ = _writing(subject, output)
        return action, lambda: 2 * sum(path.stat().st_size for path in folder.iterdir()) / 1e9

    return prepare


def results_json(subject: Subject) -> tuple[Action, Work]:
    result, results = subject.result(), ResultsWriter(_folder(subject, Output.JSON))
    return lambda: results.add(result, maps={}), no_work


def whole_exam(subject: Subject) -> tuple[Action, Work]:
    predictor, exam = subject.predictor, subject.exam
    results = ResultsWriter(_folder(subject, "whole"))
    write_exam(predictor(exam), results)
    return lambda: write_exam(predictor(exam), results), no_work


DECODING = ("decoding", lambda found: found.decode)
COPY = ("memory copy", lambda found: found.copy)
DEFLATE = ("deflate", lambda found: found.deflate)
GEMM = ("GEMM, float32", lambda found: found.gemm)
WHOLE, NETWORK = "whole exam, warm, default outputs", "network"
OTHER_OUTPUTS = [output for output in WRITERS if output is not Output.PNG]
STAGES = (
    Stage("header scan", header_scan),
    Stage("  decode", decode, DECODING),
    Stage("  decode, window", decode_window, DECODING),
    Stage("  resize, pad", resize_pad, COPY),
    Stage("files to input and pictures", read, DECODING),
    Stage("  network, eager", eager_network, GEMM),
    Stage(NETWORK, network, GEMM),
    Stage("pooling, findings", pooling, COPY),
    Stage("  overlays", draw, COPY),
    Stage("  png, with overlays at hand", png, DEFLATE),
    *(
        Stage(f"  {output}" + ", with overlays at hand" * (output is Output.SC), files_of(output), ceiling)
        for output in OTHER_OUTPUTS
        for ceiling in [COPY if output in (Output.SC, Output.SEG) else None]
    ),
    Stage("  json", results_json),
    Stage(WHOLE, whole_exam),
)
SHIPPED = ("files to input and pictures", NETWORK, "pooling, findings", "  overlays", WHOLE)


@cache
def measured(settings: Settings, shipped: bool) -> dict[str, StageCost]:
    """All stages, measured once a run."""
    subject = prepared(settings, shipped=shipped)
    names = SHIPPED if shipped else [stage.name for stage in STAGES]
    found = {}
    for name in names:
        found[name] = apart(_measure, name, subject)
        say(f"{name.strip()}: {found[name].cost.seconds:.3g} seconds")
    return found


def run(settings: Settings) -> Iterator[Table]:
    """A table of all stages at the paper's size, and a short one of the shipped weights."""
    yield _table(settings, shipped=False)
    found = measured(settings, False)
    pictures.bars(
        {name.strip(): stage.cost.seconds for name, stage in found.items()},
        title=f"One exam at {settings.size} pixels, warm",
        path=settings.output / "stages.png",
    )
    if settings.thorough:
        yield _table(settings, shipped=True)


def _measure(name: str, subject: Subject) -> StageCost:
    stage = next(stage for stage in STAGES if stage.name == name)
    action, work = stage.prepare(subject)
    return StageCost(measure(action, repeats=subject.settings.repeats), work())


def _table(settings: Settings, *, shipped: bool) -> Table:
    costs, rates = measured(settings, shipped), ceilings.measured(settings)
    whole, base = costs[WHOLE].cost.seconds, costs[NETWORK].cost.seconds
    rows: list[tuple[Value, ...]] = []
    for stage in STAGES:
        if stage.name not in costs:
            continue
        found = costs[stage.name]
        cost = found.cost
        share = f"{cost.seconds / whole:.0%}"
        limit, reached = None, None
        if stage.ceiling:
            limit, rate = stage.ceiling[0], stage.ceiling[1](rates)
            reached = found.work / cost.seconds / rate
        rows.append(
            (
                stage.name.replace("  ", "· "),
                cost.seconds,
                cost.cpu_seconds,
                share,
                cost.seconds / base,
                limit,
                reached,
                cost.memory,
            )
        )
    what = (
        "the shipped weights and their input size"
        if shipped
        else f"the network of train.yaml at {settings.size} pixels"
    )
    return Table(
        f"One exam, stage by stage: {what}",
        ("stage", "seconds", "CPU seconds", "share", "of network", "ceiling", "of ceiling", "memory, MB"),
        rows,
    )


def _each_file(subject: Subject, function: Callable[[Path], object]) -> tuple[Action, Work]:
    paths = [subject.exam.path(view) for view in subject.exam.files]

    def action() -> None:
        for path in paths:
            function(path)

    return action, lambda: _megapixels(subject)


def _network(subject: Subject, network: nn.Module) -> tuple[Action, Work]:
    images = subject.loaded.image[None]
    return torch.inference_mode()(lambda: network(images)), lambda: gflop(subject.predictor.network, *images.shape)


def _megapixels(subject: Subject) -> float:
    geometries = subject.loaded.geometries.values()
    return sum(geometry.source_rows * geometry.source_columns for geometry in geometries) / 1e6


def _folder(subject: Subject, name: str) -> Path:
    folder = subject.settings.output / "written" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _writing(subject: Subject, output: Output) -> tuple[Action, Path, Material]:
    folder, material = _folder(subject, output), Material(subject.result())
    if output in (Output.PNG, Output.SC):
        _ = material.pictures
    return lambda: WRITERS[output].write(material, folder), folder, material
