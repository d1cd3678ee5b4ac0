"""Codestreams say their size, their bits and their end, whoever wrote them."""

import numpy as np
import pytest

from dibmg_monai.pixels.codestream import Codestream, parse_codestream
from tests.pixels import encoding


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (encoding.jpeg_baseline(encoding.ramp(8)), (48, 32, 8)),
        (encoding.jpeg_ls(np.full((5, 7), 65535, np.uint16)), (5, 7, 16)),
        (encoding.jpeg_2000(np.zeros((70, 40), np.uint16), bits=11), (70, 40, 11)),
        (encoding.HTJ2K["16 bits, signed"][0], (24, 16, 16)),
        (encoding.HTJ2K["8 bits"][0], (24, 16, 8)),
    ],
)
def test_headers(stream: bytes, expected: tuple[int, int, int]) -> None:
    assert parse_codestream(stream) == Codestream(*expected, complete=True)
    for padding in (b"\0", b"\xff", b"\0" * 30):
        assert parse_codestream(stream + padding).complete
    assert not parse_codestream(stream[:-1]).complete
    assert not parse_codestream(stream[:-2] + b"\0\0").complete


def test_a_jp2_file_around_it() -> None:
    stream = encoding.HTJ2K["8 bits"][0]
    wrapped = b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 60 + stream
    assert parse_codestream(wrapped) == parse_codestream(stream)


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        (b"", "does not begin like JPEG"),
        (b"\xff\xd8", "breaks off in its header"),
        (b"\xff\xd8\xff\xe0\0\x04ab", "breaks off in its header"),
        (b"\xff\xd8\xff\xe0\0\x04ab\0\0", "no frame header"),
        (b"\xff\x4f\xff\x51\0", "breaks off in its header"),
        (b"ab\xff\x4f", "does not begin like JPEG 2000"),
    ],
)
def test_what_is_none(stream: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_codestream(stream)
