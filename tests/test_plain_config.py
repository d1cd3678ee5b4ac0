import subprocess
import sys
from pathlib import Path

import pytest
from monai.bundle import ConfigParser

from dibmg_monai.errors import DibmgError
from dibmg_monai.network import DIBMG
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.plain_config import NotPlain, PlainConfig
from dibmg_monai.weights import load_predictor, write_model_config, write_state

BUNDLE = Path(__file__).parents[1] / "bundle"
NARROW = {"init_widths": [2, 4], "residual_widths": [4, 4, 8, 8], "pools": [2, 2, 1, 1, 1, 1]}


@pytest.mark.parametrize("name", ["inference", "evaluate"])
@pytest.mark.parametrize("beside", [False, True], ids=["alone", "with a model's config"])
def test_it_says_what_monai_says(tmp_path: Path, name: str, beside: bool) -> None:
    files = [BUNDLE / "configs" / f"{name}.yaml"]
    if beside:
        files.append(tmp_path / "model.yaml")
        write_model_config(
            tmp_path / "model.pt", network=DIBMG(**NARROW), preprocessing=Preprocessing(image_size=96, voi="lut")
        )
        (tmp_path / "model.pt").with_suffix(".yaml").rename(files[-1])
    plain = PlainConfig(files, bundle_root="somewhere")
    config = ConfigParser(ConfigParser.load_config_files(files))
    config["bundle_root"] = "somewhere"
    for part in ("model_path", "exam_preprocessing", "device"):
        assert plain.get_parsed_content(part) == config.get_parsed_content(part)
    networks = [one.get_parsed_content("network_def") for one in (plain, config)]
    assert networks[0].options == networks[1].options
    assert type(networks[0]) is type(networks[1]) is DIBMG


@pytest.mark.parametrize(
    "text",
    [
        "device: $1 + 1",
        "device: '@other::part'",
        "device: '%other.yaml::part'",
        "device: '@nowhere'",
        "device: a text with @other in it",
        "device: {key: value}",
        "device: {_target_: nowhere.Nothing}",
        "device: {_target_: torch.device, _disabled_: true}",
        "device: {_target_: torch.device, wrong: cpu}",
        "network_def#pools: [1, 1, 1, 1, 1, 1]",
        "+imports: []",
        "- a list",
        "device: [",
    ],
)
def test_what_is_left_to_monai(tmp_path: Path, text: str) -> None:
    (tmp_path / "inference.yaml").write_text(text)
    with pytest.raises(NotPlain):
        PlainConfig([tmp_path / "inference.yaml"], bundle_root="").get_parsed_content("device")


def test_monai_reads_what_is_not_plain(tmp_path: Path) -> None:
    write_state(DIBMG(**NARROW).state_dict(), path=tmp_path / "model.pt")
    write_model_config(tmp_path / "model.pt", network=DIBMG(**NARROW), preprocessing=Preprocessing(image_size=96))
    config = tmp_path / "model.yaml"
    config.write_text(config.read_text().replace("image_size: 96", "image_size: $90 + 6"))
    assert load_predictor(BUNDLE, model_path=tmp_path / "model.pt").preprocessing.image_size == 96
    config.write_text(config.read_text().replace("$90 + 6", "many"))
    with pytest.raises(DibmgError, match="image_size is 'many'; a number of pixels"):
        load_predictor(BUNDLE, model_path=tmp_path / "model.pt")


def test_the_shipped_bundle_needs_no_monai() -> None:
    code = "import sys, dibmg_monai.analysis; from dibmg_monai.weights import load_predictor as load; "
    code += f"load({str(BUNDLE)!r}); print('monai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
