"""Tables of a finished run, as a recipe gets them."""

from __future__ import annotations

import pytest

from interp.results.tables import RunTables


@pytest.fixture(scope="session")
def finished_tables(finished):
    return RunTables.load(finished[1])
