"""Imports run one way, and nothing slow is imported by what needs to be quick."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "dibmg_monai"
# From the ground up: a module may import from layers below its own, and from its own subpackage.
LAYERS = [
    {"views", "errors", "network", "overlap", "process_wide", "plain_config"},
    {"exams", "pixels", "pooling"},
    {"phantom", "acceleration"},
    {
        "checkpointing",
        "exported",
        "freezing",
        "overrides",
        "peer",
        "loss",
        "transforms",
        "inferer",
        "findings",
        "inference",
        "evaluation",
    },
    {"weights", "outputs"},
    {"analysis"},
    {"pacs"},
    {"reports"},
    {"handlers", "training"},
    {"commands"},
    {"__main__"},
]
# Within a layer: exams hand files to pixels, and a result has findings.
ALLOWED = {("pixels", "exams"), ("inference", "findings")}


def layer_of(name: str) -> int:
    return next(index for index, layer in enumerate(LAYERS) if name in layer)


def imports(path: Path) -> set[str]:
    """The modules or subpackages of the package that a file imports, at the top or within functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module else []
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {name.split(".")[1] for name in names if name.startswith("dibmg_monai.")}
        assert not any(name.split(".")[0] in ("apps", "bundle", "tests") for name in names), path
    return {name for name in found if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()}


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    if own == "__init__":
        assert imports(path) == set()
        return
    for name in imports(path) - {own}:
        assert layer_of(name) < layer_of(own) or (own, name) in ALLOWED, f"{path} imports {name}"


def test_the_command_line_starts_without_torch() -> None:
    code = "import sys, dibmg_monai.__main__, dibmg_monai.exams.assembly; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_modules_fit_in_the_head() -> None:
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name: length for name, length in lengths.items() if length > 260} == {}
