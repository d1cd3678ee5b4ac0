"""What pixelmed's validator says of a structured report: David Clunie's, from Debian's libpixelmed-java.

It checks the templates of PS3.16 row by row, which no other tool here does, and takes 10 to 20 s a file: only on
request, ``make test-pixelmed``.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

JAR = Path("/usr/share/java/pixelmed.jar")
# Its stylesheets are larger than Java's limits for XPath.
LIMITS = [f"-Djdk.xml.xpath{limit}Limit=0" for limit in ("ExprOp", "TotalOp", "ExprGrp")]

needs_pixelmed = pytest.mark.skipif(
    not os.environ.get("TEST_PIXELMED") or not JAR.is_file() or shutil.which("java") is None,
    reason=f"10 s a file and more: make test-pixelmed, with java and {JAR}",
)


def pixelmed_errors(path: Path) -> list[str]:
    """The errors and warnings that DicomSRValidator finds in a structured report."""
    command = ["java", *LIMITS, "-cp", JAR, "com.pixelmed.validate.DicomSRValidator", "-checkcontentitemorder", path]
    ran = subprocess.run(command, capture_output=True, text=True, errors="replace", check=True)
    lines = (ran.stdout + ran.stderr).splitlines()
    assert any(line.startswith("Found Root Template") for line in lines), lines
    return [line for line in lines if line.startswith(("Error", "Warning"))]
