"""``average WEIGHTS... --output FILE``: one network from several trainings."""

import argparse
from pathlib import Path

from dibmg_monai.commands.terminal import Commands, say


def add(commands: Commands) -> None:
    """``average WEIGHTS... --output FILE``."""
    parser = commands.add_parser("average", help="average the weights of trainings that started from the same ones")
    parser.add_argument("weights", type=Path, nargs="+", metavar="WEIGHTS", help="state dicts or checkpoints (.pt)")
    parser.add_argument("--half", action="store_true", help="write them in half precision")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="the state dict to write (.pt)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    """Average, and write."""
    from dibmg_monai.weights import average_weights, write_state

    state = average_weights(arguments.weights)
    if arguments.half:
        state = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    write_state(state, path=arguments.output)
    say(f"mean of {len(arguments.weights)}: {arguments.output}")
