"""The plain part of a bundle's config, read without MONAI, whose import takes longer than many an exam.

Plain are literals, references (``@name``), components (``_target_``), and the two expressions that every inference
config of this package has. Whatever has more in it is left to MONAI's ``ConfigParser``, with the same outcome.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pydoc import locate
from typing import Any

import torch
import yaml

EXPRESSIONS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "$@bundle_root + '/models/model.pt'": lambda config: f"{config['bundle_root']}/models/model.pt",
    "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')": lambda config: torch.device(
        "cuda:0" if torch.cuda.is_available() else "cpu"
    ),
}
MARKS = ("$", "%", "@")  # expression, macro, reference


class NotPlain(Exception):  # noqa: N818, nothing went wrong
    """A config has more in it than this module reads."""


class PlainConfig:
    """One config over another, each file's names in place of those before.

    Args:
        files: YAML or JSON.
        bundle_root: the bundle's folder, in place of what the files say.

    Raises:
        NotPlain: here and by ``get_parsed_content``: MONAI's ``ConfigParser`` has to read it.
    """

    def __init__(self, files: Sequence[Path], *, bundle_root: str) -> None:
        self.config: dict[str, Any] = {}
        for file in files:
            try:
                read = yaml.safe_load(file.read_text(encoding="utf-8"))
            except (OSError, ValueError, yaml.YAMLError) as error:
                raise NotPlain(file) from error
            if not isinstance(read, dict) or any("#" in name or "::" in name or name[:1] in "+~" for name in read):
                raise NotPlain(file)  # parts of what is there, changed
            self.config |= read
        self.config["bundle_root"] = bundle_root

    def get_parsed_content(self, name: str) -> Any:
        """What an id stands for, as MONAI's ``ConfigParser`` has it."""
        if name not in self.config:
            raise NotPlain(name)
        return self._resolved(self.config[name])

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        if isinstance(value, dict):
            return self._component(value)
        if not isinstance(value, str):
            return value
        if value in EXPRESSIONS:
            return EXPRESSIONS[value](self.config)
        if value.startswith("@") and value[1:].isidentifier():
            return self.get_parsed_content(value[1:])
        if any(mark in value for mark in MARKS):
            raise NotPlain(value)
        return value

    def _component(self, value: Mapping[str, Any]) -> Any:
        target = locate(value["_target_"]) if "." in str(value.get("_target_")) else None
        options = {name: option for name, option in value.items() if name != "_target_"}
        if not callable(target) or any(name.startswith("_") for name in options):
            raise NotPlain(value)
        arguments = {name: self._resolved(option) for name, option in options.items()}
        try:
            return target(**arguments)
        except TypeError as error:  # names that it does not have, say: MONAI tells more
            raise NotPlain(value) from error
