"""report.md and its escapes, read back by an independent Markdown reader."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from interp.report import escape
from tests.report.page import Page
from tests.report.synthetic import HOSTILE, make_story, write

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
# Everything that Markdown gives a meaning to, and letters to put between.
TEXTS = st.text("ab1 _*`\\|<>[]()!#+-=.~$&;:\"'{}^/", max_size=24)


def read(markdown):
    """The texts of a rendered document; images leave their alternative text."""
    return Page(READER.render(markdown))


def table_row(cell):
    found = read(f"| head | other |\n|---|---|\n| {cell} | end |\n")
    assert found.names().count("td") == 2, "a second cell appeared, or one vanished"
    cells = [(where, text) for where, text in found.texts if "td" in where]
    return found, "".join(text for _, text in cells).removesuffix("end")


@given(TEXTS)
def test_a_cell_is_read_back_as_it_was(text):
    found, shown = table_row(escape.cell(text))
    assert shown == text.strip()
    assert set(found.names()) <= {"table", "thead", "tbody", "tr", "th", "td"}


@given(TEXTS)
def test_a_code_span_in_a_cell_is_read_back_with_its_spaces(text):
    found, shown = table_row(escape.code(text))
    assert shown == text
    assert found.names().count("code") == (text != "")


@given(TEXTS)
def test_a_paragraph_is_read_back_as_it_was(text):
    found = read(escape.plain(text) + "\n")
    assert "".join(words for where, words in found.texts if where) == text.strip()
    assert found.names() == (["p"] if text.strip() else [])


@given(TEXTS)
def test_a_list_item_is_read_back_as_it_was(text):
    found = read(f"* {escape.plain('x' + text)}\n* {escape.plain(text)}\n")
    assert set(found.names()) <= {"ul", "li", "p"}
    assert [words for where, words in found.texts if "li" in where and words.strip()] == [
        ("x" + text).strip(),
        *filter(None, [text.strip()]),
    ]


@given(TEXTS)
def test_an_image_keeps_its_alternative_text(text):
    found = read(f"![{escape.label(text)}](figures/x.png)\n")
    assert [(one["src"], one["alt"]) for one in found.all("img")] == [("figures/x.png", text)]


@given(st.lists(TEXTS, max_size=4).map("\n".join))
def test_a_fence_holds_whatever_it_is_given(text):
    found = read(escape.fence("first\n" + text) + "\n\nafter\n")
    assert found.names() == ["pre", "code", "p"]
    inside = "".join(words for where, words in found.texts if "code" in where)
    assert inside == ("first\n" + text).rstrip() + "\n"


def test_numbers_and_names_stay_readable_in_the_raw_file():
    text = "mlp_out of L25-H7: 8 heads [7, 9], −0.56 & 80 % (f(n) > 1)"
    assert escape.plain(text) == text


@pytest.mark.parametrize("which", ["plain", "hostile"])
def test_tables_have_equal_columns(which, request):
    lines = request.getfixturevalue(which).markdown.splitlines()
    tables, current = [], []
    for line in [*lines, ""]:
        if line.startswith("|"):
            current.append(len(re.findall(r"(?<!\\)\|", line)))
        elif current:
            tables.append(current)
            current = []
    assert len(tables) == 11
    for rows in tables:
        assert len(rows) > 2
        assert len(set(rows)) == 1


def test_markdown_and_page_tell_the_same(plain):
    marked, page = read(plain.markdown), Page(plain.html)
    shown = marked.text()
    for words in (
        *plain.story.answer,
        *plain.tables.prompts["clean"],
        *plain.tables.dropped["reason"],
        "arXiv 2512.05865",
    ):
        assert words in shown
    assert [one["src"] for one in marked.all("img")] == ["figures/curve.png", "figures/panel.png"]
    titles = [text for where, text in page.texts if "h2" in where]
    assert [text for where, text in marked.texts if "h2" in where] == titles
    # The strip of tokens and the contents are the page's own; every other table is in both.
    assert page.names().count("table") == marked.names().count("table") - 1


def test_hostile_text_comes_through_literally(hostile):
    found = read(hostile.markdown)
    # `<details>` is the only HTML that the template writes itself.
    assert set(re.findall(r"<(\w+)", READER.render(hostile.markdown))) <= {
        *("h1", "h2", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "ul", "li", "img"),
        *("details", "summary"),
    }
    assert sum(text == HOSTILE.replace("\n", "⏎") for where, text in found.texts if "code" in where) >= 20
    assert found.text().count(HOSTILE.replace("\n", " ")) > 20


def test_every_character_of_a_prompt_is_seen(tmp_path):
    """Tabs, zero-width spaces and other blanks of whole prompts; plain spaces stay what they are."""
    written = write(tmp_path, "one\ttwo\u200bthree\u00a0four  five ")
    shown = "one⇥two<U+200B>three<U+00A0>four  five "
    cells = [text for where, text in Page(written.html).texts if "code" in where]
    assert cells.count(shown) > 8
    assert f"` {shown}`" in written.markdown or f"`{shown}`" in written.markdown


def test_only_a_run_that_asks_a_question_has_a_line_for_it(tmp_path):
    asked = make_story(None)
    silent = write(tmp_path / "silent", story=dataclasses.replace(asked, question=""))
    assert "**Question.**" not in silent.markdown
    assert 'class="question"' not in silent.html
    told = write(tmp_path / "told", story=dataclasses.replace(asked, question="Which heads?"))
    assert "**Question.** Which heads?" in told.markdown
    assert '<p class="question">Which heads?</p>' in told.html
