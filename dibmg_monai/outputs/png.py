"""Overlays as PNG files."""

from pathlib import Path

from PIL import Image

from dibmg_monai.errors import writing
from dibmg_monai.outputs.material import Material
from dibmg_monai.views import VIEWS, View

COMPRESSION = 1  # zlib's first level: 40 % of the time of its sixth, for files a fifth larger


class Overlays:
    """The overlay of each view."""

    names = tuple(f"{view}_overlay.png" for view in VIEWS)

    @staticmethod
    def file_name(view: View) -> str:
        """The file of one view."""
        return Overlays.names[view.channel]

    def write(self, material: Material, folder: Path) -> None:
        """Write the overlays of one exam."""
        for view, picture in material.pictures.items():
            path = folder / self.file_name(view)
            with writing(path):
                Image.fromarray(picture).save(path, compress_level=COMPRESSION)
