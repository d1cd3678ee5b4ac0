"""The same result by one plain script of pydicom, PIL and torch, one step after another; what a peer would write.

    python tests/benchmarks/plain_script.py STUDY OUT WEIGHTS SIZE

Four files of one exam -> OUT/scores.json and an overlay PNG a view. It takes less care than the package: it reads the
plain kind of mammogram, looks at no contradiction, and says nothing of what it skipped.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pydicom
import torch
from PIL import Image
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from torch.nn import functional

from dibmg_monai.network import DIBMG  # the network's definition: torch and nothing else

VIEWS = ("RCC", "RMLO", "LCC", "LMLO")


def view_of(dataset: pydicom.Dataset) -> str:
    side = dataset.get("ImageLaterality") or dataset.Laterality
    return side + (dataset.get("ViewPosition") or dataset.PatientOrientation)


def gray(dataset: pydicom.Dataset) -> np.ndarray:
    """(H, W) float32 in 0..1, head up, the chest wall right in right breasts and left in left ones."""
    stored = apply_modality_lut(dataset.pixel_array, dataset)
    values = np.asarray(apply_voi_lut(stored, dataset, prefer_lut=False), dtype=np.float32)
    values /= 2**dataset.BitsStored - 1
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        values = 1 - values
    side, orientation = view_of(dataset)[0], dataset.get("PatientOrientation")
    if orientation is not None and not isinstance(orientation, str) and len(orientation) == 2:
        upside_down = any(letter in orientation[1] for letter in (side, "H"))
        values = values[::-1] if upside_down else values
        wall = side if orientation[0][0] == {"R": "P", "L": "A"}[side] else None
    else:
        middle = values.shape[1] // 2
        wall = "L" if values[:, :middle].sum() > values[:, -middle:].sum() else "R"
    return np.ascontiguousarray(values if wall == side else values[:, ::-1])


def to_input(values: np.ndarray, size: int, *, right: bool) -> torch.Tensor:
    """(S, S) in -1..1, the longer side scaled to S, padded away from the chest wall."""
    scale = size / max(values.shape)
    rows, columns = (round(side * scale) for side in values.shape)
    scaled = Image.fromarray(values).resize((columns, rows), Image.Resampling.BILINEAR)
    square = torch.full((size, size), -1.0)
    left = size - columns if right else 0
    square[:rows, left : left + columns] = torch.from_numpy(np.array(scaled)) * 2 - 1
    return square


def overlay(values: np.ndarray, evidence: torch.Tensor, size: int, *, right: bool, scale: float) -> Image.Image:
    """The log-odds of a map (h, w) in red over the image, 1400 pixels high."""
    whole = functional.interpolate(evidence[None, None], (size, size), mode="bilinear")[0, 0]
    rows, columns = (round(side * size / max(values.shape)) for side in values.shape)
    whole = whole[:rows, -columns:] if right else whole[:rows, :columns]
    shape = (round(1400 * columns / rows), 1400)
    image = np.asarray(Image.fromarray(values).resize(shape, Image.Resampling.BILINEAR))
    alpha = np.asarray(Image.fromarray(whole.numpy()).resize(shape, Image.Resampling.BILINEAR)).clip(0, scale)
    alpha = 0.6 * alpha[..., None] / scale
    colors = (1 - alpha) * image[..., None] + alpha * np.array([1, 0.3, 0], dtype=np.float32)
    return Image.fromarray((255 * colors.clip(0, 1)).astype(np.uint8))


@torch.inference_mode()
def main(study: Path, output: Path, weights: Path, size: int) -> None:
    datasets = {view_of(dataset): dataset for dataset in map(pydicom.dcmread, sorted(study.rglob("*.dcm")))}
    images = {view: gray(datasets[view]) for view in VIEWS}
    inputs = torch.stack([to_input(values, size, right=view[0] == "R") for view, values in images.items()])
    network = DIBMG()
    network.load_state_dict(torch.load(weights, weights_only=True))
    maps = network.eval()(inputs[None])[0]
    evidence = maps[1::2] - maps[0::2]
    scores = {view: evidence[index].mean().sigmoid().item() for index, view in enumerate(VIEWS)}
    output.mkdir(parents=True, exist_ok=True)
    scale = max(evidence.max().item(), 2.3)
    for (view, values), of_view in zip(images.items(), evidence, strict=True):
        overlay(values, of_view, size, right=view[0] == "R", scale=scale).save(output / f"{view}.png")
    (output / "scores.json").write_text(json.dumps({"score": evidence.mean().sigmoid().item(), "views": scores}))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), int(sys.argv[4]))
