"""Figure `span_chart`: when each token group is at work, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from interp.analysis.findings import LayerSpanFindings
from interp.configs.lazy import lazy
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.fit import cut, whole_numbers
from interp.figures.fonts import drawable
from interp.figures.marks import Marks
from interp.results.tables import RunTables
from interp.words.phrases import basis_text, percent, runs_text
from interp.words.visible import visible_token

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


@figures.register
class SpanChart(Figure):
    """The profile of every token group over layers, its threshold, and its span with gaps."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("layer_span",)}
    kind: Literal["span_chart"] = "span_chart"

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from a layer_span probe: one panel a group."""
        label = self.label(tables)
        spans = tables.findings(label, LayerSpanFindings)
        groups = [group for group in spans.groups if not group.output]
        threshold = spans.threshold
        figure = new_figure(style.COLUMN, 0.5 + 1.15 * len(groups))
        grid = figure.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
        rows, marks = [], []
        for axes, group in zip(grid, groups, strict=True):
            profile = pd.DataFrame(
                [{"layer": change.layer, **dict(sorted(change.normalised.plain().items()))} for change in group.profile]
            )
            working = profile["layer"].isin(group.layers)
            axes.axhspan(-threshold, threshold, color=style.GREY, alpha=0.15, linewidth=0)
            axes.axhline(0, color=style.GREY, linewidth=0.5)
            if profile["low"].notna().all():
                axes.vlines(profile["layer"], profile["low"], profile["high"], color=style.GREY, linewidth=0.8)
            for chosen, colour in ((working, style.RED), (~working, style.GREY)):
                axes.plot(profile["layer"][chosen], profile["mean"][chosen], "o", color=colour, markersize=2.8)
            noun = "layer" if len(group.layers) == 1 else "layers"
            where = "no layer" if group.first is None else f"{noun} {runs_text(group.layers)}"
            axes.set_title(cut(f"{drawable(group.group)}: {where}", style.COLUMN - 0.8, 7), loc="left", fontsize=7)
            axes.margins(y=0.15)
            rows.append(profile.assign(group=group.group, at_work=working))
            marks.append(Marks(axes, rows[-1], "layer", "mean"))
        grid[-1].set_xlim(-0.5, len(groups[0].profile) - 0.5)
        whole_numbers(grid[-1].xaxis)
        grid[-1].set_xlabel("layer")
        figure.supylabel("share of the gap", fontsize=7.5)
        corruptions = "; ".join(f"{group.group}: {visible_token(group.corrupted)} (n = {group.n})" for group in groups)
        caption = (
            f"Layer spans: {spans.site} of one layer at the group's tokens replaced by its value in the group's own corrupted "
            f"run; 1 = the metric moves across the whole clean–corrupted gap. Red: at least {percent(threshold)} (grey band). "
            f"Corrupted prompts, for example: {corruptions}. {basis_text(tables, label)}"
        )
        return Drawn(figure, pd.concat(rows), "When each token group is at work", self.caption or caption, marks)
