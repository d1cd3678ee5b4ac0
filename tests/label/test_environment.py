"""What MONAI Label needs beside this package, and the one thing that is added for it: ``make test-label``."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.label.server import APP

pytest.importorskip("monailabel", reason="needs MONAI Label, which has an environment of its own: make test-label")
import pydicom

FIT = APP / "fit_environment.py"
ADDED = Path(pydicom.__file__).with_name("_storage_sopclass_uids.py")


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_monai_label_and_this_package_share_an_environment() -> None:
    assert version("monailabel") == "0.8.5"
    assert version("pydicom").startswith("3.")
    assert version("numpy").startswith("1.26.")


def test_only_the_module_that_pydicom_seg_wants_is_added() -> None:
    added = ADDED.read_text()
    try:
        ADDED.unlink()
        assert "No module named 'pydicom._storage_sopclass_uids'" in run("-c", "import pydicom_seg").stderr
        assert run(FIT).stdout == f"added {ADDED}\n"
        assert run("-c", "import pydicom_seg").returncode == 0
    finally:
        ADDED.write_text(added)
    assert run(FIT).stdout == ""


def test_the_app_brings_no_stand_in_for_torchvision() -> None:
    assert not [path for path in APP.rglob("*.py") if "torchvision" in path.read_text(encoding="utf-8")]
