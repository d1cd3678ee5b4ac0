"""Overrides by name, ``--epochs 5``: MONAI takes a wrong name for a new one, and would run without a word."""

import inspect
import re
import sys
from ast import literal_eval
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from dibmg_monai.errors import DibmgError

COMMAND = ("monai", "bundle", "__main__.py")


def check_overrides(arguments: Sequence[str] | None = None) -> None:
    """Check the names that a command line of ``python -m monai.bundle`` overrides; any other program's passes.

    A name has to be in the configs, or an argument of a component there, or be used by another override.

    Args:
        arguments: the command line, by default that of this process.

    Raises:
        DibmgError: if a name is none, with the names that are like it.
    """
    from monai.bundle import ConfigParser, ConfigWorkflow, run, run_workflow

    command, *rest = sys.argv if arguments is None else arguments
    if Path(command).parts[-3:] != COMMAND:
        return
    given = dict(_options(rest))
    if isinstance(given.get("args_file"), str):
        given = ConfigParser.load_config_file(given["args_file"]) | given
    if "config_file" not in given or "tracking" in given:  # tracking has names of its own
        return
    config = ConfigParser.load_config_files(given["config_file"])
    monais = {name for takes in (run, run_workflow, ConfigWorkflow) for name in inspect.signature(takes).parameters}
    for name in given.keys() - monais:
        used = any(re.search(rf"[@%]{re.escape(name)}\b", str(value)) for value in given.values())
        if not (used or name.startswith("_")):
            _check(name, config)


def _options(arguments: Sequence[str]) -> list[tuple[str, Any]]:
    """``--name value`` and ``--name=value``, as the library Fire reads them."""
    options = []
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        if argument.startswith("--"):
            name, equals, value = argument[2:].partition("=")
            options.append((name.replace("-", "_"), _literal(value if equals else following)))
    return options


def _literal(text: str) -> Any:
    try:
        return literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _check(name: str, config: Mapping[str, Any]) -> None:
    """Follow a name, ``train#trainer#max_epochs`` or ``train::trainer::max_epochs``, into the configs."""
    node: Any = config
    for part in re.split("#|::", name):
        choices = {str(index): value for index, value in enumerate(node)} if isinstance(node, list) else node
        if isinstance(choices, Mapping) and part in choices:
            node = choices[part]
        elif isinstance(choices, Mapping) and "_target_" in choices:
            return  # a component says by itself which arguments it takes
        else:
            names = list(choices) if isinstance(choices, Mapping) else []
            like = get_close_matches(part, names, n=3) or names[:20]
            known = f"; there are {', '.join(like)}" if like else "; nothing is below it"
            raise DibmgError(f"--{name}: the configs have no {part!r} at this place{known}")
