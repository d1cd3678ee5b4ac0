"""The command ``python apps/deploy -i STUDY -o OUT [-m MODEL]``."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dibmg_monai.commands.exclusion_options import add_exclusion_options, exclusions_from
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
        analyze(arguments)
    except DibmgError as error:
        log.error("error: %s", error)
        return 1
    return 0


def parse_arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
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
    kinds = "what to write: json,png,nifti,sc,seg,sr,cadsr (default: these), gsps; the last five need DICOM images"
    parser.add_argument("--outputs", metavar="KINDS", help=kinds)
    parser.add_argument("--send", metavar="AET@HOST:PORT", help="send the DICOM results to this node, such as a PACS")
    add_exclusion_options(parser)
    return parser.parse_args(words)


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


def analyze(arguments: argparse.Namespace) -> None:
    """Run the graph, say how many exams came out, and send their DICOM results where that is wanted.

    Raises:
        DibmgError: if none came out, or the node does not take them.
    """
    from app import DeployApp  # takes seconds: --help and wrong arguments do without

    from dibmg_monai.outputs.exam_files import DEFAULT, parse_outputs
    from dibmg_monai.outputs.folder import exam_folder
    from dibmg_monai.outputs.overlay import NOTICE
    from dibmg_monai.outputs.scores import REFUSED
    from dibmg_monai.pacs.node import Node
    from dibmg_monai.pacs.send import send_all

    study, output_dir = arguments.input, arguments.output
    node = Node.parse(arguments.send) if arguments.send else None
    log.info(NOTICE)
    app = DeployApp(
        study=study,
        output_dir=output_dir,
        model=arguments.model,
        outputs=DEFAULT if arguments.outputs is None else parse_outputs(arguments.outputs),
        exclusions=exclusions_from(arguments),
    )
    app.run()
    found, written, refused = app.loader.found, len(app.writer.exam_ids), app.refusals.written
    log.info("%d of %d exams written to %s, %d refused", written, found, output_dir, refused)
    if written + refused < found:
        raise ExamError(f"{study}: stopped after {written + refused} of its {found} exams")
    if not written:
        raise ExamError(f"{study}: none of its exams could be used; {output_dir / REFUSED} says why")
    if node:
        folders = [exam_folder(output_dir, exam_id) for exam_id in app.writer.exam_ids]
        send_all([path for folder in folders for path in sorted(folder.glob("*.dcm"))], node)


if __name__ == "__main__":
    sys.exit(main())
