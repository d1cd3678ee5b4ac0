"""Any id of a config can be overridden by its name; what is no argument is named."""

from typing import Any

import pytest
from monai.bundle import ConfigWorkflow

from .conftest import Configure


def content(workflow: ConfigWorkflow, name: str) -> Any:
    return workflow.parser.get_parsed_content(name)


@pytest.mark.parametrize(
    ("config", "name", "value", "component", "attribute"),
    [
        ("inference", "batch_size", 3, "dataloader", "batch_size"),
        ("inference", "dataloader#batch_size", 3, "dataloader", "batch_size"),
        ("inference", "dataloader::batch_size", 3, "dataloader", "batch_size"),
        ("inference", "exam_preprocessing::image_size", 96, "preprocessing", "preprocessing.image_size"),
        ("inference", "inferer#amp", True, "evaluator", "inferer.amp"),
        ("evaluate", "network_def#residual_widths", [4, 4, 8, 8], "network_def", "options.residual_widths"),
        ("train", "train#trainer#max_epochs", 7, "train#trainer", "state.max_epochs"),
        ("train", "train::trainer::max_epochs", 7, "train#trainer", "state.max_epochs"),
        ("train", "optimizer::weight_decay", 0.5, "optimizer", "defaults.weight_decay"),
        ("train", "optimizer#maximize", True, "optimizer", "defaults.maximize"),
        ("train", "lr_scheduler#step_size", 4, "lr_scheduler", "step_size"),
        ("train", "loss#label_smoothing", 0.25, "loss", "cross_entropy.label_smoothing"),
        ("train", "train#augmentation#0#prob", 0.5, "train#augmentation", "0.prob"),
        ("train", "validate#dataloader#batch_size", 2, "validate#evaluator", "data_loader.batch_size"),
        ("train", "network_def#residual_widths#3", 16, "network_def", "aggregate_block.in_channels"),
        ("train", "best_model#metric", "other", "best_model", "metric"),
    ],
)
def test_an_override_arrives(
    configure: Configure, config: str, name: str, value: object, component: str, attribute: str
) -> None:
    found = content(configure(config, **{name: value}), component)
    for part in attribute.split("."):
        key = int(part) if part.isdigit() else part
        found = found[key] if isinstance(found, dict | list) else getattr(found, part)
    assert found == value


def test_a_component_can_be_replaced(configure: Configure) -> None:
    workflow = configure("train", loss={"_target_": "torch.nn.MSELoss"}, **{"train#augmentation": []})
    assert type(content(workflow, "loss")).__name__ == "MSELoss"
    assert len(content(workflow, "train#preprocessing").transforms) == 1


@pytest.mark.parametrize(
    ("name", "component"),
    [
        ("optimizer#learning_rat", "SGD"),
        ("train::dataloader::batchsize", "DataLoader"),
        ("network_def#width", "DIBMG"),
        ("exam_preprocessing#size", "Preprocessing"),
    ],
)
def test_what_is_no_argument_is_named(configure: Configure, name: str, component: str) -> None:
    argument = name.replace("::", "#").split("#")[-1]
    with pytest.raises((RuntimeError, TypeError)) as caught:
        configure("train", **{name: 1}).run()
    chain, error = "", caught.value
    while error is not None:
        chain, error = f"{chain}\n{error}", error.__cause__ or error.__context__
    assert f"unexpected keyword argument '{argument}'" in chain
    assert component in chain
