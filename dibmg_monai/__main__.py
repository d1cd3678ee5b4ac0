"""The command line: ``python -m dibmg_monai COMMAND --help``.

A command is a module of ``dibmg_monai.commands``: ``add`` adds its arguments, ``run`` runs it. They import what they
need when they run, so that ``--help`` answers at once and ``exams`` waits for no torch.
"""

import argparse
import sys
from collections.abc import Sequence

from dibmg_monai import __version__
from dibmg_monai.commands import average, datalist, exams, listen, phantom, report, reproduction, send, split
from dibmg_monai.commands.terminal import say
from dibmg_monai.errors import DibmgError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0; 2 if something that a user can mend stood in the way. It is then said in one line on stderr.
    """
    parser = argparse.ArgumentParser(prog="python -m dibmg_monai", description="DIB-MG for MONAI. Research use only.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (datalist, split, exams, phantom, report, reproduction, average, send, listen):
        command.add(commands)
    arguments = parser.parse_args(argv)
    try:
        arguments.run(arguments)
    except DibmgError as error:
        say(f"error: {error}", stream=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
