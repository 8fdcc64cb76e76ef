"""The site is built as `make docs` builds it; a warning is an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.docs.pages import DOCS, ROOT


def build(folder):
    """A copy of what the site is made from, built there: no other folder is written to."""
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    environment = os.environ | {"NO_COLOR": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture
def copied(tmp_path):
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(DOCS, tmp_path / "docs")
    return tmp_path


def test_every_page_is_built_without_a_warning(copied):
    done = build(copied)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    for page in pages:
        folder = page.removesuffix("index").strip("/")
        html = (copied / "site" / folder / "index.html").read_text(encoding="utf-8")
        assert "<h1" in html
        # Nothing is fetched from elsewhere: the site works without a network.
        assert not [part for part in html.split("<")[1:] if part.startswith(("script", "link")) and 'src="http' in part]


def test_a_page_with_a_dead_link_is_not_built(copied):
    (copied / "docs" / "plugins.md").write_text("# Plugins\n[nothing](nothing.md)\n", encoding="utf-8")
    assert build(copied).returncode != 0
