"""The network on a GPU, where there is one: exams a second in inference and in training, beside what the GPU can do."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from cost import apart, measure
from progress import say
from settings import Settings
from subject import gflop
from tables import Table, Value

from dibmg_monai.acceleration.accelerate import accelerate
from dibmg_monai.checkpointing import checkpoint_blocks
from dibmg_monai.inferer import MixedPrecisionInferer
from dibmg_monai.loss import ExamLoss
from dibmg_monai.network import DIBMG

GEMM_SIDE, COPIED = 8192, 4_000_000_000  # cells, bytes; on a processor, which is to try this module, much less
BATCHES = (1, 4, 16)  # the last is the paper's of training (Kim 2018, Training Set-up)
PAPER_EXAMS, PAPER_EPOCHS = 26_631, 30  # Kim 2018, Table 1 and Training Set-up
BACKWARD = 2  # of the forward pass: gradients of inputs and of weights


@dataclass(frozen=True)
class Way:
    """One way to compute; ``checkpointing`` is for training, ``compiled`` for inference."""

    name: str
    amp: bool = False
    compiled: bool = False
    checkpointing: bool = False


INFERENCE = (
    Way("float32"),
    Way("bfloat16", amp=True),
    Way("bfloat16, compiled, CUDA graph", amp=True, compiled=True),
)
TRAINING = (
    Way("float32"),
    Way("bfloat16", amp=True),
    Way("bfloat16, checkpointing", amp=True, checkpointing=True),
)


def run(settings: Settings) -> Iterator[Table]:
    """Three tables; one that says so without a GPU."""
    if not torch.cuda.is_available():
        yield Table("The network on a GPU", ("found",), [("no GPU that PyTorch can use: not measured",)])
        return
    yield from apart(tables, "cuda", settings.size, settings.repeats)


def tables(device: str, size: int, repeats: int, *, batches: tuple[int, ...] = BATCHES) -> list[Table]:
    """All tables; a training step is of the largest batch."""
    torch.backends.cudnn.benchmark = True
    timed = partial(_seconds, device=device, repeats=repeats)
    products, copying = _ceilings(device, timed)
    rows: list[tuple[Value, ...]] = []
    for way in INFERENCE:
        for batch in batches if device == "cuda" or not way.compiled else ():
            figures = _if_it_fits(partial(_inference, way, batch, size, device, timed, products[way.amp]), count=3)
            rows.append((way.name, batch, *figures))
            say(f"inference, {way.name}, {batch} exams")
    trained: list[tuple[Value, ...]] = []
    for way in TRAINING:
        figures = _if_it_fits(partial(_training, way, batches[-1], size, device, timed, products[way.amp]), count=4)
        trained.append((way.name, *figures))
        say(f"training, {way.name}")
    return [
        Table(
            f"What this {device} can do",
            ("ceiling", "rate", "unit"),
            (
                ("GEMM, float32", products[False], "GFLOP/s"),
                ("GEMM, bfloat16", products[True], "GFLOP/s"),
                ("memory copy", copying, "GB/s"),
            ),
        ),
        Table(f"Inference at {size} pixels", ("how", "exams a batch", "exams/s", "of GEMM", "memory, GB"), rows),
        Table(
            f"Training at {size} pixels, {batches[-1]} exams a step",
            ("how", "exams/s", "of GEMM", "memory, GB", f"hours for {PAPER_EXAMS} exams x {PAPER_EPOCHS} epochs"),
            trained,
        ),
    ]


Timed = Callable[[Callable[[], object]], float]


def _if_it_fits(measured: Callable[[], tuple[Value, ...]], *, count: int) -> tuple[Value, ...]:
    """The figures; none where the GPU's memory is too small."""
    try:
        return measured()
    except torch.OutOfMemoryError:
        return (None,) * count


def _seconds(action: Callable[[], object], *, device: str, repeats: int) -> float:
    def finished() -> None:
        action()
        if device == "cuda":
            torch.cuda.synchronize()

    finished()  # chooses algorithms, compiles
    return measure(finished, repeats=repeats).seconds


def _ceilings(device: str, timed: Timed) -> tuple[dict[bool, float], float]:
    """GFLOP/s in single and in mixed precision, GB/s."""
    small = 1 if device == "cuda" else 16
    side, count = GEMM_SIDE // small, COPIED // 4 // small**2
    products = {}
    for amp, kind in ((False, torch.float32), (True, torch.bfloat16)):
        left, right = (torch.rand(side, side, device=device).to(kind) for _ in range(2))
        products[amp] = 2 * side**3 / 1e9 / timed(partial(torch.matmul, left, right))
    source = torch.ones(count, device=device)
    return products, 2 * 4 * count / 1e9 / timed(partial(torch.zeros_like(source).copy_, source))


def _inference(
    way: Way, batch: int, size: int, device: str, timed: Timed, product: float
) -> tuple[float, float, float | None]:
    """Exams a second, its share of what matrix products reach, memory."""
    network = accelerate(DIBMG(), device=device, amp=way.amp, compiled=way.compiled)
    images = torch.rand(batch, 4, size, size, device=device) * 2 - 1
    inferer = MixedPrecisionInferer(amp=way.amp)
    with torch.inference_mode():
        _forget_peak(device)
        seconds = timed(lambda: inferer(images, network))
    return batch / seconds, gflop(DIBMG(), *images.shape) / seconds / product, _peak(device)


def _training(
    way: Way, batch: int, size: int, device: str, timed: Timed, product: float
) -> tuple[float, float, float | None, float]:
    """Exams a second, its share of what matrix products reach, memory, hours for the paper's training."""
    network = DIBMG().to(device, memory_format=torch.channels_last)
    checkpoint_blocks(network, enabled=way.checkpointing)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    images = torch.rand(batch, 4, size, size, device=device) * 2 - 1
    target = {
        "label": torch.arange(batch, device=device) % 2,
        "view_present": torch.ones(batch, 4, dtype=torch.bool, device=device),
    }
    inferer, loss = MixedPrecisionInferer(amp=way.amp), ExamLoss()

    def step() -> None:
        optimizer.zero_grad()
        loss(inferer(images, network), target).backward()
        optimizer.step()

    _forget_peak(device)
    seconds = timed(step)
    arithmetic = (1 + BACKWARD) * gflop(DIBMG(), *images.shape)
    hours = PAPER_EXAMS * PAPER_EPOCHS * seconds / batch / 3600
    return batch / seconds, arithmetic / seconds / product, _peak(device), hours


def _forget_peak(device: str) -> None:
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def _peak(device: str) -> float | None:
    return torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else None
