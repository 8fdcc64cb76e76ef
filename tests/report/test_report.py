"""The report: complete, escaped, self-contained, and opened in a browser without a complaint."""

from __future__ import annotations

import html.parser
import json
import re
import shutil
import subprocess

import pytest

from interp.report.render import DrawnFile, write_report
from interp.report.story import Section, Story, TableBlock
from interp.results.tables import RunTables

VOID = {"meta", "img", "br", "hr", "link", "input"}
EVIL = '<script>alert("1")</script> & "quotes" | pipe `tick` $math$ *stars*'


class Balanced(html.parser.HTMLParser):
    """Walks a page: every tag is closed, and what it would load is collected."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.loads, self.words = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href", "srcset") and value]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def walk(page):
    parser = Balanced()
    parser.feed(page)
    assert not parser.open
    return parser


@pytest.fixture(scope="module")
def page(finished):
    return (finished[1] / "report.html").read_text(encoding="utf-8")


def test_the_page_is_well_formed_and_loads_nothing(page):
    found = walk(page)
    assert found.loads
    assert all(link.startswith(("#", "data:image/png;base64,")) for link in found.loads)
    assert "default-src 'none'" in page
    assert "script" not in found.tags
    headings = [int(tag[1]) for tag in found.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(link[1:] in re.findall(r'id="([^"]+)"', page) for link in found.loads if link.startswith("#"))


def test_a_reader_finds_answer_tokens_drops_and_the_command(page, finished):
    text = " ".join("".join(walk(page).words).split())
    run = RunTables.load(finished[1])
    share = run.metrics["probes"]["key_query_heads"]["shares"]["joint"]
    assert f"{share['n']} head" in text
    for words in ("5 key", "8 query", "What was left out", "beyond max_pairs", "Definitions"):
        assert words in text
    assert f"make experiment CONFIG={finished[0]}" in text
    assert json.loads((finished[1] / "manifest.json").read_text())["config_hash"] in text
    for token in ("large", "opposite"):
        assert token in text
    assert page.count("<figure>") == 11


def test_markdown_tables_have_equal_columns(finished):
    lines = (finished[1] / "report.md").read_text(encoding="utf-8").splitlines()
    tables, current = [], []
    for line in [*lines, ""]:
        if line.startswith("|"):
            current.append(len(re.findall(r"(?<!\\)\|", line)))
        elif current:
            tables.append(current)
            current = []
    assert len(tables) > 5
    for rows in tables:
        assert len(rows) > 2
        assert len(set(rows)) == 1
    assert sum(line.startswith("![") for line in lines) == 11


@pytest.fixture
def evil(finished, tmp_path):
    """A report whose every text is hostile."""
    tables = RunTables.load(finished[1])
    for name in ("manifest.json", "config.resolved.yaml"):
        shutil.copy(finished[1] / name, tmp_path / name)
    focus = tables.prompts.index[tables.prompts["focus"]][0]
    tables.prompts.at[focus, "clean_tokens"] = [EVIL] * 8
    tables.dropped.loc[0, "reason"] = EVIL
    tables.metrics["run"]["focus"]["answer"] = EVIL
    image = next((finished[1] / "figures").glob("*.png"))
    story = Story(
        *(EVIL, EVIL, [EVIL], [EVIL], [EVIL]),
        sections=[Section(EVIL, [EVIL], ["figure"], [TableBlock(EVIL, [EVIL, "b"], [[EVIL, "2"]], EVIL)])],
    )
    write_report(tmp_path, tables, story, [DrawnFile("figure", EVIL, EVIL, image, 3.0)])
    return tmp_path


def test_hostile_text_comes_through_literally(evil):
    page = (evil / "report.html").read_text(encoding="utf-8")
    found = walk(page)
    assert "script" not in found.tags
    assert "".join(found.words).count(EVIL) >= 15
    markdown = (evil / "report.md").read_text(encoding="utf-8")
    # In a code span everything is literal; everywhere else each sign of markup has its backslash.
    assert "<script>" not in re.sub(r"(`{2,}) .*? \1", "", markdown)
    rows = [line for line in markdown.splitlines() if line.startswith("| clean")]
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 10


def browse(path, folder, width=1100):
    """Open a page in headless Chromium; its console messages."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    command = [
        *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
        *("--enable-logging=stderr", "--log-level=0", f"--user-data-dir={folder / 'profile'}"),
        *(f"--window-size={width},3000", f"--screenshot={folder / 'page.png'}", path.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (folder / "page.png").stat().st_size > 10_000, done.stderr
    return [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def test_the_report_opens_in_a_browser_without_a_console_message(finished, evil, tmp_path):
    assert browse(finished[1] / "report.html", tmp_path) == []
    assert browse(evil / "report.html", tmp_path, width=400) == []


def test_the_check_of_the_console_can_fail(tmp_path):
    (tmp_path / "bad.html").write_text(
        "<p style='font-size:90px'>page</p>" * 30 + "<script>console.error('bad')</script>"
    )
    assert any("bad" in line for line in browse(tmp_path / "bad.html", tmp_path))
