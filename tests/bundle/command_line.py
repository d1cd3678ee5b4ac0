"""``python -m monai.bundle`` in this process: as typed, but without the seconds that importing MONAI takes."""

import logging
import runpy
import sys
from pathlib import Path

import monai.bundle
import pytest


def monai_bundle(*arguments: str) -> None:
    """Run one command; errors come out as exceptions."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(Path(monai.bundle.__file__).with_name("__main__.py")), *arguments])
        try:
            runpy.run_module("monai.bundle", run_name="__main__")
        finally:
            root.handlers[:], root.level = handlers, level  # logging.conf puts its own there
