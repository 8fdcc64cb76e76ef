"""From a prepared sweep to the end of a round: begin it, show one live table, say how it ended."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from interp.sweep.executors.base import Round
from interp.sweep.store import ENDED, State, Store
from interp.words.phrases import plural

EVERY = 0.5
"""Seconds between two looks."""
SHOWN = 8
"""Failures that the live table shows."""


@dataclass(frozen=True)
class Tally:
    """How many points are in which state, and how long the rest may take (seconds; None: nothing is known yet)."""

    counts: dict[str, int]
    total: int
    eta: float | None

    @property
    def done(self) -> int:
        """Points that need no more work in this round."""
        return sum(self.counts.get(status, 0) for status in ENDED)


def tally(states: dict[str, State], since: float | None = None, now: float | None = None) -> Tally:
    """Count states; the rest is extrapolated from what ended since `since` (a time as of `time.time()`)."""
    counts: dict[str, int] = {}
    for state in states.values():
        counts[state.status] = counts.get(state.status, 0) + 1
    rest = len(states) - sum(counts.get(status, 0) for status in ENDED)
    eta = None
    if since is not None:
        ended = sum(1 for state in states.values() if state.status in ENDED and state.since >= since)
        eta = 0.0 if rest == 0 else None if ended == 0 else ((now or time.time()) - since) / ended * rest
    return Tally(counts, len(states), eta)


def watch(store: Store, begun: Round, console: Console) -> Tally:
    """Look on until the round has ended; on a terminal one live table, else a line a point that ends."""
    since = time.time()
    told: set[str] = set()
    states = store.states()
    told.update(point for point, state in states.items() if state.status in ENDED)
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while True:
            looked = time.monotonic()
            going = begun.alive()
            states = store.states()
            now = tally(states, since)
            for entry in store.entries:
                state = states[entry.hash]
                if state.status in ENDED and state.since >= since and entry.hash not in told:
                    told.add(entry.hash)
                    console.print(_line(entry.name, state, now), soft_wrap=True)
            if not going:
                break
            live.update(_table(store, states, now, begun.words))
            # Looking takes a tenth of the time at most, however many points there are.
            time.sleep(max(EVERY, 10 * (time.monotonic() - looked)))
    return tally(store.states(), since)


def status_table(store: Store, states: dict[str, State], console: Console) -> Tally:
    """Print what became of a sweep's points."""
    now = tally(states)
    words = ", ".join(f"{count:,} {status}" for status, count in sorted(now.counts.items()))
    console.print(f"{store.path}: {plural(now.total, 'point')}: {words}", highlight=False, markup=False)
    table = _rows(store, states, ("running", "interrupted", "refused", "failed"), 40)
    if table.row_count:
        console.print(table)
    return now


def hours(seconds: float | None) -> str:
    """`35 s`, `12 min`, `3.4 h`; a question mark where nothing is known."""
    if seconds is None:
        return "?"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _table(store: Store, states: dict[str, State], now: Tally, words: str) -> RenderableType:
    bar = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), auto_refresh=False)
    wrong = now.counts.get("failed", 0) + now.counts.get("refused", 0)
    bar.add_task("points", total=now.total, completed=now.done)
    line = Text(f"{words}; {wrong} failed or refused; about {hours(now.eta)} left")
    return Group(bar, line, _rows(store, states, ("running", "failed", "refused"), SHOWN))


def _rows(store: Store, states: dict[str, State], wanted: tuple[str, ...], most: int) -> Table:
    """Points in the wanted states; those that ended for the same reason stand in one row."""
    table = Table("point", "state", "since", "why", box=None, pad_edge=False)
    alike: dict[tuple[str, str, str], list[str]] = {}
    for status in wanted:
        for entry in store.entries:
            state = states[entry.hash]
            if state.status == status:
                # Without a reason to share, every point has a row of its own.
                alike.setdefault((status, state.why, "" if state.why else entry.hash), []).append(entry.hash)
    names = {entry.hash: entry.name for entry in store.entries}
    for (status, why, _), hashes in list(alike.items())[:most]:
        more = f" and {len(hashes) - 1} more" if len(hashes) > 1 else ""
        last = max(states[digest].since for digest in hashes)
        table.add_row(names[hashes[0]] + more, status, hours(time.time() - last), Text(why))
    if len(alike) > most:
        table.add_row(f"and {len(alike) - most} rows more", "", "", "")
    return table


def _line(name: str, state: State, now: Tally) -> Text:
    style = "" if state.status == "finished" else "yellow"
    why = f": {state.why}" if state.why else ""
    left = f"; about {hours(now.eta)} left" if now.eta else ""
    return Text(f"{now.done}/{now.total} {name} {state.status} in {hours(state.seconds)}{why}{left}", style=style)
