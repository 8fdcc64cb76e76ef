"""Figure `share_curve`: f(n), the share of the key->query effect that the best n heads carry together."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from interp.analysis.findings_of_heads import Controls, HeadFindings
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, frame, new_figure
from interp.figures.marks import Marks
from interp.results.tables import RunTables
from interp.words.numbers import needed
from interp.words.phrases import ablation_text, basis_text, percent


@figures.register
class ShareCurve(Figure):
    """Joint share against the number of heads kept, with its band, the target line and the head count's interval."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("key_query_heads",)}
    kind: Literal["share_curve"] = "share_curve"

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from a key_query_heads probe."""
        label = self.label(tables)
        search = tables.findings(label, HeadFindings)
        curve = frame(search.curve)
        share = search.shares.joint
        figure = new_figure(style.COLUMN, 2.5)
        axes = figure.add_subplot()
        bands = draw_controls(axes, search.controls)
        axes.fill_between(curve["n"], curve["low"], curve["high"], color=style.BLUE, alpha=0.2, linewidth=0)
        axes.plot(curve["n"], curve["share"], color=style.BLUE)
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        axes.axhline(search.target, color=style.RED, linewidth=0.8, linestyle="--")
        axes.axhline(1, color=style.GREY, linewidth=0.5, linestyle=":")
        n_max = int(curve["n"].max())
        axes.text(
            1.01,
            search.target,
            percent(search.target),
            color=style.RED,
            va="center",
            transform=axes.get_yaxis_transform(),
        )
        # The first heads decide, so they get most of the axis.
        axes.set_xscale("symlog", linthresh=10, linscale=1.5)
        ticks = [tick for tick in (0, 2, 4, 6, 8, 10, 20, 50, 100, 200, 500, 1000) if tick < 0.6 * n_max] + [n_max]
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        if share.n is not None:
            axes.axvline(share.n, color=style.RED, linewidth=0.8)
            if share.n_low is not None:
                axes.axvspan(share.n_low, share.n_high or n_max, color=style.RED, alpha=0.1, linewidth=0)
        shares = dict(search.shares)
        counts = "; ".join(f"{name} {needed(count.n, count.n_low, count.n_high)}" for name, count in shares.items())
        # Above the frame: inside, some curve or band is always in the way.
        axes.set_title(f"heads for {percent(search.target)}\n{counts}", loc="left", fontsize=6.5, linespacing=1.4)
        axes.set(xlabel="heads kept (best first)", ylabel="share of key→query effect", xlim=(0, n_max))
        first = ", ".join(head.label for head in share.heads[:5]) or "none"
        caption = (
            f"Share f(n) of the key→query effect carried when n heads keep their edge and every other head's edge is "
            f"{ablation_text(search.ablation)} (joint definition), on word pairs that the heads were not chosen from; order: "
            f"{ORDERS[search.order]}. First heads: {first}. Blue band: interval, ranked anew in every resample. Red: the "
            f"smallest n from which f stays at or above {percent(search.target)}, with its interval.{bands} "
            f"{basis_text(tables, label)}"
        )
        marks = [Marks(axes, curve, "n", "share")]
        return Drawn(figure, curve, "How many heads carry the answer", self.caption or caption, marks)


ORDERS = {"value": "signed single effects", "size": "size of the single effects", "greedy": "greedy selection"}


def draw_controls(axes: Any, controls: Controls) -> str:
    """Random sets and the nonsense task as grey bands; what the caption says of them."""
    told = ""
    random, nonsense = controls.random, controls.nonsense
    if random is not None:
        bands = frame(random.bands)
        axes.fill_between(bands["n"], bands["low"], bands["high"], color=style.GREY, alpha=0.25, linewidth=0)
        told += f" Grey: middle 95 % of random sets ({random.sets} of {random.n} heads, fewer of other sizes)."
    if nonsense is not None:
        curve = frame(nonsense.curve)
        axes.fill_between(
            curve["n"], curve["low"], curve["high"], facecolor="none", edgecolor=style.GREY, hatch="////", linewidth=0.4
        )
        told += " Hatched: the same search for arbitrary answers, as a share of the real effect."
    return told
