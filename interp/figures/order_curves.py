"""Figure `order_curves`: how many heads are needed when they are kept in three different orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from interp.analysis.findings_of_heads import HeadFindings
from interp.configs.lazy import lazy
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, frame, new_figure
from interp.figures.marks import Marks
from interp.figures.share_curve import ORDERS
from interp.results.tables import RunTables
from interp.words.phrases import ablation_text, basis_text, percent

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

COLOURS = {"value": style.BLUE, "size": style.ORANGE, "greedy": style.GREEN}


@figures.register
class OrderCurves(Figure):
    """Held-out joint share against heads kept, by |single effect|, by signed effect, and greedily; and in-sample."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("key_query_heads",)}
    kind: Literal["order_curves"] = "order_curves"

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from a key_query_heads probe."""
        label = self.label(tables)
        search = tables.findings(label, HeadFindings)
        figure = new_figure(style.COLUMN, 2.5)
        axes = figure.add_subplot()
        pieces = []
        for kind, colour in COLOURS.items():
            mine = search.orders[kind]
            curve = frame(mine.curve)
            axes.plot(
                curve["n"], curve["share"], color=colour, label=f"{kind}: {'never' if mine.n is None else mine.n}"
            )
            pieces.append(curve.assign(order=kind, prompts="held out"))
        flattered = frame(search.in_sample.curve)
        n = search.in_sample.n
        axes.plot(
            flattered["n"],
            flattered["share"],
            color=COLOURS[search.order],
            linewidth=0.8,
            linestyle=":",
            label=f"{search.order}, same prompts: {'never' if n is None else n}",
        )
        pieces.append(flattered.assign(order=search.order, prompts="those that chose"))
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        axes.axhline(search.target, color=style.RED, linewidth=0.8, linestyle="--")
        n_max = int(flattered["n"].max())
        axes.set_xscale("symlog", linthresh=10, linscale=1.5)
        ticks = [tick for tick in (0, 2, 4, 6, 8, 10, 20, 50, 100, 200, 500, 1000) if tick < 0.6 * n_max] + [n_max]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        axes.set(xlabel="heads kept", ylabel="share of key→query effect", xlim=(0, n_max))
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1.0),
            ncols=2,
            title=f"heads for {percent(search.target)}",
            title_fontsize=6.5,
            alignment="left",
        )
        caption = (
            f"The joint share when heads are kept in three orders: value, by {ORDERS['value']}; size, by {ORDERS['size']}; greedy, "
            f"by exact forward selection among the best {search.screen}. Every other head's edge is "
            f"{ablation_text(search.ablation)}. Heads were ranked on one half of the word pairs and run on the other; "
            f"dotted: on the word pairs that chose them. "
            f"{basis_text(tables, label)}"
        )
        marks = [Marks(axes, piece, "n", "share") for piece in pieces]
        return Drawn(figure, pd.concat(pieces, ignore_index=True), "Three orders", self.caption or caption, marks)
