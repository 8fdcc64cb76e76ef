"""Links lead somewhere, also where nobody builds the site: on the pages as they lie in the folder."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import DOCS, PAGES, links, name_of, prose, text_of

HEADING = re.compile(r"^#+ (.*)$", re.M)


def anchors(page) -> set[str]:
    """The anchors of a page's headings, as Markdown viewers make them."""
    words = [re.sub(r"[^\w\- ]", "", one.lower()).strip() for one in HEADING.findall(prose(page))]
    return {re.sub(r"[ ]", "-", one) for one in words} | {re.sub(r"[-\s]+", "-", one) for one in words}


def dead(page) -> list[str]:
    found = []
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        outside = page.is_relative_to(DOCS) and not target.is_relative_to(DOCS)
        lost = anchor and target.suffix == ".md" and target.is_file() and anchor not in anchors(target)
        if outside or lost or not target.exists():
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_are_there_and_a_page_of_the_site_stays_inside_it(page):
    assert dead(page) == []


def test_a_dead_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Two words\n[a](none.md) [b](page.md#two-words) [c](#three) ![d](none.png) [e](page.md)\n")
    assert dead(page) == ["none.md", "#three", "none.png"]


@pytest.mark.parametrize("picture", [one for one in DOCS.rglob("*") if one.suffix in (".png", ".svg")], ids=str)
def test_a_picture_is_shown_and_small(picture):
    assert any((page.parent / one).resolve() == picture for page in PAGES for one in links(page))
    assert picture.stat().st_size < 250_000


def test_no_page_is_left_out_of_the_list():
    listed = text_of(DOCS.parent / "mkdocs.yml")
    assert [name for page in DOCS.rglob("*.md") if (name := page.relative_to(DOCS).as_posix()) not in listed] == []
