import pytest

from dibmg_monai.errors import NodeError
from dibmg_monai.pacs.node import Node, checked_ae_title


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("ORTHANC@127.0.0.1:4242", Node("ORTHANC", "127.0.0.1", 4242)),
        ("my PACS@pacs.example:104", Node("my PACS", "pacs.example", 104)),
        ("A@B@host:65535", Node("A@B", "host", 65535)),
        ("PACS@[::1]:104", Node("PACS", "::1", 104)),
    ],
)
def test_a_node_is_read_and_shown_alike(text: str, node: Node) -> None:
    assert Node.parse(text) == node
    assert str(node) == text


@pytest.mark.parametrize(
    "text", ["", "host:104", "PACS@host", "PACS@host:0", "PACS@host:65536", "PACS@ho st:104", "@h:1"]
)
def test_what_is_no_node(text: str) -> None:
    with pytest.raises(NodeError, match=r"node is '.*'; AET@HOST:PORT is needed, with a port from 1 to 65535"):
        Node.parse(text)


@pytest.mark.parametrize("title", ["", " ", " PACS", "PACS ", "A" * 17, "A\\B", "A\nB", "\u00c4"])
def test_what_is_no_ae_title(title: str) -> None:
    with pytest.raises(NodeError, match=r"1 to 16 printable ASCII characters without backslash are needed"):
        checked_ae_title(title)


def test_the_longest_ae_title() -> None:
    assert checked_ae_title("SIXTEEN LETTERS!") == "SIXTEEN LETTERS!"
