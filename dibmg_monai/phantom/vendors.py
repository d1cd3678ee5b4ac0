"""Three looks, as three manufacturers' images have them: field, gray scale, noise, window, bits and polarity.

The figures are ours: typical of the manufacturers' image formats, measured on none of their devices.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dibmg_monai.phantom.texture import Field


@dataclass(frozen=True)
class Vendor:
    """How one manufacturer's images differ from another's.

    Attributes:
        manufacturer: Manufacturer (0008,0070).
        height_mm: the height of the image field.
        aspect: the field's width over its height.
        gamma: exponent of the brightness; less than 1 lightens fat.
        noise: standard deviation of the noise, in brightness.
        bits_stored: BitsStored (0028,0101).
        inverted: MONOCHROME1 instead of MONOCHROME2.
        window_center, window_width: the window, in stored values, that shows brightness 0 to 1.
    """

    manufacturer: str
    height_mm: float
    aspect: float
    gamma: float
    noise: float
    bits_stored: int
    inverted: bool
    window_center: int
    window_width: int

    def develop(self, rng: np.random.Generator, tissue: Field, thickness: Field) -> Field:
        """Brightness 0..1 as the manufacturer shows tissue of a relative thickness; no noise outside the breast."""
        noise = self.noise * rng.standard_normal(tissue.shape, np.float32) * thickness
        return np.clip(np.clip(tissue, 0, 1) ** self.gamma + noise, 0, 1)

    def stored_values(self, brightness: Field) -> NDArray[np.uint16]:
        """What is stored, uint16: brightness seen through the inverse of the window (PS3.3 C.11.2.1.2.1, LINEAR)."""
        if self.inverted:
            brightness = 1 - brightness
        return np.rint(self.window_center - 0.5 + (brightness - 0.5) * (self.window_width - 1)).astype(np.uint16)


VENDORS: tuple[Vendor, ...] = (
    Vendor(
        manufacturer="GE",
        height_mm=216,
        aspect=0.834,
        gamma=0.65,
        noise=0.010,
        bits_stored=12,
        inverted=False,
        window_center=2200,
        window_width=3400,
    ),
    Vendor(
        manufacturer="HOLOGIC",
        height_mm=233,
        aspect=0.769,
        gamma=0.85,
        noise=0.015,
        bits_stored=14,
        inverted=False,
        window_center=8000,
        window_width=12000,
    ),
    Vendor(
        manufacturer="SIEMENS",
        height_mm=240,
        aspect=0.838,
        gamma=0.75,
        noise=0.007,
        bits_stored=12,
        inverted=True,
        window_center=2047,
        window_width=4000,
    ),
)
