"""The little run's report, as itself and with hostile texts."""

from __future__ import annotations

import pytest

from tests.report.synthetic import HOSTILE, write


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    return write(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    return write(tmp_path_factory.mktemp("hostile"), HOSTILE)
