"""The pages that people read, and what stands in them: fenced blocks, commands in the text, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
LANGUAGES = {"sh", "python", "yaml", "toml", "csv", "text"}

FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.S | re.M)
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
TAG = re.compile(r'<img[^>]*\bsrc="([^"]+)"')
INLINE = re.compile(r"(?<!`)`((?:make|interp|python|pip|bash) [^`]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `line` is where its text begins."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{name_of(self.page)}:{self.line}"


def name_of(page: Path) -> str:
    """How messages and test ids call a page."""
    return page.relative_to(ROOT).as_posix() if page.is_relative_to(ROOT) else page.name


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """The fenced blocks of a page, of one language or of all."""
    text = text_of(page)
    found = [Block(page, text.count("\n", 0, one.start(3)) + 1, one[2], one[3]) for one in FENCE.finditer(text)]
    return [one for one in found if language in (None, one.language)]


def all_blocks(language: str) -> list[Block]:
    return [one for page in PAGES for one in blocks(page, language)]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", text_of(page))


def links(page: Path) -> Iterator[str]:
    """What the links and pictures of a page point to."""
    text = prose(page)
    yield from (one[2] for one in LINK.finditer(text))
    yield from TAG.findall(text)


def inline_commands(page: Path) -> list[str]:
    """Commands in the running text, in which something may be left out."""
    return [" ".join(one.split()) for one in INLINE.findall(prose(page))]
