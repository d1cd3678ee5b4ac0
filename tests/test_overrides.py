"""A wrong name on the command line is said to be one, with those that are like it."""

import sys
from pathlib import Path

import pytest

from dibmg_monai.errors import DibmgError
from dibmg_monai.overrides import check_overrides

CONFIGS = Path(__file__).parents[1] / "bundle" / "configs"
COMMAND = "/somewhere/monai/bundle/__main__.py"
TRAIN = ["run", "--config_file", str(CONFIGS / "train.yaml")]


@pytest.mark.parametrize(
    "names",
    [
        ["--epochs", "5"],
        ["--epochs=5", "--learning-rate=0.1"],
        ["--train#trainer#max_epochs", "5"],
        ["--train::trainer::max_epochs", "5"],
        ["--train::handlers#0::_disabled_", "True"],
        ["--optimizer#nesterov", "True"],  # an argument of the component that the config doesn't set
        ["--network_def#init_widths", "[16,32]"],
        ["--network_def#init_widths#0", "16"],
        ["--mine", "5", "--epochs", "$@mine + 1"],
        ["--_meta_#version", "2"],
        ["--logging_file", "False", "--meta_file", "m.json", "--run_id", "run", "--workflow_type", "train"],
        ["--tracking", "mlflow", "--experiment_name", "first"],
    ],
    ids=" ".join,
)
def test_right_names_pass(names: list[str]) -> None:
    check_overrides([COMMAND, *TRAIN, *names])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("--epoch", r"--epoch: the configs have no 'epoch' at this place; there are epochs"),
        ("--Learning_rate", r"--Learning_rate: .* there are learning_rate"),
        ("--train#trainr#max_epochs", r"no 'trainr' at this place; there are trainer"),
        ("--train::dataloaders::batch_size", r"no 'dataloaders' at this place; there are dataloader"),
        ("--train#handlers#70#seed", r"no '70' at this place; there are \d"),
        ("--epochs#first", r"no 'first' at this place; nothing is below it"),
        ("--validate#qqq", r"no 'qqq' at this place; there are entries, preprocessing, dataset"),
    ],
)
def test_wrong_names_are_told(name: str, message: str) -> None:
    for arguments in ([name, "5"], [f"{name}=5"]):
        with pytest.raises(DibmgError, match=message):
            check_overrides([COMMAND, *TRAIN, *arguments])


def test_names_of_any_of_several_configs() -> None:
    several = ["run", "--config_file", str([str(CONFIGS / f"{name}.yaml") for name in ("train", "film")])]
    check_overrides([COMMAND, *several, "--balance_within", "[institution]"])
    with pytest.raises(DibmgError, match="no 'balance_within'"):
        check_overrides([COMMAND, *TRAIN, "--balance_within", "[institution]"])


def test_names_in_a_file_of_arguments(tmp_path: Path) -> None:
    path = tmp_path / "arguments.yaml"
    path.write_text(f"config_file: {CONFIGS / 'train.yaml'}\nepoch: 3\n")
    with pytest.raises(DibmgError, match="no 'epoch'"):
        check_overrides([COMMAND, "run", "--args_file", str(path)])


def test_another_programs_command_line_is_none_of_its_business(monkeypatch: pytest.MonkeyPatch) -> None:
    check_overrides(["/usr/bin/other", *TRAIN, "--epoch", "5"])
    monkeypatch.setattr(sys, "argv", ["pytest", *TRAIN, "--epoch", "5"])
    check_overrides()
