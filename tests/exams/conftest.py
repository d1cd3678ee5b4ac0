"""Studies of small mammograms, made as tests need them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, config
from pydicom.uid import SecondaryCaptureImageStorage

from dibmg_monai.exams.attributes import Attributes
from dibmg_monai.exams.headers import Header, header_of
from dibmg_monai.views import VIEWS
from tests.conftest import mammogram

STUDY = "1.2.826.0.1.3680043.8.498.1"
PIXELS = np.arange(24, dtype=np.uint16).reshape(6, 4)
WriteImage = Callable[..., Path]


@pytest.fixture
def write_image(write_mammogram: Callable[..., Path]) -> WriteImage:
    """``write_image(name, view=..., Keyword=value, ...)`` writes an image of the study ``STUDY`` under ``tmp_path``."""

    def write(name: str, **options: object) -> Path:
        return write_mammogram(name, PIXELS, **{"StudyInstanceUID": STUDY, **options})

    return write


@pytest.fixture
def write_study(write_image: WriteImage) -> Callable[..., None]:
    """``write_study(folder, Keyword=value, ...)`` writes the four views as ``folder/RCC.dcm`` and so on."""

    def write(folder: str, **options: object) -> None:
        for view in VIEWS:
            write_image(f"{folder}/{view}.dcm", view=view, **options)

    return write


@pytest.fixture
def write_cbis(write_mammogram: Callable[..., Path]) -> WriteImage:
    """``write_cbis(name, patient_id)`` writes an image as CBIS-DDSM does: ``Calc-Test_P_00820_LEFT_CC``."""

    def write(name: str, patient_id: str) -> Path:
        side, projection = patient_id.split("_")[3:5]
        absent = ("ImageLaterality", "ViewPosition", "ViewCodeSequence", "PresentationIntentType", "ImageType")
        return write_mammogram(
            name,
            PIXELS,
            SOPClassUID=SecondaryCaptureImageStorage,
            PatientID=patient_id,
            Laterality=side[0],
            PatientOrientation=projection,
            **dict.fromkeys(absent),
        )

    return write


def code_item(value: str, *, scheme: str = "SCT", meaning: str = "", modifiers: tuple[Dataset, ...] = ()) -> Dataset:
    """An item of ViewCodeSequence, of its ViewModifierCodeSequence, or of any other sequence of codes."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    if modifiers:
        item.ViewModifierCodeSequence = list(modifiers)
    return item


def header_with(**attributes: object) -> Attributes:
    """A header that has these attributes alone, whatever their values."""
    dataset = Dataset()
    with config.disable_value_validation():
        for keyword, value in attributes.items():
            setattr(dataset, keyword, value)
    return Attributes(dataset)


def header_like(view: str = "RCC", **attributes: object) -> Header:
    """What the header of a plain mammogram says, but for these attributes; None takes one away."""
    with config.disable_value_validation():
        dataset = mammogram(PIXELS, view=view, **{"StudyInstanceUID": STUDY, **attributes})
        return header_of(Attributes(dataset))
