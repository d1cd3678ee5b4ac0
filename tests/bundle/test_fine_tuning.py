"""Fine-tuning as documented, by overrides alone: what is frozen stays as shipped, the rest learns."""

import re
import shlex
from pathlib import Path

import pytest
import torch
import yaml

from dibmg_monai.errors import DibmgError
from dibmg_monai.outputs.scores import read_results

from .command_line import monai_bundle
from .conftest import BUNDLE, Configure, unwrapped

PAGE = BUNDLE.parent / "docs" / "fine_tuning.md"
SHORT = ["--image_size", "64", "--num_workers", "0", "--batch_size", "5"]


def test_the_documented_commands(exams: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BUNDLE.parent)
    out = tmp_path / "out"
    text = PAGE.read_text().replace("\\\n", " ")
    commands = [shlex.split(line) for line in text.splitlines() if line.startswith("python -m monai.bundle run")]
    tune, evaluate = commands
    assert tune[tune.index("--epochs") + 1] == "3"
    for words in (tune, evaluate):
        arguments = [word.replace("O/", f"{out}/") for word in words[3:]]
        places = {"D": str(exams), "O": str(out), "D/datalist.json": str(exams / "datalist.json")}
        monai_bundle(*(places.get(word, word) for word in arguments), *SHORT)
    assert len(read_results(out / "test" / "results.json")) == 5
    shipped = torch.load(BUNDLE / "models" / "model.pt", weights_only=True)
    tuned = torch.load(out / "checkpoint.pt", weights_only=True)["net"]
    moved = {name for name, value in shipped.items() if not torch.equal(tuned[name], value.to(tuned[name].dtype))}
    assert moved == {name for name in shipped if name.startswith(("residual_block4.", "aggregate_block."))}
    assert "residual_block4.unit1.bn1.running_mean" in moved


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("train",), ["aggregate_block"]),
        (("train", "film"), "residual_block4.unit2,aggregate_block.bias"),
        (("train", "film", "peer"), ["class_maps"]),
    ],
    ids=["train", "film", "peer"],
)
def test_any_recipe_trains_the_parts_named(
    configure: Configure, tmp_path: Path, names: tuple[str, ...], parts: str | list[str]
) -> None:
    workflow = configure(*names, epochs=2, batch_size=5, trainable=parts, learning_rate=0.01)
    before = {name: value.clone() for name, value in workflow.network_def.state_dict().items()}
    workflow.run()
    after = torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)["net"]
    prefixes = tuple(parts.split(",")) if isinstance(parts, str) else tuple(parts)
    moved = {name for name in before if not torch.equal(after[name], before[name])}
    assert moved == {name for name in before if name.startswith(prefixes)}


def test_a_name_that_is_no_part(configure: Configure) -> None:
    with (
        pytest.raises(DibmgError, match="trainable names 'head', which has no weights here; init_block1, "),
        unwrapped(),
    ):
        configure("train", trainable="head")


def test_several_processes_are_set_up_as_one_is() -> None:
    """Their config has a list of its own, which would lose what train.yaml does."""
    one, several = (
        yaml.safe_load((BUNDLE / "configs" / f"{name}.yaml").read_text())["initialize"]
        for name in ("train", "multi_gpu_train")
    )
    assert [step for step in several if step in one] == one
    assert re.search("init_process_group", "".join(several))
