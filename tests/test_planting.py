"""The first task is what it says: masses in the breast or none, and nothing else tells the two apart."""

import numpy as np
import pytest
import torch

from dibmg_monai.phantom.planting import ROOM, add_distractors, plant_mass
from dibmg_monai.transforms import RandBreastCropd, RandPlantMassesd


@pytest.fixture
def tissue() -> np.ndarray:
    image = np.zeros((100, 80), np.float32)
    image[20:, :60] = 0.4
    return image


def test_a_mass_is_added_inside_the_breast(tissue: np.ndarray) -> None:
    for seed in range(30):
        planted, inside = plant_mass(np.random.default_rng(seed), tissue, diameter=(8, 20), contrast=(0.1, 0.3))
        added = planted - tissue
        assert added.min() >= 0
        assert 0.05 < added.max() <= 0.3 * 1.7 + 1e-6
        assert not added[tissue == 0].any()
        assert added[inside & (tissue > 0)].mean() > 2 * added[~inside].mean()
        row, column = (places.mean() for places in np.nonzero(inside))
        assert row > 20 + 2
        assert column < 60 - 2


def test_sizes_are_as_asked(tissue: np.ndarray) -> None:
    wide = np.full((200, 200), 0.4, np.float32)
    for diameter in (8, 16, 32):
        areas = [
            plant_mass(np.random.default_rng(seed), wide, diameter=(diameter, diameter), contrast=(0.2, 0.2))[1].sum()
            for seed in range(40)
        ]
        assert np.median(areas) == pytest.approx(np.pi * diameter**2 / 4, rel=0.25)


def test_no_room_no_mass() -> None:
    narrow = np.zeros((50, 50), np.float32)
    narrow[:, : ROOM - 2] = 0.4
    planted, inside = plant_mass(np.random.default_rng(0), narrow, diameter=(6, 20), contrast=(0.1, 0.5))
    np.testing.assert_array_equal(planted, narrow)
    assert not inside.any()


def test_distractors_stay_in_the_breast(tissue: np.ndarray) -> None:
    changed = [add_distractors(np.random.default_rng(seed), tissue) for seed in range(20)]
    assert all(not image[tissue == 0].any() for image in changed)
    assert all(image.min() >= 0 and image.max() <= 1 for image in changed)
    assert len({image.tobytes() for image in changed}) > 15


def test_masses_are_in_both_views_of_one_breast_or_nowhere(tissue: np.ndarray) -> None:
    image = torch.from_numpy(tissue).expand(4, -1, -1) * 2 - 1
    plant = RandPlantMassesd(diameter=(10, 20), contrast=(0.3, 0.4)).set_random_state(0)
    seen = []
    for _ in range(60):
        item = plant({"image": image, "label": torch.tensor(0), "exam_id": "x"})
        assert item["image"].shape == item["lesions"].shape == (4, 100, 80)
        with_masses = item["lesions"].flatten(1).any(dim=1).tolist()
        assert with_masses in ([False] * 4, [True, True, False, False], [False, False, True, True])
        assert int(item["label"]) == any(with_masses)
        brighter = [(view[mask > 0] - (-0.2)).mean() for view, mask in zip(item["image"], item["lesions"], strict=True)]
        assert all(value > 0.1 for value, has in zip(brighter, with_masses, strict=True) if has)
        seen.append(tuple(with_masses))
    assert len(set(seen)) == 3
    assert 15 <= sum(any(views) for views in seen) <= 45


def test_what_is_no_mass_is_alike_in_both_classes(tissue: np.ndarray) -> None:
    image = torch.from_numpy(tissue).expand(4, -1, -1) * 2 - 1
    with_masses, without = (
        RandPlantMassesd(diameter=(4, 5), contrast=(0.1, 0.1), prob=prob).set_random_state(7) for prob in (1.0, 0.0)
    )
    for _ in range(5):
        planted, plain = with_masses({"image": image}), without({"image": image})
        far = torch.nn.functional.max_pool2d(planted["lesions"], 31, 1, 15) == 0
        torch.testing.assert_close(planted["image"][far], plain["image"][far])


def test_crops_are_of_the_breast_and_of_each_view_alone(tissue: np.ndarray) -> None:
    image = torch.from_numpy(tissue).expand(4, -1, -1) * 2 - 1 + torch.arange(4)[:, None, None] * 0.01
    crops = RandBreastCropd(40).set_random_state(0)({"image": image})["image"]
    assert crops.shape == (4, 40, 40)
    assert (crops[:, 10:-10, 10:-10] > -0.8).float().mean() > 0.8
    assert len({crop.sum().item() for crop in crops}) == 4


def test_a_crop_as_large_as_the_image_is_the_image() -> None:
    image = torch.rand(4, 60, 60)
    assert torch.equal(RandBreastCropd(60)({"image": image})["image"], image)
