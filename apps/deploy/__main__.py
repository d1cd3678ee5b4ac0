"""The command ``python apps/deploy -i STUDY -o OUT [-m MODEL]``."""

import argparse
import logging
import os
import sys
from pathlib import Path

from dibmg_monai.errors import DibmgError, ExamError

log = logging.getLogger("dibmg_monai.deploy")


def main() -> int:
    """Run the application on one study.

    Returns:
        0 if at least one exam came out, else 1.
    """
    arguments = parse_arguments()
    set_up_logging()
    try:
        analyze(arguments.input, arguments.output, model=arguments.model)
    except DibmgError as error:
        log.error("error: %s", error)
        return 1
    return 0


def parse_arguments() -> argparse.Namespace:
    """The command line; where it is silent, the variables that an application package runs with."""
    parser = argparse.ArgumentParser(
        prog="python apps/deploy",
        description="From a folder of DICOM mammograms to DIB maps and scores. Research use only.",
    )
    arguments = (
        ("input", "STUDY", "folder with DICOM files, at any depth"),
        ("output", "OUT", "folder to write"),
        ("model", "MODEL", "bundle folder, weights (.pt) or TorchScript file; default: the bundle beside apps"),
    )
    for name, metavar, meaning in arguments:
        variable = f"HOLOSCAN_{name.upper()}_PATH"
        default = os.environ.get(variable)
        parser.add_argument(
            f"-{name[0]}",
            f"--{name}",
            type=Path,
            metavar=metavar,
            default=default,
            required=default is None and name != "model",
            help=f"{meaning} (or {variable})",
        )
    return parser.parse_args()


def set_up_logging() -> None:
    """Show this package's messages on stderr, and no others.

    Other libraries quote header values in theirs, which may name the patient, and Holoscan warns of having no GPU and
    a stack of 8 MB, which is enough here. Their errors arrive as exceptions. HOLOSCAN_LOG_LEVEL=INFO shows the
    scheduler at work.
    """
    package = logging.getLogger("dibmg_monai")
    package.addHandler(logging.StreamHandler())
    package.setLevel(logging.INFO)
    package.propagate = False
    logging.getLogger().addHandler(logging.NullHandler())
    logging.captureWarnings(True)
    os.environ.setdefault("HOLOSCAN_LOG_LEVEL", "CRITICAL")


def analyze(study: Path, output_dir: Path, *, model: Path | None) -> None:
    """Run the graph, and say how many exams came out.

    Raises:
        DibmgError: if none did.
    """
    from app import DeployApp  # takes seconds: --help and wrong arguments do without

    from dibmg_monai.outputs.overlay import NOTICE
    from dibmg_monai.outputs.scores import REFUSED

    log.info(NOTICE)
    app = DeployApp(study=study, output_dir=output_dir, model=model)
    app.run()
    found, written, refused = app.loader.found, app.writer.written, app.refusals.written
    log.info("%d of %d exams written to %s, %d refused", written, found, output_dir, refused)
    if written + refused < found:
        raise ExamError(f"{study}: stopped after {written + refused} of its {found} exams")
    if not written:
        raise ExamError(f"{study}: none of its exams could be used; {output_dir / REFUSED} says why")


if __name__ == "__main__":
    sys.exit(main())
