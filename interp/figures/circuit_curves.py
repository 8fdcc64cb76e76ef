"""Figure `circuit_curves`: what the best n edges (or heads) explain, kept alone and taken away alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from interp.analysis.circuits import Direction
from interp.configs.lazy import lazy
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, frame, new_figure
from interp.figures.circuit_words import Circuit, circuit_of, explained, noun, title_of
from interp.figures.marks import Marks
from interp.results.tables import RunTables
from interp.words.numbers import fixed, needed
from interp.words.phrases import basis_text, percent

if TYPE_CHECKING:
    import matplotlib.figure as mpl_figure
    import pandas as pd
else:
    pd = lazy("pandas")
    mpl_figure = lazy("matplotlib.figure")

LINES: dict[Direction, Literal["-", "--"]] = {"sufficient": "-", "necessary": "--"}


@dataclass(frozen=True)
class Curves:
    """One model's circuit, to be drawn in one colour."""

    label: str
    colour: str
    circuit: Circuit


@figures.register
class CircuitCurves(Figure):
    """Explained share against edges (or heads) kept, in both directions, on a logarithmic axis; other orders dotted."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("attention_edges", "circuit_nodes")}
    always: ClassVar[bool] = True
    kind: Literal["circuit_curves"] = "circuit_curves"

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from an attention_edges or circuit_nodes probe."""
        label = self.label(tables)
        circuit = circuit_of(tables, label)
        figure, data = drawn([Curves("", style.BLUE, circuit)])
        others, held_against = [], _controls(figure.axes[0], circuit)
        for order, both in circuit.orders.items():
            if order == circuit.order:
                continue
            for direction in LINES:
                curve = frame(both.of(direction).curve)
                n = both.of(direction).needed[f"{circuit.explained:g}"]
                if direction == "sufficient":
                    words = f"{order}, sufficient: {'never' if n is None else fixed(n, 0)}"
                    figure.axes[0].plot(curve["n"], curve["share"], color=style.ORANGE, linewidth=0.8, label=words)
                others.append(curve.assign(model="", order=order, direction=direction))
        _legend(figure, circuit)
        caption = f"{explained(circuit)} Order: {circuit.order}.{held_against} {basis_text(tables, label)}"
        rows = pd.concat([data.assign(order=circuit.order), *others], ignore_index=True)
        shown = rows[(rows["order"] == circuit.order) | (rows["direction"] == "sufficient")]
        return Drawn(figure, rows, title_of(circuit), self.caption or caption, curve_marks(figure, shown))


def drawn(models: Sequence[Curves], times: bool = False) -> tuple[mpl_figure.Figure, pd.DataFrame]:
    """Both directions of every model, and the target; `times`: how many times fewer the last one needs than the first."""
    figure = new_figure(style.COLUMN, 2.4 + 0.14 * (2 * len(models) + 1))
    axes = figure.add_subplot()
    pieces = []
    for model in models:
        target = f"{model.circuit.explained:g}"
        for direction, line in LINES.items():
            curve = frame(model.circuit.curves.of(direction))
            count = model.circuit.needed.of(direction)[target]
            words = f"{model.label}, {direction}" if model.label else direction
            if direction == "sufficient":
                axes.fill_between(curve["n"], curve["low"], curve["high"], color=model.colour, alpha=0.2, linewidth=0)
            legend = f"{words}: {needed(count.n, count.low, count.high)}"
            axes.plot(curve["n"], curve["share"], color=model.colour, linestyle=line, linewidth=1.0, label=legend)
            pieces.append(curve.assign(model=model.label, direction=direction))
    circuit = models[0].circuit
    axes.axhline(circuit.explained, color=style.RED, linewidth=0.8, linestyle=":")
    axes.axhline(0, color=style.GREY, linewidth=0.5)
    last = max(float(piece["n"].iloc[-1]) for piece in pieces)
    axes.set_xscale("symlog", linthresh=1, linscale=0.3)
    ticks = [tick for tick in (0, 1, 10, 100, 1000, 10000) if tick < last / 8] + [int(last)]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel=f"{noun(circuit)} (best first)", ylabel=f"share of all {noun(circuit)}' effect", xlim=(0, last))
    if times:
        _times(axes, models[0].circuit, models[-1].circuit)
    if len(models) > 1:
        _legend(figure, circuit)
    return figure, pd.concat(pieces, ignore_index=True)


def curve_marks(figure: mpl_figure.Figure, rows: pd.DataFrame) -> list[Marks]:
    """The points of the curves of `drawn`."""
    return [Marks(figure.axes[0], rows, "n", "share")]


def _controls(axes: Any, circuit: Circuit) -> str:
    """Random sets as a cross and arbitrary answers as a hatched band; what the caption says of them."""
    told, nonsense = "", circuit.nonsense
    random = None if circuit.random is None else circuit.random.sufficient
    if random is not None:
        label = "random sets (95 %), sufficient"
        axes.plot([random.n], [random.high], "x", color=style.GREY, markersize=4, label=label)
        told += f" Cross: what 95 % of {random.sets} random sets of {random.n:,} do not pass, kept alone."
    if nonsense is not None:
        curve = frame(nonsense.curves.sufficient)
        band = {"facecolor": "none", "edgecolor": style.GREY, "hatch": "////", "linewidth": 0.4}
        axes.fill_between(curve["n"], curve["low"], curve["high"], **band, label="arbitrary answers, sufficient")
        told += " Hatched: the same search for arbitrary answers, as a share of the real effect."
    return told


def _times(axes: Any, first: Circuit, last: Circuit) -> None:
    """An arrow at the target from the first model's number to the last one's, and their ratio, as in the source figure."""
    target = f"{first.explained:g}"
    before, after = first.needed.sufficient[target].n, last.needed.sufficient[target].n
    if not before or not after:
        return
    arrow = {"arrowstyle": "->", "color": style.RED, "linewidth": 0.9, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (after, first.explained), (before, first.explained), arrowprops=arrow)
    axes.text(
        1.02,
        first.explained,
        f"{fixed(before / after, 1)}×",
        color=style.RED,
        va="center",
        transform=axes.get_yaxis_transform(),
    )


def _legend(figure: mpl_figure.Figure, circuit: Circuit) -> None:
    axes = figure.axes[0]
    title = f"{noun(circuit)} for {percent(circuit.explained)}"
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.25), ncols=1, title=title)
