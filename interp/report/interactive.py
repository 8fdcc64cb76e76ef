"""What a page's script reads: what lies where in each figure, and the attention maps that a run holds. Plain data, as JSON.

The page says everything without it; a budget keeps the file small enough to be mailed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from urllib.parse import quote

import numpy as np
from markupsafe import Markup

from interp.configs.lazy import lazy
from interp.figures.base import Saved
from interp.figures.window import MOST, Window, window
from interp.results.tables import RunTables
from interp.words.visible import visible_token

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

WEIGHTS = 225_000
"""Weights of all maps together, a byte each: 0.3 MB in the page."""
SPOTS = 800_000
"""Letters of everything that can be pointed at; figures that need most are left out first."""
TABLES = 600_000
"""Bytes of the figures' tables that are inside the page; larger ones lie beside it."""
MOST_PROMPTS = 30
LEVELS = 254
ABSENT = 255
"""An edge that does not exist, because the layer's window leaves it out."""


class Words(TypedDict):
    """A column of few different words: these, and the number of each row's."""

    words: list[str]
    rows: list[int]


class Spots(TypedDict):
    """Rows that can be pointed at: the names of what they say, a column of words each, and their places in the figure."""

    names: Sequence[str]
    columns: list[list[str] | Words]
    places: Sequence[Sequence[float]]


class PromptMaps(TypedDict):
    """The maps of one prompt: tokens and positions (from 1) that are shown, and the weights as base64."""

    prompt: str
    tokens: list[str]
    positions: list[int]
    key: int
    query: int
    note: str
    weights: str


class Maps(TypedDict):
    """The attention maps of a run; a weight is a byte, 0 to `levels`."""

    heads: list[str]
    levels: int
    prompts: list[PromptMaps]


def as_json(data: Any) -> Markup:
    """JSON that can stand in a `script` element: nothing in it ends the element or begins another."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


def spots(figures: Sequence[Saved]) -> dict[str, list[Spots]]:
    """Figure -> groups of rows that can be pointed at: the names of what they say, a column of words each, and their places.

    Of a column with few different words these stand once, and their numbers in the rows' order.
    """
    every = _spots(figures)
    sizes = {stem: len(as_json(groups)) for stem, groups in every.items()}
    room, kept = SPOTS, set()
    for stem in sorted(sizes, key=sizes.__getitem__):
        room -= sizes[stem]
        if room >= 0:
            kept.add(stem)
    return {stem: groups for stem, groups in every.items() if stem in kept}


def _spots(figures: Sequence[Saved]) -> dict[str, list[Spots]]:
    return {
        figure.stem: [
            {
                "names": group.names,
                "columns": [_few(list(column)) for column in zip(*group.texts, strict=True)],
                "places": group.places,
            }
            for group in figure.spots
        ]
        for figure in figures
        if figure.spots
    }


def _few(words: list[str]) -> list[str] | Words:
    different = list(dict.fromkeys(words))
    if len(different) * 3 > len(words):
        return words
    place = {word: number for number, word in enumerate(different)}
    return {"words": different, "rows": [place[word] for word in words]}


def csv_links(figures: Sequence[Saved]) -> dict[str, str]:
    """Figure -> its table as a link that holds it, smallest first, as long as there is room; else the file beside the page."""
    links, room = {}, TABLES
    for figure in sorted(figures, key=lambda saved: saved.file("csv").stat().st_size):
        inside = "data:text/csv;charset=utf-8," + quote(
            figure.file("csv").read_text(encoding="utf-8"), safe=",.:;()/+- "
        )
        room -= len(inside)
        links[figure.stem] = inside if room >= 0 else beside(figure, "csv")
    return links


def beside(figure: Saved, ending: str) -> str:
    """The link to a figure's file, from a page in the run's folder."""
    return quote(f"{figure.folder.name}/{figure.stem}.{ending}")


def attention(tables: RunTables) -> Maps | None:
    """The attention maps of the heads on the prompts that an `attention_pattern` probe looked at, the focus prompt first.

    A weight is a byte, 0 to LEVELS; rows are queries, of which each has its keys up to itself, head after head. Of a long
    prompt the positions nearest to key and query, as many as there is room for. None where there are no maps.
    """
    label = next((name for name in tables.labels if tables.kinds.get(name) == "attention_pattern"), None)
    if label is None:
        return None
    focus = tables.run.focus
    observed = tables.values_of(label, "layer", "head").astype(int).sort_values(["layer", "head"])
    heads = list(observed[["layer", "head"]].itertuples(index=False, name=None))
    seen = tables.values_of(label, "prompt")["prompt"].tolist()
    room = WEIGHTS
    prompts: list[PromptMaps] = []
    for prompt in sorted(seen, key=lambda number: (number != focus.prompt, number))[:MOST_PROMPTS]:
        row = tables.prompts[tables.prompts["prompt"] == prompt].iloc[0]
        shown = _fitting(len(row["clean_tokens"]), int(row["key"]), int(row["query"]), room // max(len(heads), 1))
        if shown is None:
            break
        room -= len(heads) * len(shown) * (len(shown) + 1) // 2
        prompts.append(
            {
                "prompt": visible_token(str(row["clean"])),
                "tokens": [visible_token(row["clean_tokens"][place]) for place in shown.rows],
                "positions": list(shown.positions),
                "key": int(row["key"]),
                "query": int(row["query"]),
                "note": shown.words.strip(),
                "weights": _packed(tables, label, int(prompt), shown, heads),
            }
        )
    if not prompts:
        return None
    return {"heads": [f"L{layer}-H{head}" for layer, head in heads], "levels": LEVELS, "prompts": prompts}


def _fitting(n: int, key: int, query: int, room: int) -> Window | None:
    """The largest window of a prompt whose pairs of positions are at most `room`; None where it would hold next to nothing."""
    for most in range(min(n, MOST), 1, -1):
        if most * (most + 1) // 2 <= room:
            shown = window(n, [key, query], most)
            return shown if len(shown) >= min(n, 4) else None
    return None


def _packed(tables: RunTables, label: str, prompt: int, shown: Window, heads: list[tuple[int, int]]) -> str:
    rows = tables.probe(label, ("layer", "head", "query", "key", "value"), prompt=prompt)
    places = {position: place for place, position in enumerate(shown.positions)}
    rows = rows[rows["query"].isin(places) & rows["key"].isin(places)]
    size, numbers = len(shown), {head: number for number, head in enumerate(heads)}
    weights = np.full((len(heads), size, size), ABSENT, dtype=np.uint8)
    head = [numbers[pair] for pair in zip(rows["layer"].astype(int), rows["head"].astype(int), strict=True)]
    query, key = (rows[end].map(places).to_numpy(int) for end in ("query", "key"))
    weights[head, query, key] = np.rint(rows["value"].to_numpy(float).clip(0, 1) * LEVELS)
    query, key = np.tril_indices(size)
    return base64.b64encode(weights[:, query, key].tobytes()).decode("ascii")


def script() -> str:
    """The page's one script."""
    return (Path(__file__).parent / "templates" / "report.js").read_text(encoding="utf-8")
