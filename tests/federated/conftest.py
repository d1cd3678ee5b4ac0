"""The scripts of apps/federated, and two tiny sites in place of its five."""

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

APPLICATION = Path(__file__).parents[2] / "apps" / "federated"
JOB = APPLICATION / "job"


@pytest.fixture(scope="session")
def scripts() -> Iterator[dict[str, ModuleType]]:
    """The modules of apps/federated by name: they import one another as a script's modules do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(APPLICATION)
        yield {name: importlib.import_module(name) for name in ("sites", "simulation", "comparison")}


@pytest.fixture(scope="session")
def two_sites(scripts: dict[str, ModuleType], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Site a has 12 exams for training, site b 24; 4 and 8 for validation and for testing."""
    make, look = scripts["sites"].Site, scripts["sites"]
    folder = tmp_path_factory.mktemp("hospitals")
    sites = (
        make("a", exams=20, cancer_fraction=0.5, vendor=look.GE),
        make("b", exams=40, cancer_fraction=0.5, vendor=look.SIEMENS),
    )
    look.write_sites(folder, seed=7, sites=sites)
    return folder
