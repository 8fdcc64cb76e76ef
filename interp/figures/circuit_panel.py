"""Figure `circuit_panel`: the selected heads, the sentence, and the boxes of its token groups.

Drawn in inches from the bottom: numbers, tokens, boxes, the arrow with its label, the maps, the red caption.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from interp.analysis.findings import GroupSpan, LayerModulationFindings, LayerSpanFindings
from interp.analysis.findings_of_heads import HeadFindings
from interp.analysis.findings_of_run import FocusFound
from interp.configs.lazy import lazy
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_page
from interp.figures.circuit_drawing import (
    LABEL,
    LINE,
    MARGIN,
    NAME,
    SPAN,
    Box,
    draw_arrow,
    draw_boxes,
    heights,
    touch,
)
from interp.figures.fit import wrap
from interp.figures.fonts import drawable
from interp.figures.maps import Weights, absent_words, attention_weights, draw_map, map_marks, weights_table
from interp.figures.sentence import Sentence, focus_window, sentence
from interp.figures.window import Window
from interp.results.tables import RunTables
from interp.words.phrases import percent, runs_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
else:
    pd = lazy("pandas")

MOST_LINES = 3  # of heads below the arrow's heading, of layers with gaps in a box
LABEL_WIDTH = 4.2  # inches


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
    max_heads: int = Field(default=10, ge=1, le=100, description="Maps at most, of the heads that carry the share.")

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from key_query_heads, attention_pattern and, where they ran, layer_span and layer_modulation."""
        label = self.label(tables)
        source = self.label(tables, "attention")
        search, focus = tables.findings(label, HeadFindings), tables.run.focus
        selected = search.share.heads
        shown = (selected or search.ranking)[: self.max_heads]
        maps = attention_weights(tables, source, shown)
        groups = self._groups(tables)
        shown_positions = focus_window(tables, [group.positions[-1] for group in groups if not group.output])
        row = sentence(tables, shown_positions, MARGIN, style.PAGE - 2 * MARGIN)
        boxes = self._boxes(groups, row, focus)
        label_lines = self._arrow_label(tables, [head.label for head in selected])
        arrow = row.height + sum(heights(boxes)) + 0.12
        maps_bottom = arrow + 0.06 + len(label_lines) * LINE + 0.24
        side = min(0.95, (style.PAGE - 2 * MARGIN) / len(shown) - 0.1)
        height = maps_bottom + side + 0.2 + 0.24
        figure, page = new_page(height)
        row.draw(page)
        draw_boxes(page, boxes, row.height)
        key = next((box.centre for box in boxes if box.colour == style.RED), row.near(focus.key))
        end = next((box.centre for box in boxes if box.output), row.answer)
        draw_arrow(page, boxes, key, end, arrow, row.height, label_lines)
        drawn = self._maps(figure, page, maps, shown_positions, focus, maps_bottom, side, height, len(selected))
        marks = [map_marks(tables, axes, name, maps[name], shown_positions) for name, axes in drawn.items()]
        data = pd.concat(
            [
                weights_table(maps, shown_positions).assign(part="attention"),
                pd.DataFrame([{"part": "box", "text": " ".join(box.lines)} for box in boxes]),
                pd.DataFrame([{"part": "arrow", "text": " ".join(label_lines)}]),
            ]
        )
        words = f"{shown_positions.words}{absent_words(maps.values(), shown_positions)}"
        caption = self._caption(tables, search, len(selected), len(shown), words)
        title = f"Heads that map key position {focus.key} to query position {focus.query}"
        return Drawn(figure, data, title, self.caption or caption, marks)

    def _groups(self, tables: RunTables) -> list[GroupSpan]:
        if "layer_span" not in tables.kinds.values():
            return []
        return tables.findings(self.label(tables, "spans"), LayerSpanFindings).groups

    def _boxes(self, groups: list[GroupSpan], row: Sentence, focus: FocusFound) -> list[Box]:
        boxes: list[Box] = []
        for group in groups:
            lines = [*wrap(drawable(group.group), 1.6, NAME)[:2], _span(group)]
            if group.gaps:
                layers = wrap(f"({runs_text(group.layers)})", 1.0, SPAN)
                lines += layers if len(layers) <= MOST_LINES else [*layers[: MOST_LINES - 1], "…)"]
            colour = style.RED if not group.output and focus.key in group.positions else style.GREY
            box = Box(lines, row.answer if group.output else row.near(group.positions[-1]), 0, colour, group.output)
            half = box.width / 2
            box = replace(box, centre=min(max(box.centre, MARGIN / 2 + half), style.PAGE - MARGIN / 2 - half))
            while any(touch(box, other) for other in boxes if other.level == box.level):
                box = replace(box, level=box.level + 1)
            boxes.append(box)
        return boxes

    def _arrow_label(self, tables: RunTables, heads: list[str]) -> list[str]:
        if "layer_modulation" not in tables.kinds.values():
            return []
        end = tables.findings(self.label(tables, "modulation"), LayerModulationFindings).final.mean
        lines = wrap(", ".join(heads), LABEL_WIDTH, LABEL)
        if len(lines) > MOST_LINES:
            kept = lines[:MOST_LINES]
            kept[-1] = kept[-1].rsplit(", ", 2)[0]
            lines = [*kept[:-1], f"{kept[-1]} and {len(heads) - ' '.join(kept).count('-H')} more"]
        return [f"Modulated at {percent(end)} by", *lines]

    def _maps(
        self,
        figure: Any,
        page: Any,
        maps: dict[str, Weights],
        shown: Window,
        focus: FocusFound,
        bottom: float,
        side: float,
        height: float,
        n_selected: int,
    ) -> dict[str, Axes]:
        """Draw the maps; the axes of each, by its head."""
        gap, drawn = 0.1, {}
        total = len(maps) * side + (len(maps) - 1) * gap
        left = (style.PAGE - total) / 2
        for number, (name, weights) in enumerate(maps.items()):
            x = left + number * (side + gap)
            axes = figure.add_axes((x / style.PAGE, bottom / height, side / style.PAGE, side / height))
            draw_map(axes, weights, shown, focus.key, focus.query)
            drawn[name] = axes
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
                f"All heads map key pos {focus.key} to query pos {focus.query}{more}",
            ),
            **{"color": style.RED, "ha": "center", "va": "top", "fontsize": 8.5, "fontweight": "bold"},
        )
        return drawn

    def _caption(self, tables: RunTables, search: HeadFindings, n_selected: int, n_shown: int, positions: str) -> str:
        run = tables.run
        span = next(iter(tables.findings_of("layer_span", LayerSpanFindings).values()), None)
        boxes = (
            ""
            if span is None
            else f" Boxes: layers in which replacing {span.site} at the token moves the metric by at least "
            f"{percent(span.threshold)} of the gap, from the first to the last (in brackets: where there are gaps, which ones); "
            f"layer {run.model.n_layers} is the output."
        )
        heads = f"{n_shown} heads" if n_shown == n_selected else f"first {n_shown} of {n_selected} heads"
        return (
            f"{run.model.name}: attention maps of the {heads} that carry "
            f"{percent(search.target)} of the key→query effect ({search.definition} share; edges cut: {search.ablation}; "
            f"{run.n_prompts} prompts). Up: queries; across: keys; blue: weight on the focus prompt; red: "
            f"the key→query cell.{positions}{boxes}"
        )


def _span(group: GroupSpan) -> str:
    if group.first is None:
        return "no layer"
    return str(group.first) if group.first == group.last else f"{group.first}–{group.last}"
