"""``make bench``: where the seconds of an exam go, beside what this machine can do. Ratios are of one run."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dibmg_monai.exams.assembly import assemble
from dibmg_monai.inference import ModelInfo, Predictor
from dibmg_monai.network import DIBMG
from dibmg_monai.outputs.exam_files import write_exam
from dibmg_monai.outputs.scores import ResultsWriter
from dibmg_monai.phantom import write_phantoms
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.pixels.reader import read_image

SIZE = 1600  # Kim 2018, Training Set-up
REPEATS = 3


def seconds(action: Callable[[], object]) -> float:
    """The best of a few runs."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def receptive_field(network: DIBMG) -> int:
    """Side, in input pixels, of what one map cell can see."""
    field, step = 1, 1
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.MaxPool2d):
            kernel, stride = (
                side[0] if isinstance(side, tuple) else side for side in (module.kernel_size, module.stride)
            )
            field += (kernel - 1) * step
            step *= stride
    return field


def gemm_rate(side: int = 2048) -> float:
    """GFLOP/s of a matrix product: the ceiling of the network's arithmetic."""
    left, right = torch.rand(side, side), torch.rand(side, side)
    return 2 * side**3 / seconds(lambda: left @ right) / 1e9


def main() -> None:
    """Print one table."""
    network = DIBMG().eval()
    image = torch.rand(1, 4, SIZE, SIZE) * 2 - 1
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(image)
    gflop, rate = counter.get_total_flops() / 1e9, gemm_rate()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    print(f"network as in train.yaml: {parameters / 1e6:.2f} million parameters, stride {network.stride}, ", end="")
    print(f"receptive field {receptive_field(network)} pixels, {gflop:.0f} GFLOP an exam at {SIZE}")
    print(f"this machine: {torch.get_num_threads()} threads, matrix product {rate:.0f} GFLOP/s\n")
    with tempfile.TemporaryDirectory() as folder:
        write_phantoms(Path(folder, "phantom"), exams=1, seed=1)
        (exam,) = assemble(Path(folder, "phantom")).exams
        preprocessing = Preprocessing(image_size=SIZE)
        predictor = Predictor(network, preprocessing=preprocessing, model=ModelInfo("bench", "0", "0"))
        result = predictor(exam)
        with torch.inference_mode():
            stages = {
                "header scan": seconds(lambda: assemble(Path(folder, "phantom"))),
                "decode, window": seconds(lambda: [read_image(exam.path(view)) for view in exam.files]),
                "decode to input": seconds(lambda: preprocessing(exam)),
                "network": seconds(lambda: network(image)),
                "all outputs": seconds(lambda: write_exam(result, ResultsWriter(Path(folder, "out")))),
            }
        stages["exam, warm, no outputs"] = seconds(lambda: predictor(exam))
    print(f"{'stage':24}{'seconds':>9}{'of network':>12}")
    for stage, duration in stages.items():
        print(f"{stage:24}{duration:9.3f}{duration / stages['network']:12.2f}")
    reached = gflop / stages["network"]
    print(f"\nnetwork: {reached:.0f} GFLOP/s, {reached / rate:.2f} of the matrix product")


if __name__ == "__main__":
    main()
