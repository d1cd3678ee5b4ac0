"""A strict reading of a page: every element closed where it was opened, nothing fetched from anywhere."""

from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "br"}
LINKS = {"src", "href", "action", "data", "poster", "srcset"}


class HtmlPage(HTMLParser):
    """The elements of a page.

    Attributes:
        text: all of it, without tags.
        headings: of h2.
        links: what any attribute leads to.
        images: alternative texts.
        names: of elements.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.headings: list[str] = []
        self.links: list[str] = []
        self.images: list[str] = []
        self.ids: list[str] = []
        self.names: set[str] = set()
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert self.open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        given = dict(attrs)
        assert len(given) == len(attrs)
        self.links += [value or "" for name, value in attrs if name in LINKS]
        self.ids += [given["id"] or ""] if "id" in given else []
        if tag == "img":
            self.images.append(given["alt"] or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)
            if self.open[-1] == "h2":
                self.headings.append(data)


def check_page(path: Path) -> HtmlPage:
    """A page that needs no other file, whose images say what they show and whose links lead somewhere."""
    page = HtmlPage(path)
    assert all(link.startswith(("data:image/", "#")) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert all(page.images)
    assert not page.names & {"script", "link", "iframe", "object", "embed", "base"}
    assert not any(word in page.source for word in ("http:", "https:", "@import", "url("))
    assert "Research use only - not a medical device" in page.text
    return page
