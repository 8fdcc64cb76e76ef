"""Reading a page as a strict browser would: tags that are closed, texts, links, and what would be loaded."""

from __future__ import annotations

import html.parser

INLINE = {"span", "b", "bdi", "code", "a", "strong", "em"}
DRAWN = {"path", "use", "rect", "image", "g", "circle", "line"}  # in an SVG an element may close itself
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(html.parser.HTMLParser):
    """Walks a page; a tag that closes another than the last one opened is an AssertionError."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in VOID | DRAWN
        self.handle_starttag(tag, attrs)
        if tag in DRAWN:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag not in INLINE:
            self.texts.append(((), " "))

    def handle_data(self, data):
        self.texts.append((tuple(self.open), data))

    def names(self) -> list[str]:
        return [tag for tag, _ in self.tags]

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def values(self, *names: str) -> list[str]:
        return [value for _, attributes in self.tags for name, value in attributes.items() if name in names and value]

    def text(self) -> str:
        """What a reader sees but for figures, white space as one space; styles, data and the script are not read."""
        told = (text for where, text in self.texts if not {"style", "script", "svg"} & set(where))
        return " ".join("".join(told).split())
