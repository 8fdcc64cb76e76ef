from __future__ import annotations

from types import SimpleNamespace

import IPython.display
import pytest

from interp.api import progress as bars
from interp.errors import UserError


@pytest.fixture
def shown(monkeypatch):
    """What a notebook has been shown, the last drawing of its one bar at the end."""
    drawings = []

    def display(data, raw, display_id=None):
        drawings.append(data["text/plain"])
        return SimpleNamespace(update=display)

    monkeypatch.setattr(bars, "Console", lambda: SimpleNamespace(is_jupyter=True))
    monkeypatch.setattr(IPython.display, "display", display)
    return drawings


def test_a_bar_ends_full(shown):
    with bars.progress("heads", 4) as advance:
        advance(3)
    assert shown == ["heads: 0 of 4 forward passes, 0 s", "heads: 4 of 4 forward passes, 0 s"]


def test_a_bar_that_an_error_ends_says_that_it_stopped(shown):
    with pytest.raises(UserError, match="no such head"), bars.progress("heads", 4) as advance:
        advance(1)
        raise UserError("no such head")
    assert shown[-1] == "heads: 1 of 4 forward passes, 0 s, stopped"
