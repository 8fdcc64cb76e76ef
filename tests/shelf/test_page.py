"""The page of runs in a real browser."""

from __future__ import annotations

import re
import time

import pytest
from typer.testing import CliRunner

from interp.cli.commands import app
from tests.shelf.test_entries import HOSTILE, run

pytestmark = pytest.mark.slow

NAMES = "[...document.querySelectorAll('tbody tr')].map(row => row.cells[0].innerText.trim())"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("shelf")
    for name in ("beta", "alpha", "gamma"):
        run(root, f"{name}/a1", tables={})
    run(root, "failed/b2", status="failed", answer=None, error="no room " + "x" * 300)
    run(root, "hostile/c3", config={"name": HOSTILE, "model": HOSTILE, "prompts": {"task": {"kind": HOSTILE}}})
    assert CliRunner().invoke(app, ["runs", str(root)]).exit_code == 0
    return root / "index.html"


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [400, 1400])
def test_it_opens_with_every_run_and_nothing_sticks_out(browser, page, width, scripts):
    browser.page(page, width, scripts=scripts)
    assert browser.console == []
    assert browser.ask("document.documentElement.scrollWidth") == width
    assert len(browser.ask(NAMES)) == 5
    assert browser.ask("document.querySelectorAll('script').length") == 1


def test_a_click_on_a_heading_sorts_and_another_sorts_the_other_way(browser, page):
    def names():
        # Where a name of other letters stands is the browser's affair.
        return [name.split("\n")[0] for name in browser.ask(NAMES) if not name.startswith("<")]

    browser.page(page, 1400)
    browser.click_on("thead th button")
    assert names() == ["alpha", "beta", "failed", "gamma"]
    browser.click_on("thead th button")
    assert names() == ["gamma", "failed", "beta", "alpha"]


def test_a_finished_run_leads_to_its_report(browser, page):
    browser.page(page, 1400)
    browser.click_on('a[href="alpha/a1/report.html"]')
    until = time.monotonic() + 30
    while not re.match(r"complete.*alpha/a1", browser.ask("document.readyState + location.href")):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert "Two heads carry it." in browser.ask("document.body.innerText")
