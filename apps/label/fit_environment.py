"""Makes MONAI Label 0.8.5 fit pydicom 3, in the environment of the Python that runs this: ``make label-env`` does.

MONAI Label imports pydicom-seg 0.4.1, the last there is, which takes the UID of segmentations from a module that
pydicom 3 no longer has. This puts the module back, with that UID in it.
"""

import importlib
import sys
from pathlib import Path

import pydicom

MODULE = "_storage_sopclass_uids"
CONTENT = """# For pydicom-seg 0.4.1; by apps/label/fit_environment.py of DIB-MG for MONAI.
from pydicom.uid import SegmentationStorage  # noqa: F401
"""


def main() -> None:
    """Add the module where it is missing, and see that it helps."""
    path = Path(pydicom.__file__).with_name(f"{MODULE}.py")
    if not path.exists():
        path.write_text(CONTENT, encoding="utf-8")
        sys.stdout.write(f"added {path}\n")
    importlib.invalidate_caches()
    importlib.import_module("pydicom_seg")


if __name__ == "__main__":
    main()
