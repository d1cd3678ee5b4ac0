"""The bundle's description: complete, of this version, and true of its network."""

import json
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from monai.bundle import ConfigParser, verify_metadata

import dibmg_monai
from dibmg_monai.network import CLASSES
from dibmg_monai.views import VIEWS

from .conftest import BUNDLE

METADATA = BUNDLE / "configs" / "metadata.json"
TEXTS = ["schema", "version", "monai_version", "pytorch_version", "numpy_version", "task", "description", "authors"]
# What MONAI's specification of bundles says of metadata.json.
TENSOR = {
    "type": "object",
    "properties": {
        **{key: {"type": "string"} for key in ("type", "format", "dtype")},
        "num_channels": {"type": "integer"},
        "spatial_shape": {"type": "array", "items": {"type": ["string", "integer"]}},
        "value_range": {"type": "array", "items": {"type": "number"}},
        "is_patch_data": {"type": "boolean"},
        "channel_def": {"type": "object"},
    },
    "required": ["type", "format", "num_channels", "spatial_shape", "dtype", "value_range"],
}
TENSORS = {"type": "object", "additionalProperties": TENSOR, "minProperties": 1}
SCHEMA = {
    "type": "object",
    "properties": {
        **{key: {"type": "string", "minLength": 1} for key in [*TEXTS, "copyright", "data_type", "intended_use"]},
        **{key: {"type": "object"} for key in ("changelog", "required_packages_version", "eval_metrics")},
        "references": {"type": "array", "items": {"type": "string"}},
        "network_data_format": {
            "type": "object",
            "properties": {"inputs": TENSORS, "outputs": TENSORS},
            "required": ["inputs", "outputs"],
        },
    },
    "required": [*TEXTS, "copyright", "required_packages_version", "network_data_format"],
}


@pytest.fixture
def metadata() -> dict[str, Any]:
    return json.loads(METADATA.read_text())


@pytest.fixture
def schema(tmp_path: Path) -> str:
    """A file where MONAI looks before it downloads."""
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA))
    return str(path)


def test_metadata_is_valid(schema: str) -> None:
    verify_metadata(meta_file=str(METADATA), filepath=schema)


@pytest.mark.parametrize("path", [("task",), ("network_data_format", "inputs", "image", "dtype")])
def test_metadata_without_a_field_is_not(
    metadata: dict[str, Any], schema: str, tmp_path: Path, path: tuple[str, ...]
) -> None:
    part = metadata
    for key in path[:-1]:
        part = part[key]
    del part[path[-1]]
    (tmp_path / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(ValueError, match=f"'{path[-1]}' is a required property"):
        verify_metadata(meta_file=str(tmp_path / "metadata.json"), filepath=schema)


def test_version_is_that_of_the_package_and_has_a_change(metadata: dict[str, Any]) -> None:
    assert metadata["name"] == "DIB-MG"
    assert metadata["version"] == dibmg_monai.__version__ == version("dibmg-monai")
    assert metadata["changelog"][metadata["version"]]
    assert metadata["schema"].endswith("meta_schema_20240725.json")


def test_versions_are_those_it_was_tried_with(metadata: dict[str, Any]) -> None:
    packages = {
        "monai": metadata["monai_version"],
        "torch": metadata["pytorch_version"],
        "numpy": metadata["numpy_version"],
        **metadata["required_packages_version"],
    }
    assert {name: version(name).split("+")[0] for name in packages} == packages


@pytest.mark.parametrize("name", ["LICENSE", "models/model.pt", "docs/README.md", "docs/data_license.txt"])
def test_files_that_a_bundle_needs(name: str) -> None:
    assert (BUNDLE / name).stat().st_size > 0


def test_the_network_is_described(metadata: dict[str, Any]) -> None:
    config = ConfigParser(ConfigParser.load_config_file(BUNDLE / "configs" / "inference.yaml"))
    size, stride = config["image_size"], config.get_parsed_content("network_def").stride
    image, pred = metadata["network_data_format"]["inputs"]["image"], metadata["network_data_format"]["outputs"]["pred"]
    assert image["spatial_shape"] == [size, size]
    assert pred["spatial_shape"] == [size / stride, size / stride]
    assert list(image["channel_def"].values()) == list(VIEWS)
    assert list(pred["channel_def"].values()) == [f"{view} {label}" for view in VIEWS for label in CLASSES]
    assert (image["num_channels"], pred["num_channels"]) == (len(image["channel_def"]), len(pred["channel_def"]))
    assert image["value_range"] == [-1, 1]


def test_settings_of_the_weights_are_the_same_wherever_they_are_used() -> None:
    inference, evaluate = (
        ConfigParser.load_config_file(BUNDLE / "configs" / f"{name}.yaml") for name in ("inference", "evaluate")
    )
    settings = ("image_size", "remove_background", "voi")
    for key in ("network_def", "network", "exam_preprocessing", "preprocessing", *settings):
        assert inference[key] == evaluate[key]


@pytest.mark.parametrize("path", sorted((BUNDLE / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_commands_in_comments_name_files_that_exist(path: Path) -> None:
    named = re.findall(r"bundle/configs/\w+\.yaml", path.read_text())
    assert all((BUNDLE.parent / name).is_file() for name in named)
