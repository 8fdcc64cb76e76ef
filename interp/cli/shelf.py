"""`interp runs` and `interp compare` on the terminal."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from rich.console import Console
from rich.table import Table
from rich.text import Text

from interp.report.render import write_index
from interp.shelf.compare import Comparison, Heads, Number, compare
from interp.shelf.entries import Entry, entries
from interp.words.numbers import NONE, around, needed, number
from interp.words.phrases import plural
from interp.words.visible import visible_token

INDEX = "index.html"
STYLES = {"finished": "green", "collected": "green", "failed": "red", "damaged": "red"}
LONGEST = 60  # letters of a value in a table on the terminal


def list_runs(root: Path, points: bool, console: Console) -> list[dict[str, Any]]:
    """Write the page, print the same as a table; the rows as plain data."""
    found = entries(root, points)
    rows = [{**asdict(one), "link": quote(one.report) if one.report else None} for one in found]
    counted = ", ".join(f"{n} {status}" for status, n in Counter(one.status for one in found).most_common())
    note = f"{plural(len(found), 'run')}{f': {counted}' if found else ''}. Click on a column's name to sort."
    write_index(root / INDEX, f"Runs in {root.resolve().name}", note, rows)
    _print_runs(found, console)
    console.print(Text(f"{plural(len(found), 'run')}; page: {root / INDEX}"), soft_wrap=True)
    return rows


def _print_runs(found: list[Entry], console: Console) -> None:
    if not found:
        return
    table = Table("run", "status", "date (UTC)", "model", "task", "answer", box=None, pad_edge=False)
    for place in (0, 3, 4):
        table.columns[place].overflow = "fold"  # so that a folder can be copied whole
    for place in (1, 2):
        table.columns[place].no_wrap = True
    table.columns[5].overflow = "ellipsis"
    table.columns[5].no_wrap = True
    table.columns[5].max_width = max(24, console.width // 3)
    for one in found:
        told = one.answer if not one.why else one.why
        table.add_row(
            Text(visible_token(one.folder)),
            Text(one.status, style=STYLES.get(one.status, "yellow")),
            one.date,
            Text(visible_token(one.model)),
            Text(
                visible_token(": ".join(part for part in (one.kind if one.kind != "circuit" else "", one.task) if part))
            ),
            Text(visible_token(told)),
        )
    console.print(table)


def print_comparison(first: Path, second: Path, console: Console, whole: bool) -> dict[str, Any]:
    """Print what differs between two runs; the same as plain data."""
    found = compare(first, second)
    console.print(Text(f"first:  {first}\nsecond: {second}"), soft_wrap=True)
    _differences(console, "Config", found.config, "the configs say the same")
    _differences(console, "Software", found.software, "the same versions and code")
    _numbers(console, found, whole)
    for heads in found.heads:
        _heads(console, heads)
    return found.plain()


def _differences(console: Console, title: str, rows: list[tuple[str, Any, Any]], same: str) -> None:
    console.print(f"\n{title}", style="bold")
    if not rows:
        console.print(same)
        return
    table = Table("field", "first", "second", box=None, pad_edge=False)
    for path, one, other in rows:
        table.add_row(*(Text(visible_token(text)) for text in (path, _short(one), _short(other))))
    console.print(table)


def _short(value: Any) -> str:
    text = NONE if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _numbers(console: Console, found: Comparison, whole: bool) -> None:
    """Those with intervals; others where they differ, with `whole`."""
    console.print("\nNumbers", style="bold")
    shown = [one for one in found.numbers if one.has_interval or (whole and one.differs)]
    if not shown:
        console.print("no number with an interval is in both")
    else:
        table = Table("finding", "first", "second", "", box=None, pad_edge=False)
        for one in shown:
            table.add_row(Text(one.name), _told(one, 0), _told(one, 1), _remark(one))
        console.print(table)
    hidden = sum(1 for one in found.numbers if one.differs) - sum(1 for one in shown if one.differs)
    if hidden:
        console.print(f"{hidden} more numbers without intervals differ: --all shows them", highlight=False)
    for which, names in zip(("first", "second"), found.only, strict=True):
        if names:
            listed = ", ".join(dict.fromkeys(name.split(".")[0] for name in names))
            console.print(f"only in the {which}: {plural(len(names), 'number')} of {listed}", highlight=False)


def _told(one: Number, which: int) -> str:
    quantity = one.second if which else one.first
    if all(one is None or one % 1 == 0 for one in (quantity.value, quantity.low, quantity.high)):
        return NONE if quantity.value is None else needed(quantity.value, quantity.low, quantity.high)
    return number(quantity.value) if quantity.low is None else around(quantity.value, quantity.low, quantity.high)


def _remark(one: Number) -> str:
    return "same" if not one.differs else "apart" if one.apart else ""


def _heads(console: Console, heads: Heads) -> None:
    console.print(f"\nHeads selected by {heads.probe}", style="bold")
    for words, listed in (
        ("in both", heads.both),
        ("only in the first", heads.first),
        ("only in the second", heads.second),
    ):
        console.print(f"{words} ({len(listed)}): {', '.join(listed) or 'none'}", highlight=False)
