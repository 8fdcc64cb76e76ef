"""Figure `circuit_panel`: the selected heads, the sentence, and the boxes of its token groups (figure.md, right).

Drawn in inches from the bottom: numbers, tokens, boxes, the arrow with its label, the maps, the red caption.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from interp.figures import style
from interp.figures.base import Drawn, Figure, figures
from interp.figures.circuit_drawing import (
    CHARACTER,
    LINE,
    MARGIN,
    Box,
    draw_arrow,
    draw_boxes,
    draw_sentence,
    heights,
    touch,
)
from interp.figures.maps import attention_weights, draw_map, weights_table
from interp.figures.words import percent, runs_text
from interp.lazy import lazy
from interp.results.tables import RunTables

if TYPE_CHECKING:
    import matplotlib as mpl
    import matplotlib.backends.backend_agg as agg
    import matplotlib.figure as mpl_figure
    import pandas as pd
else:
    agg = lazy("matplotlib.backends.backend_agg")
    mpl_figure = lazy("matplotlib.figure")
    pd = lazy("pandas")
    mpl = lazy("matplotlib")


@figures.register
class CircuitPanel(Figure):
    """Selected heads' maps, the numbered sentence, boxes with layer spans, and the arrow `Modulated at ... by`."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {
        "probe": ("key_query_heads",),
        "attention": ("attention_pattern",),
        "spans": ("layer_span",),
        "modulation": ("layer_modulation",),
    }
    optional: ClassVar[frozenset[str]] = frozenset({"spans", "modulation"})
    kind: Literal["circuit_panel"] = "circuit_panel"
    attention: str | None = Field(default=None, description="Label of the attention_pattern probe.")
    spans: str | None = Field(default=None, description="Label of the layer_span probe; without one, no boxes.")
    modulation: str | None = Field(default=None, description="Label of the layer_modulation probe.")
    max_heads: int = Field(default=10, ge=1, le=100)

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from key_query_heads, attention_pattern and, where they ran, layer_span and layer_modulation."""
        label = self.label(tables)
        source = self.label(tables, "attention")
        found, focus = tables.metrics["probes"][label], tables.metrics["run"]["focus"]
        selected = found["shares"][found["definition"]]["heads"]
        shown = (selected or found["ranking"])[: self.max_heads]
        maps = attention_weights(tables, source, shown)
        tokens = list(tables.prompts[tables.prompts["focus"]].iloc[0]["clean_tokens"])
        slot = (style.PAGE - 2 * MARGIN) / (len(tokens) + 1)
        centres = [MARGIN + (place + 0.5) * slot for place in range(len(tokens) + 1)]
        boxes = self._boxes(tables, centres, focus)
        label_lines = self._arrow_label(tables, [head["label"] for head in selected], centres[focus["key"] - 1])
        sentence = 2.4 * LINE
        box_tops = sentence + sum(heights(boxes)) if boxes else sentence
        arrow = box_tops + 0.12
        maps_bottom = arrow + 0.06 + len(label_lines) * LINE + 0.24
        side = min(0.95, (style.PAGE - 2 * MARGIN) / len(shown) - 0.1)
        height = maps_bottom + side + 0.2 + 0.24
        with mpl.rc_context(style.STYLE):
            figure = mpl_figure.Figure(figsize=(style.PAGE, height))
            agg.FigureCanvasAgg(figure)
            page = figure.add_axes((0, 0, 1, 1))
            page.set(xlim=(0, style.PAGE), ylim=(0, height))
            page.set_axis_off()
            draw_sentence(page, tokens, centres, focus)
            draw_boxes(page, boxes, sentence)
            draw_arrow(page, boxes, centres, focus, sentence, arrow, label_lines)
            self._maps(figure, page, maps, focus, maps_bottom, side, height, len(selected))
        data = pd.concat(
            [
                weights_table(maps).assign(part="attention"),
                pd.DataFrame([{"part": "box", "text": " ".join(box.lines)} for box in boxes]),
                pd.DataFrame([{"part": "arrow", "text": " ".join(label_lines)}]),
            ]
        )
        caption = self._caption(tables, found, len(selected), len(shown))
        title = f"Heads that map key position {focus['key']} to query position {focus['query']}"
        return Drawn(figure, data, title, self.caption or caption)

    def _boxes(self, tables: RunTables, centres: list[float], focus: dict[str, Any]) -> list[Box]:
        if not any(one["kind"] == "layer_span" for one in tables.metrics["probes"].values()):
            return []
        label = self.label(tables, "spans")
        boxes: list[Box] = []
        for group in tables.metrics["probes"][label]["groups"]:
            output = group.get("output", False)
            centre = centres[-1] if output else centres[group["positions"][-1] - 1]
            lines = [group["group"], _span(group)]
            if group.get("gaps"):
                lines += textwrap.wrap(f"({runs_text(group['layers'])})", 14)
            colour = style.RED if not output and focus["key"] in group["positions"] else style.GREY
            box = Box(lines, centre, 0, colour)
            level = 0
            while any(touch(box, other) for other in boxes if other.level == level):
                level += 1
            half = box.width / 2
            centre = min(max(centre, MARGIN / 2 + half), style.PAGE - MARGIN / 2 - half)
            boxes.append(Box(lines, centre, level, colour))
        return boxes

    def _arrow_label(self, tables: RunTables, heads: list[str], start: float) -> list[str]:
        if not any(one["kind"] == "layer_modulation" for one in tables.metrics["probes"].values()):
            return []
        label = self.label(tables, "modulation")
        end = tables.metrics["probes"][label]["final"]["mean"]
        words = f"Modulated at {percent(end)} by"
        width = int((style.PAGE - MARGIN - start - 0.1) / CHARACTER)
        lines = textwrap.wrap(", ".join(heads), max(width, 24))
        if len(lines) > 3:
            kept = ", ".join(lines[:3]).count("-H")
            lines = [
                *lines[:2],
                textwrap.shorten(lines[2], max(width, 24) - 12, placeholder="") + f" + {len(heads) - kept} more",
            ]
        return [words, *lines]

    def _maps(
        self,
        figure: Any,
        page: Any,
        maps: dict[str, Any],
        focus: dict[str, Any],
        bottom: float,
        side: float,
        height: float,
        n_selected: int,
    ) -> None:
        gap = 0.1
        total = len(maps) * side + (len(maps) - 1) * gap
        left = (style.PAGE - total) / 2
        for number, (name, weights) in enumerate(maps.items()):
            x = left + number * (side + gap)
            axes = figure.add_axes((x / style.PAGE, bottom / height, side / style.PAGE, side / height))
            draw_map(axes, weights, focus["key"], focus["query"])
            page.text(x + side / 2, bottom + side + 0.03, name, ha="center", va="bottom", fontsize=7)
        arrow = {
            "arrowstyle": "-|>",
            "color": "black",
            "linewidth": 0.7,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 6,
        }
        page.annotate("", (left + 0.6 * side, bottom - 0.05), (left, bottom - 0.05), arrowprops=arrow)
        page.text(left + 0.64 * side, bottom - 0.05, "K", ha="left", va="center", fontsize=7)
        page.annotate("", (left - 0.05, bottom + 0.7 * side), (left - 0.05, bottom), arrowprops=arrow)
        page.text(left - 0.05, bottom + 0.73 * side, "Q", ha="center", va="bottom", fontsize=7)
        more = f" (first {len(maps)} of {n_selected} shown)" if n_selected > len(maps) else ""
        page.text(
            *(
                style.PAGE / 2,
                height - 0.06,
                f"All heads map key pos {focus['key']} to query pos {focus['query']}{more}",
            ),
            **{"color": style.RED, "ha": "center", "va": "top", "fontsize": 8.5, "fontweight": "bold"},
        )

    def _caption(self, tables: RunTables, found: dict[str, Any], n_selected: int, n_shown: int) -> str:
        run = tables.metrics["run"]
        span = next((one for one in tables.metrics["probes"].values() if one["kind"] == "layer_span"), None)
        boxes = (
            ""
            if span is None
            else f" Boxes: layers in which replacing {span['site']} at the token moves the metric by at least "
            f"{percent(span['threshold'])} of the gap, from the first to the last (in brackets: where there are gaps, which ones); "
            f"layer {run['model']['n_layers']} is the output."
        )
        return (
            f"{run['model']['name']}: attention maps of the first {n_shown} of {n_selected} heads that carry "
            f"{percent(found['target'])} of the key→query effect ({found['definition']} share; edges cut: {found['ablation']}; "
            f"{run['n_prompts']} prompts). Up: queries; across: keys; blue: weight on the focus prompt; red: "
            f"the key→query cell.{boxes}"
        )


def _span(group: dict[str, Any]) -> str:
    if group["first"] is None:
        return "no layer"
    return str(group["first"]) if group["first"] == group["last"] else f"{group['first']}–{group['last']}"
