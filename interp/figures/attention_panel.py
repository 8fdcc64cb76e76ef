"""Figure `attention_panel`: the attention maps of the selected heads, in order of importance."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from pydantic import Field

from interp.analysis.findings_of_heads import HeadFindings
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.maps import absent_words, attention_weights, draw_map, map_marks, weights_table
from interp.figures.sentence import focus_window
from interp.results.tables import RunTables
from interp.words.phrases import basis_text, percent, plural
from interp.words.visible import visible_token


@figures.register
class AttentionPanel(Figure):
    """Grid of small attention maps, one a head, as many as the share needs; blue weights, red key->query cell."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("key_query_heads",), "attention": ("attention_pattern",)}
    kind: Literal["attention_panel"] = "attention_panel"
    attention: str | None = Field(default=None, description="Label of the attention_pattern probe.")
    max_heads: int = Field(default=60, ge=1, le=100, description="Maps at most.")

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from a key_query_heads and an attention_pattern probe."""
        label = self.label(tables)
        source = self.label(tables, "attention")
        search = tables.findings(label, HeadFindings)
        share, focus = search.share, tables.run.focus
        needed = share.heads or search.ranking
        heads = needed[: self.max_heads]
        maps = attention_weights(tables, source, heads)
        shown = focus_window(tables)
        # Many positions need larger maps.
        most, side = (10, 0.66) if len(shown) <= 16 else (8, 0.82)
        columns = min(most, len(heads))
        lines = math.ceil(len(heads) / columns)
        figure = new_figure(max(style.COLUMN, columns * side + 0.25), lines * (side + 0.16) + 0.25)
        grid = figure.subplots(lines, columns, squeeze=False)
        marks = []
        for number, axes in enumerate(grid.flat):
            if number >= len(heads):
                axes.set_axis_off()
                continue
            name = heads[number].label
            draw_map(axes, maps[name], shown, focus.key, focus.query)
            axes.set_title(name, fontsize=6.5, pad=2)
            marks.append(map_marks(tables, axes, name, maps[name], shown))
        grid[-1, 0].set_xlabel("K", labelpad=2, fontsize=6.5)
        grid[-1, 0].set_ylabel("Q", labelpad=2, fontsize=6.5)
        reached = (
            f"{plural(len(needed), 'head')} that carry {percent(search.target)} ({search.definition} share)"
            if share.n is not None
            else f"all {len(needed)} heads; no set reaches {percent(search.target)} ({search.definition} share)"
        )
        more = "" if len(heads) == len(needed) else f"; the first {len(heads)} are shown"
        caption = (
            f"Attention maps on {visible_token(focus.clean)} of the {reached}{more}, in order of importance. Rows: query "
            f"positions upwards; columns: key positions; blue: attention weight, the darker, the larger."
            f"{shown.words}{absent_words(maps.values(), shown)} Red: key {focus.key} to query "
            f"{focus.query}. Importance: size of the mean effect of the key→query edge. {basis_text(tables, label)}"
        )
        title = f"{tables.run.model.name}: {plural(len(needed), 'head')}"
        return Drawn(figure, weights_table(maps, shown), title, self.caption or caption, marks)
