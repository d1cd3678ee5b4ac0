import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace

import nibabel
import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless, SecondaryCaptureImageStorage
from pynetdicom import AE, AllStoragePresentationContexts
from pynetdicom.events import EVT_C_STORE, Event

import dibmg_monai
from dibmg_monai.errors import DibmgError, ExamError, FolderError, ImageError, ModelError
from dibmg_monai.exams.exam import Exam
from dibmg_monai.exams.exclusions import REPORT
from dibmg_monai.inference import ModelInfo, Predictor
from dibmg_monai.network import DIBMG
from dibmg_monai.outputs.exam_files import DEFAULT
from dibmg_monai.outputs.scores import ResultsWriter
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.views import VIEWS, View

REPOSITORY = Path(__file__).parents[2]
APPLICATION = REPOSITORY / "apps" / "deploy"
NARROW = {"init_widths": [2, 2], "residual_widths": [2, 2, 2, 2], "pools": [2, 2, 2, 2, 1, 1]}
BROKEN = encapsulate([b"this is no RLE segment"])
WriteMammogram = Callable[..., Path]

pytest.importorskip("monai.deploy.core", reason="needs the extra deploy")


class Ports:
    """What Holoscan hands to an operator: something to receive, and a place to emit to."""

    def __init__(self, received: object = None) -> None:
        self.received = received
        self.emitted: list[tuple[object, str]] = []

    def receive(self, name: str) -> object:
        return self.received

    def emit(self, value: object, name: str) -> None:
        self.emitted.append((value, name))

    def tick(self, operator: object) -> list[tuple[object, str]]:
        operator.compute(self, self, None)
        return self.emitted


@pytest.fixture(scope="module")
def deploy() -> Iterator[SimpleNamespace]:
    """The application's modules; its command has its folder on the path, too."""
    names = ("operators", "app")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(APPLICATION)
        patch.setenv("HOLOSCAN_LOG_LEVEL", "CRITICAL")
        modules: dict[str, ModuleType] = {name: import_module(name) for name in names}
        spec = spec_from_file_location("deploy_command", APPLICATION / "__main__.py")
        modules["command"] = module_from_spec(spec)
        spec.loader.exec_module(modules["command"])
        yield SimpleNamespace(**modules)
        for name in names:
            del sys.modules[name]


@pytest.fixture(scope="module")
def fragment() -> object:
    return import_module("monai.deploy.core").Fragment()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's bundle, with a narrow random network for small images."""
    folder = tmp_path_factory.mktemp("models") / "dibmg"
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    config = yaml.safe_load((REPOSITORY / "bundle" / "configs" / "inference.yaml").read_text(encoding="utf-8"))
    config |= {"image_size": 128, "device": "cpu"}
    config["network_def"] |= NARROW
    (folder / "configs" / "inference.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    metadata = {"name": "narrow", "version": "0.0.1"}
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    torch.manual_seed(0)
    torch.save(DIBMG(**NARROW).state_dict(), folder / "models" / "model.pt")
    return folder


@pytest.fixture
def write_exam(write_mammogram: WriteMammogram, breast: Callable[..., NDArray[np.uint16]]) -> Callable[..., Path]:
    """``write_exam("study/A", uid, views=..., Keyword=value)`` writes one exam under ``tmp_path``."""

    def write(folder: str, uid: str, *, views: tuple[View, ...] = VIEWS, **attributes: object) -> Path:
        for view in views:
            pixels = breast(wall="right" if view.laterality == "R" else "left")
            path = write_mammogram(f"{folder}/{view}", pixels, view=view, StudyInstanceUID=uid, **attributes)
        return path.parent

    return write


def analyze(deploy: SimpleNamespace, study: Path, out: Path, *options: str | Path) -> None:
    words = ["-i", study, "-o", out, *options]
    deploy.command.analyze(deploy.command.parse_arguments(list(map(str, words))))


def break_pixels(path: Path) -> None:
    """Leave the file whole, so that its header is in order, but its pixels are none."""
    dataset = dcmread(path)
    dataset.PixelData = BROKEN
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = RLELossless
    dataset.save_as(path, enforce_file_format=True)


def run(*arguments: str | Path, cwd: Path, **variables: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, APPLICATION, *arguments],
        cwd=cwd,
        env={**os.environ, "OMP_NUM_THREADS": "1", **{name: str(value) for name, value in variables.items()}},
        capture_output=True,
        text=True,
        check=False,
    )


def test_loader_emits_exam_after_exam_and_stops(
    deploy: SimpleNamespace,
    fragment: object,
    write_exam: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for uid in ("2.25.1", "2.25.2"):
        write_exam(f"study/{uid}", uid)
    loader = deploy.operators.StudyLoader(
        fragment, name="loader", study=tmp_path / "study", output_dir=tmp_path, exclusions=REPORT
    )
    stops: list[bool] = []
    monkeypatch.setattr(loader, "stop_execution", lambda: stops.append(True))
    loader.start()
    ticks = [Ports().tick(loader) for _ in range(3)]
    assert [[(exam.exam_id, port) for exam, port in tick] for tick in ticks] == [
        [("2.25.1", "exam")],
        [("2.25.2", "exam")],
        [],
    ]
    assert stops == [True]
    assert len(json.loads((tmp_path / "manifest.json").read_text())["files"]) == 8


def test_study_without_exam_leaves_its_manifest(deploy: SimpleNamespace, fragment: object, tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "notes.txt").write_text("nothing")
    loader = deploy.operators.StudyLoader(
        fragment, name="loader", study=tmp_path / "study", output_dir=tmp_path, exclusions=REPORT
    )
    with pytest.raises(ExamError, match=r"has no mammography exam, only 1 not-dicom"):
        loader.start()
    (entry,) = json.loads((tmp_path / "manifest.json").read_text())["files"]
    assert (entry["file"], entry["code"]) == ("notes.txt", "not-dicom")


def test_reader_passes_inputs_on_and_refuses_unreadable_images(deploy: SimpleNamespace, fragment: object) -> None:
    exam, error = Exam("1", Path(), {View.RCC: Path("RCC.dcm")}), ImageError("RCC.dcm", "is damaged")

    def refuse(exam: Exam) -> None:
        raise error

    good = deploy.operators.ExamReader(fragment, name="good", read=lambda exam: ("input of", exam))
    loaded = deploy.operators.LoadedExam(exam, ("input of", exam))
    assert Ports(exam).tick(good) == [(loaded, "loaded")]
    bad = deploy.operators.ExamReader(fragment, name="bad", read=refuse)
    assert Ports(exam).tick(bad) == [(deploy.operators.RefusedExam(exam, error), "refusal")]
    inference = deploy.operators.Inference(fragment, name="inference", predict=lambda *loaded: ("result of", *loaded))
    assert Ports(loaded).tick(inference) == [(("result of", exam, ("input of", exam)), "result")]


def test_inference_hides_no_error(deploy: SimpleNamespace, fragment: object) -> None:
    def fail(exam: Exam, loaded: object) -> None:
        raise ModelError("of another network")

    operator = deploy.operators.Inference(fragment, name="inference", predict=fail)
    loaded = deploy.operators.LoadedExam(Exam("1", Path(), {View.RCC: Path("RCC.dcm")}), None)
    with pytest.raises(ModelError, match="of another network"):
        Ports(loaded).tick(operator)


def test_exam_that_cannot_be_written_as_dicom_is_refused(
    deploy: SimpleNamespace, fragment: object, tmp_path: Path
) -> None:
    Image.fromarray(np.eye(40, dtype=np.uint8)).save(tmp_path / "RCC.png")
    predictor = Predictor(
        DIBMG(**NARROW), preprocessing=Preprocessing(image_size=64), model=ModelInfo("narrow", "0", "ab")
    )
    results = ResultsWriter(tmp_path / "out")
    writer = deploy.operators.ExamWriter(fragment, name="writer", results=results, outputs=DEFAULT)
    ((refused, port),) = Ports(predictor(Exam("png", tmp_path, {View.RCC: Path("RCC.png")}))).tick(writer)
    assert (writer.exam_ids, port) == ([], "refusal")
    recorder = deploy.operators.RefusalWriter(fragment, name="recorder", results=results)
    assert Ports(refused).tick(recorder) == []
    assert recorder.written == 1
    (entry,) = json.loads((tmp_path / "out" / "refused.json").read_text())
    assert (entry["exam_id"], entry["file"], entry["code"]) == ("png", "RCC.png", "not-dicom")


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
def test_whole_way(bundle: Path, write_exam: Callable[..., Path], tmp_path: Path) -> None:
    """A good exam, one with a broken image, one of a single view, and a file that is none; as a package runs it."""
    write_exam("study/A", "2.25.1", PatientBirthDate="not a date", PatientName="Roe^Jane")
    break_pixels(write_exam("study/B", "2.25.2") / "LCC")
    write_exam("study/C", "2.25.3", views=(View.LMLO,))
    (tmp_path / "study" / "notes.txt").write_text("Roe^Jane was here")
    out = tmp_path / "out"
    done = run(
        cwd=tmp_path,
        HOLOSCAN_INPUT_PATH=tmp_path / "study",
        HOLOSCAN_OUTPUT_PATH=out,
        HOLOSCAN_MODEL_PATH=bundle.parent,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    check_log(done.stderr, out=out)
    check_scores(out)
    check_files(out, study=tmp_path / "study")
    names = [path.relative_to(out).as_posix() for path in out.rglob("*")]
    texts = [path.read_text() for path in out.iterdir() if path.is_file()]
    assert not any(word in text for text in (*names, *texts, done.stderr) for word in ("Roe", "not a date", "TEST-1"))


def check_log(text: str, *, out: Path) -> None:
    """Everything that a user sees: no scheduler, no warnings, and each exam's lines in their order."""
    lines = text.splitlines()
    scores = [line for line in lines if line.startswith("  2.25.") and ": score " in line]
    refused = [line for line in lines if line.startswith("  refused: ")]
    exams = [
        "exam 1 of 3: 2.25.1 (RCC RMLO LCC LMLO)",
        "exam 2 of 3: 2.25.2 (RCC RMLO LCC LMLO)",
        "exam 3 of 3: 2.25.3 (LMLO)",
    ]
    first = ["Research use only - not a medical device", "10 files, 1 of them not used: manifest.json says why"]
    last = f"2 of 3 exams written to {out}, 1 refused"
    assert lines[:2] == first
    assert lines[-1] == last
    assert sorted(lines[2:-1]) == sorted([*exams, *scores, *refused])
    assert [line for line in lines if line in exams] == exams
    assert [line.split(":")[0] for line in scores] == ["  2.25.1", "  2.25.3"]
    assert lines.index(exams[0]) < lines.index(scores[0])
    assert lines.index(exams[1]) < lines.index(refused[0])
    assert "LCC" in refused[0]
    assert "RLE" in refused[0]


def check_scores(out: Path) -> None:
    results = {item["exam_id"]: item for item in json.loads((out / "results.json").read_text())}
    assert {exam_id: list(item["views"]) for exam_id, item in results.items()} == {
        "2.25.1": list(VIEWS),
        "2.25.3": ["LMLO"],
    }
    assert results["2.25.3"]["missing_views"] == ["RCC", "RMLO", "LCC"]
    assert results["2.25.1"]["model"]["name"] == "narrow"
    for found in (found for item in results.values() for found in item["views"].values()):
        assert 0 < found["score"] < 1
        assert -0.5 <= found["peak_row"] <= 59.5
        assert -0.5 <= found["peak_column"] <= 39.5
    with (out / "scores.csv").open() as file:
        rows = {row["exam_id"]: row for row in csv.DictReader(file)}
    assert {exam_id: float(row["score"]) for exam_id, row in rows.items()} == {
        exam_id: item["score"] for exam_id, item in results.items()
    }
    (refused,) = json.loads((out / "refused.json").read_text())
    assert (refused["exam_id"], refused["file"], refused["code"]) == ("2.25.2", "B/LCC", "unreadable")


def check_files(out: Path, *, study: Path) -> None:
    views = {"2.25.1": VIEWS, "2.25.3": (View.LMLO,)}
    endings = ("overlay.png", "dib.nii.gz", "overlay.dcm", "dib_seg.dcm")
    reports = ("findings_sr.dcm", "exam_sr.dcm", "cad_sr.dcm")
    results = json.loads((out / "results.json").read_text())
    found = [(item["exam_id"], view) for item in results for view in item["views"] if item["views"][view]["findings"]]
    written = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert written == {
        *("results.json", "scores.csv", "refused.json", "manifest.json"),
        *(f"{exam_id}/{view}_{ending}" for exam_id in views for view in views[exam_id] for ending in endings),
        *(f"{exam_id}/{report}" for exam_id in views for report in reports),
        *(f"{exam_id}/{view}_seg.dcm" for exam_id, view in found),
    }
    capture, source = dcmread(out / "2.25.3" / "LMLO_overlay.dcm"), dcmread(study / "C" / "LMLO")
    assert capture.SOPClassUID == SecondaryCaptureImageStorage
    assert capture.StudyInstanceUID == source.StudyInstanceUID == "2.25.3"
    with Image.open(out / "2.25.3" / "LMLO_overlay.png") as picture:
        assert capture.pixel_array.shape == (picture.height, picture.width, 3)
    found = results[1]["views"]["LMLO"]
    dib = nibabel.load(out / found["map"])
    row, column, *_ = dib.affine @ [*np.argwhere(dib.get_fdata() == np.float32(found["peak_value"]))[0], 1]
    assert (row, column) == pytest.approx((found["peak_row"], found["peak_column"]), abs=0.01)


def test_bad_input_is_one_line_and_no_traceback(bundle: Path, tmp_path: Path) -> None:
    done = run("-i", tmp_path / "nowhere", "-o", tmp_path / "out", "-m", bundle, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    notice, *rest = done.stderr.splitlines()
    assert "Research use only" in notice
    assert rest == [f"error: {tmp_path / 'nowhere'}: there is no such folder; a folder of DICOM files is needed"]


def empty_study(path: Path) -> dict[str, Path]:
    (path / "empty").mkdir()
    return {"study": path / "empty"}


def no_mammogram(path: Path) -> dict[str, Path]:
    (path / "other").mkdir()
    (path / "other" / "notes.txt").write_text("nothing")
    return {"study": path / "other"}


def only_broken_exams(path: Path) -> dict[str, Path]:
    for file in (path / "study").iterdir():
        break_pixels(file)
    return {}


def output_is_a_file(path: Path) -> dict[str, Path]:
    (path / "taken").write_text("")
    return {"output_dir": path / "taken"}


def no_model(path: Path) -> dict[str, Path]:
    return {"model": path / "nowhere.pt"}


def model_that_is_none(path: Path) -> dict[str, Path]:
    (path / "model.pt").write_text("root:x:0:0")
    return {"model": path / "model.pt"}


def folder_that_is_no_bundle(path: Path) -> dict[str, Path]:
    return {"model": path / "study"}


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (empty_study, FolderError, "empty: is empty; a folder of DICOM files is needed"),
        (no_mammogram, ExamError, "other: has no mammography exam, only 1 not-dicom"),
        (only_broken_exams, ExamError, "study: none of its exams could be used; .*refused.json says why"),
        (output_is_a_file, FolderError, "taken: cannot be written"),
        (no_model, ModelError, "nowhere.pt: no such file; a PyTorch weights file"),
        (model_that_is_none, ModelError, "model.pt: is no PyTorch weights file"),
        (folder_that_is_no_bundle, ModelError, "study: is no bundle"),
    ],
)
def test_bad_input(
    spoil: Callable[[Path], dict[str, Path]],
    error: type[DibmgError],
    message: str,
    deploy: SimpleNamespace,
    bundle: Path,
    write_exam: Callable[..., Path],
    tmp_path: Path,
) -> None:
    study = write_exam("study", "2.25.1", views=(View.RCC, View.LCC))
    arguments = {"study": study, "output_dir": tmp_path / "out", "model": bundle, **spoil(tmp_path)}
    with pytest.raises(error, match=message):
        analyze(deploy, arguments["study"], arguments["output_dir"], "-m", arguments["model"])


def test_run_that_was_stopped_is_an_error(
    deploy: SimpleNamespace,
    bundle: Path,
    write_exam: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Holoscan ends an interrupted graph in good order."""
    for uid in ("2.25.1", "2.25.2"):
        write_exam(f"study/{uid}", uid, views=(View.RCC,))
    compute = deploy.operators.StudyLoader.compute

    def interrupted(self: object, *arguments: object) -> None:
        compute(self, *arguments)
        self.stop_execution()

    monkeypatch.setattr(deploy.operators.StudyLoader, "compute", interrupted)
    with pytest.raises(ExamError, match="study: stopped after 1 of its 2 exams"):
        analyze(deploy, tmp_path / "study", tmp_path / "out", "-m", bundle)


@pytest.mark.parametrize(
    ("options", "files"),
    [
        (["--outputs", "png"], {"2.25.1/RCC_overlay.png"}),
        (["--outputs", "json,sr"], {"results.json", "scores.csv", "2.25.1/findings_sr.dcm", "2.25.1/exam_sr.dcm"}),
    ],
)
def test_what_is_written_is_what_is_named(
    options: list[str],
    files: set[str],
    deploy: SimpleNamespace,
    bundle: Path,
    write_exam: Callable[..., Path],
    tmp_path: Path,
) -> None:
    study, out = write_exam("study", "2.25.1", views=(View.RCC,)), tmp_path / "out"
    analyze(deploy, study, out, "-m", bundle, *options)
    assert {path.relative_to(out).as_posix() for path in out.rglob("*.*")} == {"manifest.json", *files, "2.25.1"}


def test_excluded_exams_are_refused_where_that_is_wanted(
    deploy: SimpleNamespace, bundle: Path, write_exam: Callable[..., Path], tmp_path: Path
) -> None:
    study = write_exam("study", "2.25.1", BreastImplantPresent="YES")
    analyze(deploy, study, tmp_path / "out", "-m", bundle, "--outputs", "json")
    (item,) = json.loads((tmp_path / "out" / "results.json").read_text())
    assert item["exclusions"]["implant"]["answer"] == "yes"
    with pytest.raises(ExamError, match="has no mammography exam, only 4 excluded"):
        analyze(deploy, study, tmp_path / "out", "-m", bundle, "--exclusions", "refuse")


def test_dicom_results_are_sent(
    deploy: SimpleNamespace, bundle: Path, write_exam: Callable[..., Path], tmp_path: Path
) -> None:
    received: list[Dataset] = []

    def store(event: Event) -> int:
        received.append(event.dataset)
        return 0x0000

    archive = AE(ae_title="ARCHIVE")
    archive.supported_contexts = AllStoragePresentationContexts
    server = archive.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(EVT_C_STORE, store)])
    try:
        study = write_exam("study", "2.25.1", views=(View.RCC, View.LCC))
        node = f"ARCHIVE@127.0.0.1:{server.server_address[1]}"
        (tmp_path / "out" / "2.25.9").mkdir(parents=True)
        shutil.copy(study / "RCC", tmp_path / "out" / "2.25.9" / "of_an_earlier_run.dcm")
        analyze(deploy, study, tmp_path / "out", "-m", bundle, "--outputs", "sr,sc", "--send", node)
    finally:
        server.shutdown()
    sent = sorted(path.name for path in (tmp_path / "out" / "2.25.1").iterdir())
    assert sent == ["LCC_overlay.dcm", "RCC_overlay.dcm", "exam_sr.dcm", "findings_sr.dcm"]
    assert len(received) == 4 and {dataset.StudyInstanceUID for dataset in received} == {"2.25.1"}


@pytest.mark.filterwarnings("ignore:.torch.jit")
@pytest.mark.parametrize("script", [False, True], ids=["state dict", "TorchScript"])
def test_model_file_runs_with_the_bundle_beside_the_application(
    script: bool, deploy: SimpleNamespace, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy.app, "BUNDLE", bundle)
    network = DIBMG(**NARROW).eval()
    path = tmp_path / "other.pt"
    if script:
        torch.jit.trace(network, torch.zeros(1, 4, 128, 128)).save(path)
    else:
        torch.save(network.state_dict(), path)
    predictor = deploy.app.bundle_predictor(path)
    default = deploy.app.bundle_predictor(None)
    images = torch.rand(1, 4, 128, 128) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(predictor.network(images), network(images))
    assert predictor.model.sha256 != default.model.sha256
    assert predictor.model.name == default.model.name == "narrow"


def test_arguments_outrank_variables(deploy: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INPUT", "OUTPUT", "MODEL"):
        monkeypatch.setenv(f"HOLOSCAN_{name}_PATH", f"variable-{name.lower()}")
    monkeypatch.setattr(sys, "argv", ["apps/deploy", "-o", "argument"])
    arguments = deploy.command.parse_arguments()
    assert (arguments.input, arguments.output, arguments.model) == (
        Path("variable-input"),
        Path("argument"),
        Path("variable-model"),
    )


def test_study_and_output_are_required_model_is_not(
    deploy: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("INPUT", "OUTPUT", "MODEL"):
        monkeypatch.delenv(f"HOLOSCAN_{name}_PATH", raising=False)
    monkeypatch.setattr(sys, "argv", ["apps/deploy"])
    with pytest.raises(SystemExit, match="2"):
        deploy.command.parse_arguments()
    assert "required: -i/--input, -o/--output\n" in capsys.readouterr().err


def test_packager_accepts_the_configuration() -> None:
    reader = import_module("holoscan_cli.packager.config_reader").ApplicationConfiguration()
    reader.read(APPLICATION / "app.yaml")
    assert "research use only" in reader.title()
    assert yaml.safe_load((APPLICATION / "app.yaml").read_text())["application"]["version"] == dibmg_monai.__version__
