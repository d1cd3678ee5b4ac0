"""The job's parts agree, and MONAI's own client algorithm trains the bundle as the job says; without FLARE."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
import yaml
from monai.fl.client import MonaiAlgo
from monai.fl.utils.constants import ExtraItems, FlStatistics, WeightType
from monai.fl.utils.exchange_object import ExchangeObject

from tests.federated.conftest import JOB

BUNDLE = Path(__file__).parents[2] / "bundle"
CONFIG = JOB / "app" / "config"
SHORT = {"image_size": 48, "batch_size": 4, "device": "$torch.device('cpu')"}


def read(name: str) -> dict[str, Any]:
    return json.loads((CONFIG / name).read_text())


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same sums in all runs; and the configs' hook for errors does not outlive a test."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_the_jobs_parts_agree(scripts: dict[str, ModuleType]) -> None:
    server, (algorithm,) = read("config_fed_server.json"), read("config_fed_client.json")["components"]
    overlay = yaml.safe_load((CONFIG / "phantoms.yaml").read_text())
    sites = len(scripts["sites"].SITES)
    assert server["min_clients"] == json.loads((JOB / "meta.json").read_text())["min_clients"] == sites
    assert overlay["epochs"] == server["num_rounds"] * algorithm["args"]["local_epochs"]
    known = yaml.safe_load((BUNDLE / "configs" / "train.yaml").read_text())
    for ids in (overlay, algorithm["args"]["train_kwargs"], algorithm["args"]["eval_kwargs"]):
        assert set(ids) <= set(known)


def client(site: Path, workspace: Path) -> MonaiAlgo:
    """The job's algorithm as FLARE would make it at a site, with smaller images."""
    (algorithm,) = read("config_fed_client.json")["components"]
    assert algorithm["path"] == "monai.fl.client.MonaiAlgo"
    places = {
        "{$DIBMG_BUNDLE}": str(BUNDLE),
        "{$DIBMG_SITES}": str(site.parent),
        "{SITE_NAME}": site.name,
        "{WORKSPACE}": str(workspace),
        "{JOB_CONFIG_DIR}": str(CONFIG),
    }
    text = json.dumps(algorithm["args"])
    for variable, place in places.items():
        text = text.replace(variable, place)
    arguments = json.loads(text)
    for kind in ("train_kwargs", "eval_kwargs"):
        arguments[kind] |= SHORT
    made = MonaiAlgo(**arguments)
    made.initialize({ExtraItems.CLIENT_NAME: site.name, ExtraItems.APP_ROOT: str(workspace)})
    return made


def test_a_client_sends_what_training_changed_and_goes_on_in_the_next_round(two_sites: Path, tmp_path: Path) -> None:
    client_b = client(two_sites / "b", tmp_path)
    received = {name: value.numpy().copy() for name, value in client_b.trainer.network.state_dict().items()}
    for number in (1, 2):
        assert 0 <= client_b.evaluate(ExchangeObject(received)).metrics["val_auc"] <= 1
        client_b.train(ExchangeObject(received))
        sent = client_b.get_weights()
        trained = client_b.trainer.network.state_dict()
        assert sent.weight_type == WeightType.WEIGHT_DIFF
        assert sent.statistics[FlStatistics.NUM_EXECUTED_ITERATIONS] == 6  # 24 exams, 4 a step
        assert client_b.trainer.state.epoch == number  # and the learning rate goes on with it
        assert set(sent.weights) == set(received)
        for name, change in sent.weights.items():
            torch.testing.assert_close(trained[name], torch.as_tensor(received[name]) + change, msg=name)
        assert sent.weights["init_block1.conv.weight"].abs().max() > 0
        assert sent.weights["init_block1.bn.running_mean"].abs().max() > 0
    assert client_b.train_workflow.parser.get_parsed_content("lr_scheduler").last_epoch == 2
    for kind in ("trained", "received"):
        assert (tmp_path / kind / "model.pt").is_file()
        assert (tmp_path / kind / "model.yaml").is_file()


def test_evaluation_is_of_what_was_received(two_sites: Path, tmp_path: Path) -> None:
    """Not of what the site has trained since: the server chooses the best global model by it."""
    client_a = client(two_sites / "a", tmp_path)
    received = {name: value.numpy().copy() for name, value in client_a.evaluator.network.state_dict().items()}
    first = client_a.evaluate(ExchangeObject(received)).metrics["val_auc"]
    client_a.train(ExchangeObject(received))
    assert client_a.evaluate(ExchangeObject(received)).metrics["val_auc"] == first
    state = client_a.evaluator.network.state_dict()
    assert all(torch.equal(torch.as_tensor(value), state[name]) for name, value in received.items())


def test_an_unreadable_exam_stops_the_site(two_sites: Path, tmp_path: Path) -> None:
    """Training must not lose exams unnoticed; ``test_simulation`` shows that the other sites then stop, too."""
    broken = tmp_path / "sites" / "a"
    broken.mkdir(parents=True)
    for name in ("dicom", "masks"):
        (broken / name).symlink_to(two_sites / "a" / name)
    parts = json.loads((two_sites / "a" / "datalist.json").read_text())
    (broken / "broken.png").write_bytes(b"no image")
    parts["training"][0]["LCC"] = "broken.png"
    (broken / "datalist.json").write_text(json.dumps(parts))
    client_a = client(broken, tmp_path)
    received = {name: value.numpy().copy() for name, value in client_a.trainer.network.state_dict().items()}
    with pytest.raises(Exception, match=r"broken\.png: is neither a DICOM nor a PNG file"):
        client_a.train(ExchangeObject(received))
