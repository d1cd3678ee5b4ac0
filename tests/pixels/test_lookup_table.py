"""A table is read as meant, however its descriptor and its data are written."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dibmg_monai.pixels.lookup_table import read_lookup_table
from tests.conftest import mammogram

UNSIGNED, SIGNED = np.arange(4096.0), np.arange(-2048.0, 2048)
RISING = np.arange(1024) * 4


def item(descriptor: list[int], data: object, *, vr: str = "US", data_vr: str = "US") -> Dataset:
    dataset = Dataset()
    dataset.add_new("LUTDescriptor", vr, descriptor)
    dataset.add_new("LUTData", data_vr, data)
    return dataset


def test_a_table_as_it_should_be() -> None:
    table = read_lookup_table(item([1024, 500, 12], RISING.tolist()), inputs=UNSIGNED)
    expected = np.interp(UNSIGNED, 500 + np.arange(1024), RISING)
    np.testing.assert_array_equal(table(UNSIGNED), expected)
    assert (table.first, table.bits, table.warnings) == (500, 12, ())


@pytest.mark.parametrize("signed", [0, 1])
def test_pydicom_makes_the_same_of_it(signed: int) -> None:
    inputs, first = (SIGNED, -300) if signed else (UNSIGNED, 300)
    made = item([1024, first, 16], (RISING * 16).tolist(), vr="SS" if signed else "US")
    header = mammogram(np.zeros((2, 2), np.uint16), PixelRepresentation=signed, BitsStored=12)
    header.VOILUTSequence = header.ModalityLUTSequence = [made]
    shown = read_lookup_table(made, inputs=inputs)(inputs)
    np.testing.assert_array_equal(shown, apply_voi_lut(inputs.astype(int), header))
    np.testing.assert_array_equal(shown, apply_modality_lut(inputs.astype(int), header))


def test_no_entries_means_65536() -> None:
    table = read_lookup_table(item([0, 0, 16], list(range(65536))), inputs=np.arange(65536.0))
    np.testing.assert_array_equal(table(np.arange(65536.0)), np.arange(65536))
    assert table.warnings == ()


def test_a_number_of_entries_that_became_negative() -> None:
    table = read_lookup_table(item([40000 - 65536, 0, 16], list(range(40000)), vr="SS"), inputs=np.arange(65536.0))
    assert (len(table.entries), table.warnings) == (40000, ())


@pytest.mark.parametrize(
    ("inputs", "told", "vr", "meant"),
    [
        (SIGNED, 65536 - 2048, "US", -2048),
        (SIGNED, -2048, "SS", -2048),
        (SIGNED, 100, "US", 100),
        (np.arange(65536.0), -5536, "SS", 60000),
        (UNSIGNED, 5000, "US", 5000),
        (UNSIGNED - 1024, -1024, "SS", -1024),
        (UNSIGNED - 1024, 64512, "US", -1024),
    ],
)
def test_the_sign_of_the_first_value_is_that_of_what_comes_in(
    inputs: np.ndarray, told: int, vr: str, meant: int
) -> None:
    assert read_lookup_table(item([1024, told, 12], RISING.tolist(), vr=vr), inputs=inputs).first == meant


@pytest.mark.parametrize(
    ("told", "highest", "bits"),
    [(12, 4095, 12), (16, 4095, 12), (16, 16383, 14), (8, 4095, 12), (10, 4095, 12), (16, 65535, 16), (16, 40000, 16)],
)
def test_bits_that_contradict_the_entries(told: int, highest: int, bits: int) -> None:
    data = np.linspace(0, highest, 256).astype(int)
    table = read_lookup_table(item([256, 0, told], data.tolist()), inputs=UNSIGNED)
    assert table.bits == bits
    assert bool(table.warnings) == (bits != told)
    if bits != told:
        assert table.warnings[0].endswith(
            f"says {told} bits, but the highest entry is {highest}; {bits} bits were taken"
        )


@pytest.mark.parametrize("bits", [0, 3, 17, 255])
def test_bits_that_cannot_be(bits: int) -> None:
    assert read_lookup_table(item([256, 0, bits], list(range(256))), inputs=UNSIGNED).bits == 8


def test_a_low_table_of_the_right_bits_stays_low() -> None:
    assert read_lookup_table(item([256, 0, 12], [2000] * 256), inputs=UNSIGNED).bits == 12


@pytest.mark.parametrize(("told", "there", "used"), [(1024, 1000, 1000), (1000, 1024, 1000), (0, 4096, 4096)])
def test_other_than_the_told_number_of_entries(told: int, there: int, used: int) -> None:
    table = read_lookup_table(item([told, 0, 12], np.linspace(0, 4095, there).astype(int).tolist()), inputs=UNSIGNED)
    assert len(table.entries) == used
    assert table(UNSIGNED)[-1] == table.entries[-1]
    (warning,) = table.warnings
    assert warning == (
        f"LUTDescriptor (0028,3002) says {told or 65536} entries, LUTData (0028,3006) has {there}; {used} used"
    )


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
@pytest.mark.parametrize("bits", [8, 12])
def test_data_as_ow(syntax: pydicom.uid.UID, bits: int, tmp_path: Path) -> None:
    """16 bits as words; 8 bits packed by two, the first in the low byte (PS3.5 annex D)."""
    values = np.arange(256) if bits == 8 else np.arange(256) * 16
    words = (values[::2] | values[1::2] << 8) if bits == 8 else values
    order = "<" if syntax.is_little_endian else ">"
    dataset = Dataset()
    dataset.PixelRepresentation = 0
    dataset.VOILUTSequence = [item([256, 0, bits], words.astype(f"{order}u2").tobytes(), data_vr="OW")]
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.preamble = b"\0" * 128
    dataset.save_as(
        tmp_path / "x.dcm", implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian,
        enforce_file_format=False,
    )  # fmt: skip
    read = pydicom.dcmread(tmp_path / "x.dcm", force=True).VOILUTSequence[0]
    table = read_lookup_table(read, inputs=UNSIGNED)
    np.testing.assert_array_equal(table.entries, values)
    assert (table.bits, table.warnings) == (bits, ())


def test_entries_as_signed_numbers() -> None:
    data = (np.arange(256) * 257).astype(np.uint16).view(np.int16)
    table = read_lookup_table(item([256, 0, 16], data.tolist(), data_vr="SS"), inputs=UNSIGNED)
    np.testing.assert_array_equal(table.entries, np.arange(256) * 257)


def test_a_single_entry() -> None:
    assert read_lookup_table(item([1, 0, 8], 200), inputs=UNSIGNED)(UNSIGNED).tolist() == [200.0] * 4096


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({}, r"LUTDescriptor \(0028,3002\) has 0 values; three numbers are needed"),
        ({"LUTDescriptor": [256, 0]}, r"LUTDescriptor \(0028,3002\) has 2 values"),
        ({"LUTDescriptor": [256, 0, 8]}, r"LUTData \(0028,3006\) is missing or empty"),
        ({"LUTDescriptor": [256, 0, 8], "LUTData": b""}, r"LUTData \(0028,3006\) is missing or empty"),
    ],
)
def test_what_is_no_table(attributes: dict, message: str) -> None:
    dataset = Dataset()
    for keyword, value in attributes.items():
        dataset.add_new(keyword, "OW" if isinstance(value, bytes) else "US", value)
    with pytest.raises(ValueError, match=message):
        read_lookup_table(dataset, inputs=UNSIGNED)
