"""Progress in a notebook: one bar that is drawn over, without ipywidgets; elsewhere the bars of a run."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from interp.runs.progress import probe_progress

EVERY = 0.25  # seconds between two drawings


def console() -> Console:
    """Where a notebook is told what a run's terminal is told: plain lines on stderr."""
    return Console(stderr=True, force_jupyter=False)


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar over forward passes of one prompt; yields the function that advances it."""
    if not Console().is_jupyter:
        with probe_progress(console(), label, total) as advance:
            yield advance
        return
    bar = _Bar(label, total)
    bar.draw()
    try:
        yield bar.advance
        bar.done = total
    except BaseException:
        bar.stopped = True
        raise
    finally:
        bar.draw()


class _Bar:
    def __init__(self, label: str, total: int) -> None:
        self.label, self.total, self.done = label, total, 0
        self.started = self.drawn = time.monotonic()
        self.stopped = False
        self.shown: Any = None

    def advance(self, done: int) -> None:
        self.done += done
        if time.monotonic() - self.drawn >= EVERY:
            self.draw()

    def draw(self) -> None:
        from IPython.display import display

        self.drawn = time.monotonic()
        took = self.drawn - self.started
        left = f", about {took / self.done * (self.total - self.done):.0f} s left" if 0 < self.done < self.total else ""
        end = ", stopped" if self.stopped else left
        words = f"{self.label}: {self.done} of {self.total} forward passes, {took:.0f} s{end}"
        line = f"<progress value='{self.done}' max='{max(self.total, 1)}'></progress> {html.escape(words)}"
        shown = {"text/plain": words, "text/html": line}
        if self.shown is None:
            self.shown = display(shown, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self.shown.update(shown, raw=True)
