"""A DICOM node: its AE title, and where it listens."""

import re
from dataclasses import dataclass

from dibmg_monai.errors import NodeError

# PS3.5 6.2, VR AE: up to 16 characters, spaces around them not significant; no backslash, no control characters.
AE_TITLE = re.compile(r"(?=.{1,16}$)[!-\[\]-~](?:[ -\[\]-~]*[!-\[\]-~])?")
NODE = re.compile(r"(?P<ae_title>.+)@(?P<host>[^@:\s]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class Node:
    """Where to send objects to: ``AET@HOST:PORT``.

    Attributes:
        ae_title: as the node wants to be called.
        host: a name, or an IPv4 or IPv6 address.
        port: 1 to 65535.
    """

    ae_title: str
    host: str
    port: int

    @staticmethod
    def parse(text: str) -> "Node":
        """A node by its text, such as ``ORTHANC@127.0.0.1:4242`` or ``PACS@[::1]:104``.

        Raises:
            NodeError: if it is none.
        """
        match = NODE.fullmatch(text)
        if match is None or not 0 < int(match["port"]) < 65536:
            raise NodeError(f"node is {text!r}; AET@HOST:PORT is needed, with a port from 1 to 65535")
        return Node(checked_ae_title(match["ae_title"]), match["host"].strip("[]"), int(match["port"]))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.ae_title}@{host}:{self.port}"


def checked_ae_title(text: str) -> str:
    """An AE title as it is.

    Raises:
        NodeError: if it is none.
    """
    if not AE_TITLE.fullmatch(text):
        raise NodeError(f"AE title is {text!r}; 1 to 16 printable ASCII characters without backslash are needed")
    return text
