"""The page in a real browser: no complaint on the console, nothing fetched, nothing beyond a phone's edge."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.slow

PHONE = """<iframe src="{page}" style="width:400px;height:900px"></iframe><script>
onload = () => console.log("width " + frames[0].document.documentElement.scrollWidth
                           + " of " + frames[0].document.documentElement.clientWidth)</script>"""


@pytest.fixture
def browse(tmp_path):
    """Open a page in headless Chromium; returns what it wrote on its console."""
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")

    def open_page(path, width=1200):
        picture = tmp_path / "page.png"
        command = [
            *(browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
            *("--enable-logging=stderr", "--v=0", f"--user-data-dir={tmp_path / 'profile'}"),
            *(
                "--allow-file-access-from-files",
                f"--window-size={width},2000",
                f"--screenshot={picture}",
                path.as_uri(),
            ),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        # Without a picture the page was never opened, and a silent console would mean nothing.
        assert picture.is_file(), done.stderr
        picture.unlink()
        return [line for line in done.stderr.splitlines() if ":CONSOLE" in line]

    return open_page


@pytest.mark.parametrize("which", ["plain", "hostile"])
def test_a_report_opens_without_a_console_message(browse, request, which):
    assert browse(request.getfixturevalue(which).folder / "report.html") == []


def test_the_report_of_a_run_opens_without_a_console_message(browse, finished):
    assert browse(finished[1] / "report.html") == []


def test_an_error_would_be_seen(browse, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text("<p>page</p><script>console.error('a deliberate error')</script>")
    assert any("a deliberate error" in line for line in browse(page))


def test_the_policy_forbids_the_network_and_scripts(browse, plain, tmp_path):
    smuggled = '<img src="http://localhost:9/x.png" alt=""><script>console.log("it ran")</script></main>'
    page = tmp_path / "smuggled.html"
    page.write_text(plain.html.replace("</main>", smuggled), encoding="utf-8")
    said = browse(page)
    assert sum("Content Security Policy" in line for line in said) == 2
    assert not any("it ran" in line for line in said)


@pytest.mark.parametrize("which", ["plain", "hostile"])
def test_nothing_sticks_out_on_a_phone(browse, request, tmp_path, which):
    page = tmp_path / "phone.html"
    page.write_text(PHONE.format(page=(request.getfixturevalue(which).folder / "report.html").as_uri()))
    said = re.search(r"width (\d+) of (\d+)", " ".join(browse(page)))
    assert said is not None
    assert int(said[1]) <= int(said[2]) == 400
