"""What is going on, for who waits: on stderr, so that stdout has the tables alone."""

import sys


def say(progress: str) -> None:
    """One line."""
    print(f"... {progress}", file=sys.stderr, flush=True)
