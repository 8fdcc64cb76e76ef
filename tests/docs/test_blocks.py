"""Every block of a page is of a language that a test runs or validates."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.docs.pages import LANGUAGES, PAGES, blocks, name_of, prose


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_its_language(page):
    assert [str(one) for one in blocks(page) if one.language not in LANGUAGES] == []
    lines = prose(page).splitlines()
    # Text set in by four spaces behind an empty line would be a block that no test sees.
    assert [now for last, now in pairwise(lines) if not last and now.startswith("    ")] == []
    assert "```" not in prose(page)
