"""The first task is what it says: masses in the breast or none, and nothing else tells the two apart."""

import numpy as np
import pytest
import torch

from dibmg_monai.phantom.planting import MARGIN, add_shading, plant_mass
from dibmg_monai.transforms import RandBreastCropd, RandPlantMassd


@pytest.fixture
def tissue() -> np.ndarray:
    image = np.zeros((100, 80), np.float32)
    image[20:, :60] = 0.4
    return image


def test_a_mass_is_added_inside_the_breast(tissue: np.ndarray) -> None:
    for seed in range(30):
        planted = plant_mass(np.random.default_rng(seed), tissue, diameter=(6, 20), contrast=(0.1, 0.5))
        added = planted - tissue
        assert added.min() >= 0
        assert 0.05 < added.max() <= 0.51
        assert not added[tissue == 0].any()
        row, column = np.unravel_index(added.argmax(), added.shape)
        assert row >= 20 + MARGIN - 10
        assert column < 60 - MARGIN + 10


def test_no_room_no_mass() -> None:
    narrow = np.zeros((50, 50), np.float32)
    narrow[:, : 2 * MARGIN - 2] = 0.4
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(plant_mass(rng, narrow, diameter=(6, 20), contrast=(0.1, 0.5)), narrow)


def test_shading_stays_in_the_breast(tissue: np.ndarray) -> None:
    shaded = add_shading(np.random.default_rng(0), tissue)
    assert (shaded >= tissue).all()
    assert shaded.max() <= 0.61
    np.testing.assert_array_equal(shaded[tissue == 0], 0)


def test_the_label_says_whether_masses_were_planted(tissue: np.ndarray) -> None:
    image = torch.from_numpy(tissue).expand(4, -1, -1) * 2 - 1
    plant = RandPlantMassd(diameter=(10, 20), contrast=(0.3, 0.4)).set_random_state(0)
    labels = []
    for _ in range(40):
        item = plant({"image": image, "label": torch.tensor(0), "exam_id": "x"})
        sharp = (item["image"][:, 1:] - item["image"][:, :-1])[:, 22:, :58].abs().amax(dim=(1, 2)) / 2
        assert (sharp > 0.03).all() if item["label"] else (sharp < 0.03).all()
        labels.append(int(item["label"]))
    assert 10 <= sum(labels) <= 30


def test_crops_are_of_the_breast_and_of_each_view_alone(tissue: np.ndarray) -> None:
    image = torch.from_numpy(tissue).expand(4, -1, -1) * 2 - 1 + torch.arange(4)[:, None, None] * 0.01
    crops = RandBreastCropd(40).set_random_state(0)({"image": image})["image"]
    assert crops.shape == (4, 40, 40)
    assert (crops[:, 10:-10, 10:-10] > -0.8).float().mean() > 0.8
    assert len({crop.sum().item() for crop in crops}) == 4
