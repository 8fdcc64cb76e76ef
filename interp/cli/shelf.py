"""`interp runs` and `interp compare` on the terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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


def list_runs(root: Path, points: bool, console: Console) -> list[dict[str, object]]:
    """Write the page, print the same as a table; the rows as plain data."""
    listed = entries(root, points)
    rows = [{**asdict(entry), "link": quote(entry.report) if entry.report else None} for entry in listed]
    counted = ", ".join(f"{n} {status}" for status, n in Counter(entry.status for entry in listed).most_common())
    note = f"{plural(len(listed), 'run')}{f': {counted}' if listed else ''}. Click on a column's name to sort."
    write_index(root / INDEX, f"Runs in {root.resolve().name}", note, rows)
    _print_runs(listed, console)
    console.print(Text(f"{plural(len(listed), 'run')}; page: {root / INDEX}"), soft_wrap=True)
    return rows


def _print_runs(listed: list[Entry], console: Console) -> None:
    if not listed:
        return
    table = Table("run", "status", "date (UTC)", "model", "task", "answer", box=None, pad_edge=False)
    for place in (0, 3, 4):
        table.columns[place].overflow = "fold"  # so that a folder can be copied whole
    for place in (1, 2):
        table.columns[place].no_wrap = True
    table.columns[5].overflow = "ellipsis"
    table.columns[5].no_wrap = True
    table.columns[5].max_width = max(24, console.width // 3)
    for entry in listed:
        told = entry.answer if not entry.why else entry.why
        table.add_row(
            Text(visible_token(entry.folder)),
            Text(entry.status, style=STYLES.get(entry.status, "yellow")),
            entry.date,
            Text(visible_token(entry.model)),
            Text(
                visible_token(
                    ": ".join(part for part in (entry.kind if entry.kind != "circuit" else "", entry.task) if part)
                )
            ),
            Text(visible_token(told)),
        )
    console.print(table)


def print_comparison(first: Path, second: Path, console: Console, whole: bool) -> Mapping[str, object]:
    """Print what differs between two runs; the same as plain data."""
    comparison = compare(first, second)
    console.print(Text(f"first:  {first}\nsecond: {second}"), soft_wrap=True)
    _differences(console, "Config", comparison.config, "the configs say the same")
    _differences(console, "Software", comparison.software, "the same versions and code")
    _numbers(console, comparison, whole)
    for heads in comparison.heads:
        _heads(console, heads)
    return comparison.plain()


def _differences(console: Console, title: str, rows: list[tuple[str, Any, Any]], same: str) -> None:
    console.print(f"\n{title}", style="bold")
    if not rows:
        console.print(same)
        return
    table = Table("field", "first", "second", box=None, pad_edge=False)
    for path, left, right in rows:
        table.add_row(*(Text(visible_token(text)) for text in (path, _short(left), _short(right))))
    console.print(table)


def _short(value: Any) -> str:
    text = NONE if value is None else str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _numbers(console: Console, comparison: Comparison, whole: bool) -> None:
    """Those with intervals; others where they differ, with `whole`."""
    console.print("\nNumbers", style="bold")
    shown = [finding for finding in comparison.numbers if finding.has_interval or (whole and finding.differs)]
    if not shown:
        console.print("no number with an interval is in both")
    else:
        table = Table("finding", "first", "second", "", box=None, pad_edge=False)
        for finding in shown:
            table.add_row(Text(finding.name), _told(finding, 0), _told(finding, 1), _remark(finding))
        console.print(table)
    hidden = sum(1 for finding in comparison.numbers if finding.differs) - sum(
        1 for finding in shown if finding.differs
    )
    if hidden:
        console.print(f"{hidden} more numbers without intervals differ: --all shows them", highlight=False)
    for which, names in zip(("first", "second"), comparison.only, strict=True):
        if names:
            listed = ", ".join(dict.fromkeys(name.split(".")[0] for name in names))
            console.print(f"only in the {which}: {plural(len(names), 'number')} of {listed}", highlight=False)


def _told(finding: Number, which: int) -> str:
    quantity = finding.second if which else finding.first
    if all(amount is None or amount % 1 == 0 for amount in (quantity.value, quantity.low, quantity.high)):
        return NONE if quantity.value is None else needed(quantity.value, quantity.low, quantity.high)
    return number(quantity.value) if quantity.low is None else around(quantity.value, quantity.low, quantity.high)


def _remark(finding: Number) -> str:
    return "same" if not finding.differs else "apart" if finding.apart else ""


def _heads(console: Console, heads: Heads) -> None:
    console.print(f"\nHeads selected by {heads.probe}", style="bold")
    for words, listed in (
        ("in both", heads.both),
        ("only in the first", heads.first),
        ("only in the second", heads.second),
    ):
        console.print(f"{words} ({len(listed)}): {', '.join(listed) or 'none'}", highlight=False)
