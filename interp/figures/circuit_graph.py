"""Figure `circuit_graph`: the largest edges as lines from token to token, rising through the layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from interp.analysis.shapes import Shape, panels
from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_page
from interp.figures.fit import SPACING, TICK, labelled, width
from interp.figures.marks import Marks
from interp.figures.sentence import focus_tokens, sentence
from interp.figures.window import window
from interp.results.tables import RunTables
from interp.words.phrases import basis_text, unit

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

LEFT, RIGHT = 0.45, 0.1  # inches
TALL = 2.6  # inches from the first layer to the output
NAMED = 12  # edges whose heads are named, where there is room


@dataclass(frozen=True)
class Line:
    """An edge on the page: its ends in inches, its share of the largest effect, and its name."""

    ends: tuple[tuple[float, float], tuple[float, float]]
    size: float
    carries: bool
    label: str


@figures.register
class CircuitGraph(Figure):
    """The edges with the largest single effects, drawn over the tokens and layers that they join."""

    fits: ClassVar[frozenset[Shape]] = frozenset({"edges"})
    prefers: ClassVar[tuple[str, ...]] = ("attention_edges", "edge_patching")
    kind: Literal["circuit_graph"] = "circuit_graph"
    top_k: int = Field(default=30, ge=1, le=500, description="How many edges are drawn.")

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from a probe that measured edges between numbered positions."""
        label = self.label(tables)
        rows = self._rows(tables, label)
        keys, queries = rows["key_label"].astype(int), rows["query_label"].astype(int)
        focus = tables.run.focus
        shown = window(len(focus_tokens(tables)), [*keys, *queries, focus.key, focus.query])
        seen = keys.isin(shown.positions) & queries.isin(shown.positions)
        rows, keys, queries = rows[seen], keys[seen], queries[seen]
        row = sentence(tables, shown, LEFT, style.PAGE - LEFT - RIGHT)
        ground, n_layers = row.height + 0.12, tables.run.model.n_layers
        lowest = max(0, int(rows["layer"].min()) - 1)
        step = TALL / (n_layers - lowest)
        figure, page = new_page(ground + TALL + 0.25)
        row.draw(page)
        self._layers(page, ground, step, range(lowest, n_layers + 1))
        for position in shown.positions:
            page.plot([row.near(position)] * 2, [ground, ground + TALL], color=style.GREY, linewidth=0.4, alpha=0.35)
        largest = float(rows["mean"].abs().max()) or 1.0
        sign = 1 if tables.run.metric.rises_with_damage else -1
        places = list(zip(keys, queries, rows["layer"].astype(int), strict=True))
        sizes = (rows["mean"].abs() / largest).tolist()
        lines = []
        for place, aside, size, head, mean in zip(
            places, _aside(places, sizes), sizes, rows["head"].astype(int), rows["mean"], strict=True
        ):
            key, query, layer = place
            across, up = (aside, 0.0) if key == query else (0.0, aside)
            begin = row.near(key) + across, ground + (layer - lowest) * step + up
            end = row.near(query) + across, ground + (layer + 1 - lowest) * step + up
            lines.append(Line((begin, end), size, sign * mean > 0, f"L{layer}-H{head}"))
        for line in reversed(lines):
            (x, y), (u, v) = line.ends
            colour = style.BLUE if line.carries else style.ORANGE
            page.plot([x, u], [y, v], color=colour, linewidth=_points(line.size), alpha=0.75, solid_capstyle="butt")
        self._names(page, lines)
        caption = (
            f"The {len(rows)} edges with the largest single effects, from the key token's column to the query token's, one layer "
            f"up. Width: size of the mean effect ({unit(tables)}); blue: the edge carries the answer; orange: it works against it; "
            f"named: the largest, where there is room. Up: layers, from the lowest with such an edge to the output."
            f"{shown.words} {basis_text(tables, label)}"
        )
        columns = ["layer", "head", "key_label", "query_label", "mean", "ci_low", "ci_high", "n"]
        data, middles = rows[columns], np.array([np.mean(line.ends, axis=0) for line in lines])
        marks = [Marks(page, data, middles[:, 0], middles[:, 1])]
        return Drawn(figure, data, "The circuit over tokens and layers", self.caption or caption, marks)

    def _rows(self, tables: RunTables, label: str) -> pd.DataFrame:
        fitting = panels(tables.summary_of(label), "edges")
        rows = fitting[0].rows
        rows = rows[rows["key_label"].str.isdigit() & rows["query_label"].str.isdigit() & (rows["mean"] != 0)]
        if rows.empty:
            raise UserError(f"figure {self.kind}: probe {label!r} has no edges between numbered positions (pairs: all)")
        order = rows["mean"].abs().sort_values(ascending=False, kind="stable").index
        return rows.loc[order].head(self.top_k)

    def _layers(self, page: Any, ground: float, step: float, layers: range) -> None:
        last = len(layers) - 1
        for place in labelled(len(layers), step, SPACING * TICK / 72, [0, last]):
            text = "out" if place == last else str(layers[place])
            page.text(LEFT - 0.12, ground + place * step, text, ha="right", va="center", fontsize=TICK)
        page.text(0.1, ground + step * last / 2, "layer", ha="center", va="center", rotation=90, fontsize=7.5)

    def _names(self, page: Any, lines: list[Line]) -> None:
        """Head names beside the widest lines, wherever along them no other name stands."""
        taken: list[tuple[float, float, float]] = []
        for line in lines[:NAMED]:
            (x, y), (u, v) = line.ends
            half = width(line.label, TICK, "bold") / 2
            beside = (
                half + 0.06 if x == u else 0.0
            )  # a token's edge to itself stands upright: its name goes to the right
            for part in (0.5, 0.35, 0.65, 0.2, 0.8):
                across = min(max(x + part * (u - x) + beside, LEFT + half), style.PAGE - RIGHT - half)
                place = (across, y + part * (v - y), half)
                if all(abs(place[0] - a) > half + h or abs(place[1] - b) > SPACING * TICK / 72 for a, b, h in taken):
                    text = page.text(place[0], place[1], line.label, ha="center", va="center", fontsize=TICK)
                    text.set(color=style.BLUE if line.carries else style.ORANGE, fontweight="bold", bbox=style.PAPER)
                    taken.append(place)
                    break


def _points(size: float) -> float:
    """How wide an edge of this share of the largest effect is drawn."""
    return 0.6 + 3.0 * size


def _aside(places: list[tuple[int, int, int]], sizes: list[float]) -> list[float]:
    """Inches by which edges that join the same two points are moved apart, so that they lie side by side."""
    offsets = [0.0] * len(places)
    for place in dict.fromkeys(places):
        mine = [i for i, other in enumerate(places) if other == place]
        wide = [(_points(sizes[i]) + 0.4) / 72 for i in mine]
        left = -sum(wide) / 2
        for i, inches in zip(mine, wide, strict=True):
            offsets[i] = left + inches / 2
            left += inches
    return offsets
