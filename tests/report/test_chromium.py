"""The page in a real browser: read by everybody, and explored by mouse, keyboard and touch-sized screens."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from interp.results.tables import RunTables
from tests.report.synthetic import HOSTILE

pytestmark = pytest.mark.slow

SIZES = [400, 1400]
TIP = "(tip => tip.hidden ? null : tip.innerText)(document.querySelector('.tip'))"


@pytest.fixture(scope="module")
def real(finished):
    """(run folder, its tables) of a run on the tiny model."""
    return finished[1], RunTables.load(finished[1])


def over(browser, selector, place):
    """Move the mouse to a place in an element, in parts of its width and height; where that is."""
    left, top, width, height = browser.box(selector)
    at = left + width * place[0], top + height * place[1]
    browser.move(*at)
    return at


def cell(browser, stem, number):
    """The middle of a figure's spot of a cell, in parts of the figure, and what it says."""
    group = browser.ask(f"JSON.parse(document.querySelector('#spots').textContent)[{stem!r}]")[0]
    left, top, right, bottom = group["places"][number]
    said = {
        name: column[number] if isinstance(column, list) else column["words"][column["rows"][number]]
        for name, column in zip(group["names"], group["columns"], strict=True)
    }
    return ((left + right) / 2e4, (top + bottom) / 2e4), said


@pytest.mark.parametrize("width", SIZES)
@pytest.mark.parametrize("which", ["plain", "hostile", "real"])
def test_a_report_opens_without_a_word_on_the_console_and_nothing_sticks_out(browser, request, which, width):
    folder = request.getfixturevalue("real")[0] if which == "real" else request.getfixturevalue(which).folder
    browser.page(folder / "report.html", width)
    assert browser.console == []
    assert browser.ask("document.documentElement.scrollWidth") == width
    assert browser.ask("document.documentElement.className") == "lively"


def test_an_error_would_be_seen(browser, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text("<p>page</p><script>console.error('a deliberate error')</script>")
    browser.page(page)
    assert browser.console == ["a deliberate error"]


def test_the_policy_forbids_the_network_and_every_other_script(browser, plain, tmp_path):
    page = tmp_path / "smuggled.html"
    smuggled = (
        '<img src="http://localhost:9/x.png" alt=""><script>console.log("it ran")</script>'
        '<p onclick="console.log(\'it ran\')" id="trap">trap</p></main>'
    )
    page.write_text(plain.html.replace("</main>", smuggled), encoding="utf-8")
    browser.page(page)
    browser.click_on("#trap")
    browser.ask("1")
    assert sum("Content Security Policy" in line for line in browser.console) == 3
    assert not any(line == "it ran" for line in browser.console)
    assert browser.ask("document.documentElement.className") == "lively"


@pytest.mark.parametrize("width", SIZES)
def test_everything_can_be_read_without_scripts(browser, real, width):
    browser.page(real[0] / "report.html", width, scripts=False)
    text = browser.ask("document.querySelector('main').innerText")
    assert browser.ask("document.documentElement.className") == ""
    assert browser.ask("document.documentElement.scrollWidth") == width
    for sentence in ("Tokens", "The circuit", "What was left out", "Reproduce"):
        assert sentence in text
    assert not browser.ask("Boolean(document.querySelector('button, select, dialog, .tip'))")
    figures = browser.ask("[...document.querySelectorAll('figure svg')].map(one => one.getBoundingClientRect().width)")
    assert len(figures) > 5
    assert all(one > 100 for one in figures)
    link = browser.ask("document.querySelector('figure[data-stem=head_heatmap-key_query_heads] a[data-get=csv]').href")
    assert unquote(link.split(",", 1)[1]).startswith("part,layer,head,mean")


@pytest.mark.parametrize("width", SIZES)
def test_a_cell_says_its_head_value_and_interval_and_a_click_opens_the_heads_map(browser, real, width):
    folder, tables = real
    browser.page(folder / "report.html", width)
    stem = "head_heatmap-key_query_heads"
    place, said = cell(browser, stem, 5)
    where = over(browser, f"figure[data-stem={stem}] svg", place)
    shown = browser.ask(TIP)
    assert all(word in shown for word in (said["head"], said["mean"], said["interval"], "click: its attention map"))
    left, top, wide, high = browser.ask(
        "(b => [b.left, b.top, b.width, b.height])(document.querySelector('.tip').getBoundingClientRect())"
    )
    assert left >= 0
    assert left + wide <= width
    assert not (left <= where[0] <= left + wide and top <= where[1] <= top + high), "it covers what it speaks of"
    rows = tables.summary_of("key_query_heads", part="single")
    layer, head = said["head"].removeprefix("L").split("-H")
    (mean,) = rows[(rows["layer"] == int(layer)) & (rows["head"] == int(head))]["mean"]
    assert float(said["mean"].replace("−", "-")) == pytest.approx(mean, rel=0.01, abs=1e-5)
    browser.click(*where)
    assert browser.ask("document.querySelector('dialog').open")
    assert browser.ask("document.querySelector('dialog select').value") == said["head"]
    weights = tables.probe("attention_pattern", layer=int(layer), head=int(head))
    (weight,) = weights[(weights["query"] == 8) & (weights["key"] == 5)]["value"]
    left, top, wide, high = browser.box("dialog .framed")
    browser.move(left + wide / 2, top + high / 2)
    assert browser.ask(TIP).split("\n")[-1] == f"{weight:.2f}"
    browser.key("Escape")
    assert not browser.ask("document.querySelector('dialog').open")
    assert browser.console == []


def test_a_named_head_opens_its_map_and_the_keyboard_reaches_every_head(browser, real):
    browser.page(real[0] / "report.html", 1400)
    browser.click_on("main .nb.head")
    named = browser.ask("document.querySelector('main .nb.head').textContent")
    assert browser.ask("document.querySelector('dialog select').value") == named
    browser.key("Escape")
    browser.ask("document.querySelector('.look').focus()")
    browser.key("Enter")
    assert browser.ask("[...document.querySelector('dialog select').options].length") == 12
    assert browser.ask("document.querySelector('dialog').open")


def test_points_of_a_curve_are_found_nearby_and_by_arrow_keys(browser, plain):
    browser.page(plain.folder / "report.html", 1400)
    group = browser.ask("JSON.parse(document.querySelector('#spots').textContent).curve")[0]
    x, y = group["places"][1]
    left, top, *_ = browser.box("figure[data-stem=curve] svg")
    over(browser, "figure[data-stem=curve] svg", (x / 1e4, y / 1e4))
    assert browser.ask(TIP).split() == ["x", "1", "name", "second", "share", "0.750"]
    browser.move(left + 2, top + 2)
    assert browser.ask(TIP) is None
    browser.ask("document.querySelector('figure[data-stem=curve] .wide').focus()")
    browser.key("ArrowRight")
    assert "first" in browser.ask(TIP)
    browser.key("ArrowRight")
    assert "second" in browser.ask(TIP)


def test_hostile_words_are_shown_letter_by_letter_when_pointed_at(browser, hostile):
    browser.page(hostile.folder / "report.html", 1400)
    browser.ask("document.querySelector('figure[data-stem=curve] .wide').focus()")
    browser.key("ArrowRight")
    assert HOSTILE.replace("\n", "⏎") in browser.ask(TIP)
    assert browser.console == []


@pytest.mark.parametrize("how", ["mouse", "keyboard"])
def test_tables_sort_by_their_numbers_and_go_back(browser, plain, how):
    browser.page(plain.folder / "report.html", 1400)
    first = "[...document.querySelectorAll('table:has(thead)')].find(one => one.innerText.includes('carried'))"
    column = f"[...{first}.tBodies[0].rows].map(row => row.cells[1].textContent)"
    given = browser.ask(column)
    browser.ask(f"{first}.id = 'sorted'")
    seen = [given]
    for _ in range(3):
        if how == "mouse":
            browser.click_on("#sorted th:nth-child(2) button")
        else:
            browser.ask("document.querySelector('#sorted th:nth-child(2) button').focus()")
            browser.key("Enter")
        seen.append(browser.ask(column))
    assert seen == [["0.56", "−0.10"], ["−0.10", "0.56"], ["0.56", "−0.10"], ["0.56", "−0.10"]]
    assert browser.ask("document.querySelector('#sorted th:nth-child(2)').getAttribute('aria-sort')") is None


def test_the_svg_that_is_given_away_is_a_picture_by_itself(browser, plain, tmp_path):
    browser.page(plain.folder / "report.html", 1400)
    browser.ask("window.made = []; URL.createObjectURL = one => (made.push(one.text()), 'blob:none')")
    browser.click_on("figure[data-stem=curve] a[data-get=svg]")
    text = browser.ask("made[0]")
    alone = tmp_path / "curve.svg"
    alone.write_text(text, encoding="utf-8")
    assert 'xmlns="http://www.w3.org/2000/svg"' in text
    browser.page(alone)
    assert browser.ask("document.documentElement.getBoundingClientRect().width") > 200
    assert 'class="spot"' not in text
