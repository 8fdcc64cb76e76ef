"""Figure `effect_bars`: the strongest heads, edges or places with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import Field

from interp.analysis.findings_of_heads import HeadFindings, HeadFound
from interp.analysis.shapes import SPLIT, Shape, panels
from interp.configs.lazy import lazy
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_figure
from interp.figures.fit import SPACING, TICK, labelled, short
from interp.figures.marks import Marks
from interp.results.tables import RunTables
from interp.words.phrases import ablation_text, basis_text, metric_text, unit

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")

PLACES = ("layer", "head", "query_label", "key_label")


@dataclass(frozen=True)
class Bar:
    """A row: its label, its mean with interval (None: none) and counts, and the means of the single word pairs behind it."""

    label: str
    numbers: dict[str, float | int | None]
    pairs: Float[np.ndarray, " pair"]

    @property
    def mean(self) -> float:
        """Metric units."""
        return self.numbers["mean"] or 0.0

    @property
    def interval(self) -> tuple[float, float] | None:
        """None where it is undefined."""
        low, high = self.numbers["low"], self.numbers["high"]
        return None if low is None or high is None else (low, high)

    @property
    def colour(self) -> str:
        """Blue above 0, orange below."""
        return style.BLUE if self.mean > 0 else style.ORANGE


@figures.register
class EffectBars(Figure):
    """The largest effects of a probe, with intervals and the word pairs behind them."""

    fits: ClassVar[frozenset[Shape]] = frozenset({"layer x head", "layer x position", "layer curve", "edges"})
    prefers: ClassVar[tuple[str, ...]] = ("key_query_heads",)
    kind: Literal["effect_bars"] = "effect_bars"
    top_k: int = Field(default=20, ge=1, le=1_000, description="Bars at most, the largest effects first.")

    def draw(self, tables: RunTables) -> Drawn:
        """Draw what a head search concludes its heads carry, or the largest mean effects of any other probe."""
        label = self.label(tables)
        search = tables.findings(label, HeadFindings) if tables.kinds[label] == "key_query_heads" else None
        carried = None if search is None else _carried(tables, label, search.ranking[: self.top_k])
        bars = list(carried or _effects(tables, label, self.top_k))
        figure = new_figure(style.COLUMN, min(0.75 + 0.145 * len(bars), style.TALL))
        axes = figure.add_subplot()
        for place, bar in enumerate(bars):
            colour = bar.colour
            axes.scatter(bar.pairs, np.full(len(bar.pairs), place), s=4, color=style.GREY, alpha=0.35, linewidths=0)
            if ends := bar.interval:
                axes.plot(ends, [place, place], color=colour, linewidth=2.2)
            axes.plot(bar.mean, place, "o", color=colour, markersize=3.5, markeredgecolor="white", markeredgewidth=0.5)
        axes.axvline(0, color="black", linewidth=0.6)
        rows = labelled(len(bars), (style.TALL - 0.75) / len(bars), SPACING * TICK / 72)
        axes.set_yticks(rows, [bars[row].label for row in rows])
        axes.set_ylim(len(bars) - 0.5, -0.5)
        axes.set_xlabel(f"{unit(tables)} lost when the edge is cut" if search else f"effect ({unit(tables)})")
        data = pd.DataFrame([{"head" if search else "place": bar.label, **bar.numbers} for bar in bars])
        if search:
            # Edges that carry the answer lower a metric that grows with damage.
            carries, against = ("Orange", "blue") if tables.run.metric.rises_with_damage else ("Blue", "orange")
            what = (
                f"The {len(bars)} heads with the largest key→query effects: loss in {metric_text(tables)} when that head's edge "
                f"alone is {ablation_text(search.ablation)}. {carries}: carries the answer; {against}: works against it."
            )
        else:
            what = (
                f"The {len(bars)} largest mean effects of {label} (value minus the unedited run, in {unit(tables)}). Blue: the "
                f"metric rises; orange: it falls."
            )
        caption = f"{what} Bars: intervals; grey: means of single word pairs. {basis_text(tables, label)}"
        title = "The strongest heads" if search else f"{label}: the largest effects"
        marks = [Marks(axes, data, "mean", np.arange(len(data)))]
        return Drawn(figure, data, title, self.caption or caption, marks)


def _carried(tables: RunTables, label: str, heads: Sequence[HeadFound]) -> Iterator[Bar]:
    """The heads of a search, in its order, by what the metric loses."""
    effects = tables.probe(label)
    effects = effects[effects["part"] == "single"]
    for head in heads:
        mine = effects[(effects["layer"] == head.layer) & (effects["head"] == head.head)]
        yield Bar(
            head.label, dict(sorted(head.carried.plain().items())), -mine.groupby("pair")["effect"].mean().to_numpy()
        )


def _effects(tables: RunTables, label: str, top_k: int) -> Iterator[Bar]:
    """The rows of a summary with the largest mean, of the tables whose rows have a place."""
    shown = [panel for panel in panels(tables.summary_of(label)) if panel.shapes & EffectBars.fits]
    titles = pd.concat([pd.Series(panel.title, index=panel.rows.index) for panel in shown])
    rows = tables.summary_of(label).loc[titles.index]
    rows = rows.loc[rows["mean"].abs().sort_values(ascending=False, kind="stable").index].head(top_k)
    effects = tables.like(label, ["pair", "effect"], rows[[*SPLIT, *PLACES]])
    for number, (_, row) in zip(rows.index.to_list(), rows.iterrows(), strict=True):
        alike = [
            (effects[name] == row[name]) | (effects[name].isna() & pd.isna(row[name])) for name in (*SPLIT, *PLACES)
        ]
        mine = effects[np.logical_and.reduce([mask.fillna(False).to_numpy(bool) for mask in alike])]
        numbers: dict[str, float | int | None] = {
            "mean": float(row["mean"]),
            "low": None if pd.isna(row["ci_low"]) else float(row["ci_low"]),
            "high": None if pd.isna(row["ci_high"]) else float(row["ci_high"]),
            "n": int(row["n"]),
        }
        title = f"{titles[number]} " if len(shown) > 1 else ""
        yield Bar(short(title + place_of(row), 30), numbers, mine.groupby("pair")["effect"].mean().to_numpy())


def place_of(row: Any) -> str:
    """`L5-H2`, `L5 at 3`, `L5-H2 3→8`."""
    where = f"L{row['layer']}" + ("" if pd.isna(row["head"]) else f"-H{row['head']}")
    key, query = row["key_label"], row["query_label"]
    if key and query:
        return f"{where} {key}→{query}"
    return f"{where} at {query}" if query else where
