"""The wrappers hand on what the package computes: one preprocessing everywhere, bit for bit."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, PersistentDataset, decollate_batch
from PIL import Image

from dibmg_monai.errors import FolderError, ImageError
from dibmg_monai.exams.datalist import exam_from_entry
from dibmg_monai.handlers import PrepareExamBatch
from dibmg_monai.pixels.cache import CachedPreprocessing
from dibmg_monai.pixels.preprocessing import Preprocessing
from dibmg_monai.pooling import scores
from dibmg_monai.transforms import NO_LABEL, ExamScored, LoadExamd, geometries, pictures, refusal, values_of_interest
from dibmg_monai.views import VIEWS, View


@pytest.fixture
def entries(tmp_path: Path, breast: Callable[..., np.ndarray]) -> list[dict]:
    """Two exams as 16-bit PNG: one of four views with a label, one of two views without."""
    for view in ("RCC", "RMLO", "LCC", "LMLO"):
        Image.fromarray(breast(wall="right" if view[0] == "R" else "left") * 16).save(tmp_path / f"{view}.png")
    four = {view: f"{view}.png" for view in ("RCC", "RMLO", "LCC", "LMLO")}
    return [{"exam_id": "a", "label": 1, "density": "B", **four}, {"exam_id": "b", "LCC": "LCC.png", "RCC": "RCC.png"}]


def loader(tmp_path: Path) -> LoadExamd:
    return LoadExamd(Preprocessing(image_size=64), dataset_dir=tmp_path)


def test_the_transform_is_the_preprocessing(entries: list[dict], tmp_path: Path) -> None:
    item = loader(tmp_path)(entries[1])
    direct = Preprocessing(image_size=64)(exam_from_entry(entries[1], dataset_dir=tmp_path))
    assert torch.equal(item["image"], direct.image)
    assert torch.equal(item["view_present"], direct.view_present)
    assert geometries(item) == direct.geometries
    assert values_of_interest(item) == direct.voi == dict.fromkeys((View.RCC, View.LCC), "full range: 0 to 65535")
    assert item["label"] == NO_LABEL


def test_exams_of_different_make_up_collate(entries: list[dict], tmp_path: Path) -> None:
    (batch,) = DataLoader(Dataset(entries, loader(tmp_path)), batch_size=2, num_workers=0)
    assert batch["image"].shape == (2, 4, 64, 64)
    assert batch["view_present"].tolist() == [[True] * 4, [True, False, True, False]]
    assert batch["label"].tolist() == [1, NO_LABEL]
    assert batch["exam_id"] == ["a", "b"]
    assert [refusal(item) for item in decollate_batch(batch)] == [None, None]
    assert [list(values_of_interest(item)) for item in decollate_batch(batch)] == [list(VIEWS), [View.RCC, View.LCC]]


@pytest.mark.parametrize("cache", [None, "cache"])
def test_pictures_of_different_sizes_collate(entries: list[dict], tmp_path: Path, cache: str | None) -> None:
    Image.fromarray(np.full((700, 799), 9, np.uint16)).save(tmp_path / "RCC.png")  # enlarged as far as any can be
    plain = Preprocessing(image_size=64)
    folder = cache and tmp_path / cache
    load = LoadExamd(CachedPreprocessing(plain, folder), dataset_dir=tmp_path, pictures=True)
    (tmp_path / "LMLO.png").write_bytes(b"no image")
    (batch,) = DataLoader(Dataset(entries, load), batch_size=2, num_workers=0)
    bad, good = (pictures(item) for item in decollate_batch(batch))
    direct = plain(exam_from_entry(entries[1], dataset_dir=tmp_path), pictures=True).pictures
    assert bad == {}
    assert good.keys() == direct.keys() == {View.RCC, View.LCC}
    assert max(direct[View.RCC].shape) == 1598
    assert all(np.array_equal(good[view], direct[view]) for view in direct)


def test_pictures_are_made_only_if_asked_for(entries: list[dict], tmp_path: Path) -> None:
    item = loader(tmp_path)(entries[1])
    assert "pictures" not in item
    assert pictures(item) == {}


def test_items_survive_a_cache_on_disk(entries: list[dict], tmp_path: Path) -> None:
    cached = [PersistentDataset(entries, loader(tmp_path), cache_dir=tmp_path / "cache")[0] for _ in range(2)]
    assert torch.equal(cached[0]["image"], cached[1]["image"])
    assert geometries(cached[0]) == geometries(cached[1])


def test_a_bad_exam_is_marked(entries: list[dict], tmp_path: Path) -> None:
    (tmp_path / "LMLO.png").write_bytes(b"no image")
    (batch,) = DataLoader(Dataset(entries, loader(tmp_path)), batch_size=2, num_workers=1)
    bad, good = decollate_batch(batch)
    error = refusal(bad)
    assert isinstance(error, ImageError)
    with pytest.raises(ImageError, match=r"LMLO\.png: is neither a DICOM nor a PNG file") as direct:
        Preprocessing(image_size=64)(exam_from_entry(entries[0], dataset_dir=tmp_path))
    assert vars(error) == vars(direct.value)
    assert not bad["view_present"].any()
    assert bad["image"].eq(-1).all()
    assert values_of_interest(bad) == {}
    assert refusal(good) is None


def test_an_item_from_a_cache_has_its_own_label(entries: list[dict], tmp_path: Path) -> None:
    load = LoadExamd(CachedPreprocessing(Preprocessing(image_size=64), tmp_path / "cache"), dataset_dir=tmp_path)
    items = [load({**entries[0], "label": label}) for label in (1, 0)]
    assert [int(item["label"]) for item in items] == [1, 0]
    assert torch.equal(items[0]["image"], items[1]["image"])
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_an_exam_that_cannot_be_kept_is_marked(entries: list[dict], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    load = LoadExamd(CachedPreprocessing(Preprocessing(image_size=64), tmp_path / "file"), dataset_dir=tmp_path)
    (batch,) = DataLoader(Dataset(entries, load), batch_size=2, num_workers=1)
    for item in decollate_batch(batch):
        error = refusal(item)
        assert isinstance(error, FolderError)
        assert str(error).endswith(".exam: cannot be written (File exists); a writable folder with room left is needed")
    with pytest.raises(FolderError):
        PrepareExamBatch()(batch)


def test_exam_score_is_that_of_the_maps() -> None:
    maps, present = torch.randn(8, 3, 3), torch.tensor([True, False, True, True])
    item = ExamScored()({"pred": maps, "view_present": present})
    assert torch.equal(item["score"], scores(maps[None], present[None]))
