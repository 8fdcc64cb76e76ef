from __future__ import annotations

import pytest

from experiments.overview import Overview


@pytest.fixture
def no_figures(monkeypatch):
    """Reports without pictures: what is tested here are the files that they are drawn from."""
    monkeypatch.setattr(Overview, "figures", lambda self, tables: [])
