from collections.abc import Callable

import numpy as np
import pytest
import torch

from dibmg_monai.acceleration.accelerate import accelerate
from dibmg_monai.acceleration.onnx_stages import onnx_run
from dibmg_monai.acceleration.skipping import SkippingNetwork
from dibmg_monai.acceleration.stages import Features, Run, Stage, stages
from dibmg_monai.network import DIBMG
from dibmg_monai.pixels.preprocessing import BLACK

NARROW = {"init_widths": (4, 6), "residual_widths": (6, 8, 8, 12)}
SIZE = 192
RUNS: dict[str, Callable[[Stage], Run]] = {
    "pytorch": lambda stage: stage.run,
    "onnxruntime": lambda stage: onnx_run(stage, threads=1),
}
IMAGES = {  # rows and columns that are not black
    "nothing": (slice(0, 0), slice(0, 0)),
    "everything": (slice(None), slice(None)),
    "left edge": (slice(None), slice(0, 50)),
    "right edge": (slice(None), slice(130, None)),
    "inside": (slice(70, 101), slice(77, 95)),
    "one pixel": (slice(96, 97), slice(31, 32)),
    "corner": (slice(SIZE - 1, None), slice(SIZE - 1, None)),
}


def trained(**options: object) -> DIBMG:
    """A network with running statistics and biases as a training leaves them, not the zeros and ones of a new one."""
    torch.manual_seed(0)
    network = DIBMG(**{**NARROW, **options}).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values in (module.running_mean, module.bias.data):
                values.normal_(0, 0.3)
            for values in (module.running_var, module.weight.data):
                values.uniform_(0.5, 1.5)
    torch.nn.init.normal_(network.aggregate_block.weight)
    return network


def exam(rows: slice, columns: slice, *, size: int = SIZE) -> torch.Tensor:
    images = torch.full((1, 4, size, size), BLACK)
    images[..., rows, columns] = torch.rand(images[..., rows, columns].shape) * 2 - 1
    return images


@pytest.mark.parametrize("runtime", RUNS)
@pytest.mark.parametrize("shown", IMAGES)
@torch.inference_mode()
def test_maps_are_those_of_the_network(runtime: str, shown: str) -> None:
    network, images = trained(), exam(*IMAGES[shown])
    parts = stages(network)
    expected = network(images)
    maps = SkippingNetwork(parts, runs=[RUNS[runtime](part) for part in parts])(images)
    torch.testing.assert_close(maps, expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize(
    "options",
    [
        {"stem_stride": 1, "pools": (2, 2, 2, 1, 1, 1)},
        {"stem_stride": 4, "pools": (1, 1, 1, 1, 1, 1)},
        {"stem_stride": 2, "pools": (1, 3, 2, 1, 2, 2)},
        {"stem_stride": 3, "pools": (2, 1, 1, 2, 1, 1)},
        {"stem_stride": 2, "pools": (2, 2, 2, 2, 1, 1), "init_widths": (6, 6), "residual_widths": (6, 6, 6, 6)},
    ],
    ids=str,
)
@pytest.mark.parametrize("shown", IMAGES)
@torch.inference_mode()
def test_other_strides_and_pooling_places(options: dict[str, object], shown: str) -> None:
    network, images = trained(**options), exam(*IMAGES[shown])
    expected = network(images)
    torch.testing.assert_close(accelerate(network)(images), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


@torch.inference_mode()
def test_views_of_one_exam_and_exams_of_one_batch_differ() -> None:
    network = trained()
    images = torch.cat([exam(*IMAGES["left edge"]), exam(*IMAGES["inside"])])
    images[0, 1], images[1, 2] = BLACK, exam(*IMAGES["everything"])[0, 0]
    expected = network(images)
    fast = accelerate(network)
    torch.testing.assert_close(fast(images), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))
    smaller = images[..., :128, :128].contiguous()  # another size afterwards
    torch.testing.assert_close(fast(smaller), network(smaller), rtol=0, atol=1e-5 * float(expected.abs().max()))
    torch.testing.assert_close(fast(images), expected, rtol=0, atol=1e-5 * float(expected.abs().max()))


def test_black_is_computed_once_and_the_rest_only_where_something_is() -> None:
    parts = stages(trained(stem_stride=2, pools=(2, 2, 1, 1, 1, 1)))
    seen: list[list[tuple[int, ...]]] = [[] for _ in parts]

    def spy(stage: Stage, shapes: list[tuple[int, ...]]) -> Run:
        def run(features: Features) -> Features:
            shapes.append(features.shape[-2:])
            return stage.run(features)

        return run

    network = SkippingNetwork(parts, runs=[spy(*pair) for pair in zip(parts, seen, strict=True)])
    network(exam(*IMAGES["nothing"]))
    assert [len(shapes) for shapes in seen] == [1] * len(parts)  # black: one view of four
    network(exam(*IMAGES["one pixel"]))
    areas = [np.prod(shapes[1]) / np.prod(shapes[0]) for shapes in seen]
    assert [len(shapes) for shapes in seen] == [5] * len(parts)
    assert areas == sorted(areas)
    assert areas[0] < 0.05
    assert areas[-1] < 1
