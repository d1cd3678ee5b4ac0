"""What the package logs, shown to who runs a command that takes long."""

import logging


def show_log() -> None:
    """Show this package's messages on stderr with the time, and no others: other libraries quote header values."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    package = logging.getLogger("dibmg_monai")
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    package.propagate = False
    logging.getLogger().addHandler(logging.NullHandler())
    logging.captureWarnings(True)
