"""What is measured: an exam, the network of train.yaml with weights of no meaning, and simulated exams for a folder."""

import os
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from shutil import rmtree

import torch
from cost import PROCESSES, apart
from progress import say
from settings import BUNDLE, Settings
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dibmg_monai.exams.assembly import assemble
from dibmg_monai.exams.exam import Exam
from dibmg_monai.findings import SCALE_FLOOR
from dibmg_monai.inference import ExamResult, ModelInfo, Predictor, exam_result
from dibmg_monai.network import DIBMG
from dibmg_monai.phantom import write_phantoms
from dibmg_monai.pixels.preprocessing import ExamInput, Preprocessing
from dibmg_monai.pooling import dib_maps
from dibmg_monai.weights import load_predictor, load_weights, write_model_config, write_state

MODEL = ModelInfo("bench", "0", "0")
CALIBRATION_SIZE = 800  # pixels, at most
SPREAD = 1.5  # standard deviation of the map's log-odds
STRONG_CELLS = 0.02  # share of the map's cells that findings are made of


def write_weights(settings: Settings) -> None:
    """Weights for the network of train.yaml, and the config that belongs to them.

    They are random, but like a trained network's in what costs time: activations of unit variance in all layers, and
    maps with some findings.
    """
    torch.manual_seed(0)
    network = DIBMG()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the statistics are those of the one pass below
    (exam,) = assemble(settings.study).exams
    loaded = Preprocessing(image_size=min(settings.size, CALIBRATION_SIZE))(exam)
    with torch.no_grad():
        network.train()(loaded.image[None])
        network.eval()
        network.aggregate_block.weight *= SPREAD / dib_maps(network(loaded.image[None])).std()
        strong = dib_maps(network(loaded.image[None])).flatten().quantile(1 - STRONG_CELLS)
        network.aggregate_block.bias[1] += SCALE_FLOOR - strong
    write_state(network.state_dict(), path=settings.weights)
    write_model_config(settings.weights, network=network, preprocessing=Preprocessing(image_size=settings.size))


def gflop(network: nn.Module, *shape: int) -> float:
    """Of one pass, multiplications and additions counted apart; nothing is computed for it."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        deepcopy(network).to("meta")(torch.empty(shape, device="meta"))
    return counter.get_total_flops() / 1e9


@dataclass(frozen=True)
class Subject:
    """One exam, and one predictor for it; each part is made when it is first asked for, and kept.

    Attributes:
        settings: of this run.
        shipped: take the bundle's weights and input size instead of the paper's size.
    """

    settings: Settings
    shipped: bool = False

    @cached_property
    def exam(self) -> Exam:
        (exam,) = assemble(self.settings.study).exams
        return exam

    @cached_property
    def predictor(self) -> Predictor:
        if self.shipped:
            return load_predictor(BUNDLE)
        network = load_weights(DIBMG(), self.settings.weights)
        return Predictor(network, preprocessing=Preprocessing(image_size=self.settings.size), model=MODEL)

    @property
    def loaded(self) -> ExamInput:
        return self._prepared[0]

    @property
    def maps(self) -> torch.Tensor:
        """(8, h, w)."""
        return self._prepared[1]

    def result(self) -> ExamResult:
        """What the maps say; not kept."""
        return exam_result(
            self.exam,
            image=self.loaded.image,
            maps=self.maps,
            view_present=self.loaded.view_present,
            geometries=self.loaded.geometries,
            voi=self.loaded.voi,
            warnings=self.loaded.warnings,
            model=MODEL,
            pictures=self.loaded.pictures,
        )

    @property
    def file(self) -> Path:
        """Keeps the exam's input and maps, so that a process for a later stage needs none before."""
        return self.settings.output / f"prepared{'-shipped' if self.shipped else ''}.pt"

    @cached_property
    def _prepared(self) -> tuple[ExamInput, torch.Tensor]:
        return torch.load(self.file, weights_only=False)

    def prepare(self) -> None:
        """Write what ``loaded``, ``maps`` and ``result`` read."""
        loaded = self.predictor.read(self.exam)
        with torch.inference_mode():
            torch.save((loaded, self.predictor.accelerated(loaded.image[None])[0].clone()), self.file)


@cache
def prepared(settings: Settings, *, shipped: bool = False) -> Subject:
    """The subject of all parts of this run, with its file written."""
    subject = Subject(settings, shipped)
    apart(subject.prepare)
    return subject


def phantom_folder(settings: Settings) -> Path:
    """A folder with ``settings.exams`` different simulated exams; those that an earlier run made are taken again."""
    kept = settings.output / f"phantoms-{settings.rows}"
    missing = [seed for seed in range(settings.exams) if not (kept / str(seed) / "datalist.json").exists()]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=PROCESSES) as pool:
        makers = [
            pool.submit(write_phantoms, kept / str(seed), exams=1, seed=seed, rows=settings.rows) for seed in missing
        ]
        for number, maker in enumerate(makers, start=1):
            maker.result()
            if number % 10 == 0:
                say(f"simulated exam {number} of {len(missing)}")
    folder = settings.output / "folder"
    rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for seed in range(settings.exams):
        (folder / str(seed)).symlink_to((kept / str(seed) / "dicom").resolve())
    return folder
