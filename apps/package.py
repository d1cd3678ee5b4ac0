"""The build context of the MONAI Application Package: ``python apps/package.py -o out/map``, then ``docker build``.

holoscan-cli's packager writes it. Its own command goes on to the image; this stops before, so that no docker engine is
needed. It adds what the packager has no place for: the package as a wheel, pinned requirements, labels, an exit code.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution, distributions, version
from pathlib import Path
from tempfile import TemporaryDirectory

from holoscan_cli.__main__ import parse_args
from holoscan_cli.packager.arguments import PackagingArguments
from holoscan_cli.packager.container_builder import PythonAppBuilder
from holoscan_cli.packager.packager import _create_app_manifest, _create_package_manifest
from holoscan_cli.packager.parameters import PlatformBuildResults, PlatformParameters
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from dibmg_monai import __version__
from dibmg_monai.errors import DibmgError, FolderError
from dibmg_monai.outputs.folder import create_folder

ROOT = Path(__file__).resolve().parents[1]
APPLICATION = ROOT / "apps" / "deploy"
BUNDLE, BUNDLE_PARTS = ROOT / "bundle", ("configs", "docs", "models")
MODEL = "dib-mg"  # the bundle's folder below HOLOSCAN_MODEL_PATH

# Everything runs on the processor. This is the least that the packager's Dockerfile builds on: Ubuntu 24.04, apt keys.
BASE_IMAGE = "nvcr.io/nvidia/cuda:13.0.0-base-ubuntu24.04"
# Python and platform of that image, as environment markers see them.
IMAGE = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_system": "Linux",
    "python_full_version": "3.12.3",
    "python_version": "3.12",
    "sys_platform": "linux",
}
# PyTorch without CUDA has an index of its own; the other build is several GB with what it needs on top.
PYTORCH_CPU = "--extra-index-url https://download.pytorch.org/whl/cpu"
PYTORCH_CUDA = ("cuda-", "nvidia-", "triton")

# The wheel comes last: a change of the code then installs nothing else again. Without an index, it fails where a
# requirement is not met.
DOCKERFILE_END = """
COPY ./{wheel} /tmp/{wheel}
RUN pip install --no-cache-dir --user --no-index /tmp/{wheel}
LABEL org.opencontainers.image.description="Four-view mammography: cancer scores and maps. \
Research use only; not a medical device."
LABEL org.opencontainers.image.licenses="Apache-2.0"
"""
# The packager's entry script ends with 0 whatever the application ended with.
TOOLS_END = """
exit "${exit_code:-0}"
"""


class ContextBuilder(PythonAppBuilder):
    """The packager's builder, without its last step, the image."""

    def _build_internal(self, dockerfile: str, platform_parameters: PlatformParameters) -> PlatformBuildResults:
        return PlatformBuildResults(platform_parameters)


def main() -> int:
    """Write the build context; the exit code is 1 where it cannot be."""
    parser = argparse.ArgumentParser(prog="python apps/package.py", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder to write, new or empty")
    output = parser.parse_args().output
    try:
        write_context(output)
    except DibmgError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"build context of the application package: {output}\n")
    return 0


def write_context(output: Path) -> None:
    """Write Dockerfile, manifests, application, model, documents and wheel.

    Args:
        output: a folder, new or empty.

    Raises:
        FolderError: if it is neither, or cannot be written.
        DibmgError: if the wheel cannot be built, or something that it needs is not installed here.
    """
    if any(create_folder(output).iterdir()):
        raise FolderError(f"{output}: is not empty; a new or empty folder is needed")
    with TemporaryDirectory(prefix="dibmg-map-") as staging:
        wheel = build_wheel(Path(staging))
        stage(Path(staging), wheel=wheel)
        run_packager(Path(staging), output=output)
        shutil.copy(wheel, output)
    with (output / "Dockerfile").open("a", encoding="utf-8") as file:
        file.write(DOCKERFILE_END.format(wheel=wheel.name))
    with (output / "tools").open("a", encoding="utf-8") as file:
        file.write(TOOLS_END)


def build_wheel(staging: Path) -> Path:
    """The package as a wheel, from a copy of its source: setuptools packs what earlier builds left beside it.

    Raises:
        DibmgError: if it cannot be built; pip has said why.
    """
    source = staging / "source"
    shutil.copytree(ROOT / "dibmg_monai", source / "dibmg_monai", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    if subprocess.run([*pip, "--wheel-dir", staging, source], check=False).returncode:
        raise DibmgError("the wheel cannot be built; what pip says above needs mending")
    return next(staging.glob("*.whl"))


def stage(staging: Path, *, wheel: Path) -> None:
    """Lay out what the packager asks for."""
    application, model, documents = staging / "app", staging / "models" / MODEL, staging / "docs"
    shutil.copytree(APPLICATION, application, ignore=shutil.ignore_patterns("__pycache__", "app.yaml"))
    (application / "requirements.txt").write_text(requirements(wheel), encoding="utf-8")
    for part in BUNDLE_PARTS:
        shutil.copytree(BUNDLE / part, model / part)
    shutil.copy(BUNDLE / "LICENSE", model)
    shutil.copytree(BUNDLE / "docs", documents)
    shutil.copy(ROOT / "LICENSE", documents)
    (staging / "artifacts.json").write_text(json.dumps(artifacts()), encoding="utf-8")


def run_packager(staging: Path, *, output: Path) -> None:
    """``monai-deploy package`` up to the image."""
    arguments = parse_args(
        [
            *("monai-deploy", "package", str(staging / "app"), "--config", str(APPLICATION / "app.yaml")),
            *("--sdk", "monai-deploy", "--platform", "x86_64", "--tag", f"{MODEL}:{__version__}"),
            *("--models", str(staging / "models"), "--docs", str(staging / "docs")),
            *("--source", str(staging / "artifacts.json"), "--build-cache", str(staging / "cache")),
        ]
    )
    package = PackagingArguments(arguments, str(output))
    _create_app_manifest(package.application_manifest, str(output))
    _create_package_manifest(package.package_manifest, str(output))
    builder = ContextBuilder(package.build_parameters, str(output))
    for platform in package.platforms:
        builder.build(platform)


def artifacts() -> dict[str, dict[str, dict[str, object]]]:
    """What the packager would download: the images for the installed version of Holoscan, which its list lacks."""
    holoscan = version("holoscan-cu13")
    return {
        holoscan: {
            "holoscan": {
                "wheel-version": holoscan,
                "debian-version": holoscan,
                "base-images": {"dgpu": BASE_IMAGE},
                "build-images": {"dgpu": {}, "igpu": {}, "cpu": {}},
            }
        }
    }


def requirements(wheel: Path) -> str:
    """``requirements.txt`` for the image: all that the wheel needs, at the versions installed here."""
    (built,) = distributions(path=[str(wheel)])
    extras = Requirement((APPLICATION / "requirements.txt").read_text(encoding="utf-8")).extras
    pinned = pins(needed(built.requires or (), extras=extras))
    pinned["torch"] += "+cpu"
    lines = (f"{name}=={pinned[name]}" for name in sorted(pinned))
    return "\n".join((PYTORCH_CPU, *lines, ""))


def pins(requirements: Iterable[Requirement]) -> dict[str, str]:
    """Name -> version, as installed here, of all packages that requirements lead to in the image.

    Raises:
        DibmgError: if one of them is not installed.
    """
    found: dict[str, str] = {}
    seen = set()
    todo = list(requirements)
    while todo:
        requirement = todo.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if name == "pip" or (name, extras) in seen:  # the image brings its own pip
            continue
        seen.add((name, extras))
        try:
            installed = distribution(name)
        except PackageNotFoundError as error:
            raise DibmgError(
                f"{name} is needed in the package, and not installed here; make env installs it"
            ) from error
        found[name] = Version(installed.version).public
        skipped = PYTORCH_CUDA if name == "torch" else ()
        todo += (item for item in needed(installed.requires or (), extras=extras) if not item.name.startswith(skipped))
    return found


def needed(requires: Iterable[str], *, extras: Iterable[str]) -> list[Requirement]:
    """Those of a package's requirements that hold in the image."""
    environments = [{**IMAGE, "extra": extra} for extra in ("", *extras)]
    return [
        requirement
        for requirement in map(Requirement, requires)
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments))
    ]


if __name__ == "__main__":
    sys.exit(main())
