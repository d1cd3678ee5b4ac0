"""What all commands share: their place on the command line, and how they speak."""

import argparse
from typing import TextIO, TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def say(line: str, *, stream: TextIO | None = None) -> None:
    """Print a line; bytes of a file name that are no text appear as escapes."""
    print(line.encode(errors="backslashreplace").decode(), file=stream)
