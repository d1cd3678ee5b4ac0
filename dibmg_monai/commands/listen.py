"""``listen``: wait for studies from a PACS, process them, send results back."""

import argparse
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from dibmg_monai.commands.exclusion_options import add_exclusion_options, exclusions_from
from dibmg_monai.commands.terminal import Commands
from dibmg_monai.errors import DibmgError

if TYPE_CHECKING:
    from dibmg_monai.pacs.listener import Settings
    from dibmg_monai.pacs.worker import Process


def add(commands: Commands) -> None:
    """``listen --spool DIR``."""
    parser = commands.add_parser(
        "listen",
        help="wait for studies from a PACS, process them, send results back",
        description="Wait for studies, process each when it is complete, send results back. Research use only.",
    )
    # option, type, metavar, default, meaning
    options = (
        ("spool", Path, "DIR", None, "folder that studies are kept in, on a local disk; one for each listener"),
        ("ae-title", str, "AET", "DIBMG", "what senders have to call this side"),
        ("port", int, "PORT", 11112, "port to listen at"),
        ("bind", str, "ADDRESS", "127.0.0.1", "address to listen at; 0.0.0.0 for every one of this machine"),
        ("send-to", str, "AET@HOST:PORT", "", "node that results go to; without, they stay in the spool"),
        ("bundle", Path, "DIR", "bundle", "the model"),
        ("outputs", str, "NAMES", "sc,seg,sr,cadsr,json", "what to write, of each exam"),
        ("quiet", float, "SECONDS", 60.0, "a study is complete when nothing came for so long"),
        ("max-studies", int, "N", 1000, "studies received or waiting at a time; more are refused, to be sent again"),
        ("max-disk", float, "GIB", 50.0, "size of the spool; what is beyond is refused, to be sent again"),
        ("keep", float, "HOURS", 24.0, "images are kept for so long, for late ones to join them"),
    )
    for name, kind, metavar, default, meaning in options:
        needed = default is None
        shown = "" if needed or default == "" else f" ({default:g})" if kind is float else f" ({default})"
        parser.add_argument(
            f"--{name}", type=kind, metavar=metavar, default=default, required=needed, help=meaning + shown
        )
    parser.add_argument(
        "--allow", nargs="+", default=[], metavar="AET", help="AE titles that may send; without, every one may"
    )
    add_exclusion_options(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Listen until SIGTERM or SIGINT."""
    from dibmg_monai.commands.log import show_log
    from dibmg_monai.pacs.listener import listen

    settings = _settings(arguments)
    show_log()
    process = _process(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    listen(settings, process, stop=stop)


def _settings(arguments: argparse.Namespace) -> "Settings":
    """What the options say.

    Raises:
        DibmgError: if one is out of its range.
    """
    from dibmg_monai.pacs.listener import Settings
    from dibmg_monai.pacs.node import Node, checked_ae_title
    from dibmg_monai.pacs.spool import GIB

    for name in ("quiet", "max_studies", "max_disk", "keep"):
        value = getattr(arguments, name)
        if not (value > 0 or (name == "keep" and value == 0)):
            needed = "a positive number or 0" if name == "keep" else "a positive number"
            raise DibmgError(f"--{name.replace('_', '-')} is {value}; {needed} is needed")
    if not 0 <= arguments.port < 65536:
        raise DibmgError(f"--port is {arguments.port}; 1 to 65535 is needed, or 0 for any that is free")
    return Settings(
        spool=arguments.spool,
        ae_title=checked_ae_title(arguments.ae_title),
        address=(arguments.bind, arguments.port),
        callers=[checked_ae_title(caller) for caller in arguments.allow],
        send_to=Node.parse(arguments.send_to) if arguments.send_to else None,
        quiet=arguments.quiet,
        max_studies=arguments.max_studies,
        max_bytes=int(arguments.max_disk * GIB),
        keep=arguments.keep * 3600,
    )


def _process(arguments: argparse.Namespace) -> "Process":
    """What is done to a study: an analysis with the bundle's model.

    Raises:
        DibmgError: if there is no such bundle or output, or the table of exclusions cannot be read.
    """
    from dibmg_monai.analysis import analyze
    from dibmg_monai.outputs.exam_files import parse_outputs
    from dibmg_monai.weights import load_predictor

    outputs = parse_outputs(arguments.outputs)
    exclusions = exclusions_from(arguments)
    predictor = load_predictor(arguments.bundle)

    def process(images: Path, output: Path) -> str:
        return str(analyze(images, output_dir=output, predictor=predictor, outputs=outputs, exclusions=exclusions))

    return process
