"""Curves of all models in one frame: the share by heads kept, and by layer."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes

from interp.analysis.findings import LayerModulationFindings
from interp.analysis.findings_of_heads import HeadFindings
from interp.figures import style
from interp.figures.base import Drawn, frame, new_figure, probe_label
from interp.figures.fit import whole_numbers
from interp.figures.marks import Marks
from interp.results.tables import RunTables
from interp.runs.comparison.figures import basis, coloured, named
from interp.words.numbers import needed
from interp.words.phrases import percent


@dataclass(frozen=True)
class Line:
    """One model's curve: a frame with `share`, `low` and `high`, and its entry in the legend."""

    label: str
    points: pd.DataFrame
    legend: str


def share_curves(arms: dict[str, RunTables]) -> Drawn:
    """What the best n heads carry together, with the heads that each model needs."""
    kind = "key_query_heads"
    searches = {
        label: tables.findings(probe_label(tables, None, (kind,), kind), HeadFindings) for label, tables in arms.items()
    }
    lines = []
    for label, search in searches.items():
        share = search.shares.joint
        count = f"never {percent(search.target)}" if share.n is None else needed(share.n, share.n_low, share.n_high)
        lines.append(Line(label, frame(search.curve), f"{label}: {count}"))
    caption = (
        f"Share of the key→query effect that the best n heads carry together, {named(arms)}; each model's heads in its own "
        f"order. Legend: heads for the target share (dashed), with intervals. {_basis(arms)}"
    )
    target = next(iter(searches.values())).target
    return _drawn(lines, "n", "heads kept (best first)", "share of key→query effect", target, "Heads needed", caption)


def modulation_curves(arms: dict[str, RunTables]) -> Drawn:
    """What the selected heads have carried below each layer."""
    kind = "layer_modulation"
    modulations = {
        label: tables.findings(probe_label(tables, None, (kind,), kind), LayerModulationFindings)
        for label, tables in arms.items()
    }
    layers = {label: tables.run.model.n_layers for label, tables in arms.items()}
    alike = len(set(layers.values())) == 1
    lines = []
    for label, modulation in modulations.items():
        curve = frame(modulation.curve)
        curve["depth"] = curve["layer"] / layers[label]
        lines.append(Line(label, curve, f"{label}: {percent(modulation.final.mean)} at the output"))
    caption = (
        f"Share of the key→query effect that the selected heads have carried in blocks below a layer, {named(arms)}"
        f"{'' if alike else '; 0: before the first block, 1: the output'}. "
        f"{_basis(arms)}"
    )
    target = next(iter(modulations.values())).target
    x, xlabel = ("layer", "layer") if alike else ("depth", "depth (share of the layers)")
    return _drawn(lines, x, xlabel, "share carried below", target, "Modulation by layer", caption)


def _drawn(lines: list[Line], x: str, xlabel: str, ylabel: str, target: float, title: str, caption: str) -> Drawn:
    with mpl.rc_context(style.STYLE):
        figure = new_figure(style.COLUMN, 2.4)
        axes = figure.add_subplot()
        curves = [line.points for line in lines]
        colours = [colour for _, _, colour in coloured(line.label for line in lines)]
        for line, curve, colour in zip(lines, curves, colours, strict=True):
            axes.fill_between(curve[x], curve["low"], curve["high"], color=colour, alpha=0.2, linewidth=0)
            axes.plot(curve[x], curve["share"], color=colour, label=line.legend)
        axes.axhline(target, color=style.RED, linewidth=0.8, linestyle="--")
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        last = max(float(curve[x].iloc[-1]) for curve in curves)
        if x == "n":
            _heads_axis(axes, last)
        elif x == "layer":
            whole_numbers(axes.xaxis)
        axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, last))
        # Above the frame: inside, it would lie on one of the bands or on the line at 0.
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0))
    data = [curve.assign(model=line.label) for line, curve in zip(lines, curves, strict=True)]
    marks = [Marks(axes, rows, x, "share") for rows in data]
    return Drawn(figure, pd.concat(data, ignore_index=True), title, caption, marks)


def _heads_axis(axes: Axes, last: float) -> None:
    axes.set_xscale("symlog", linthresh=10, linscale=1.0)
    ticks = [tick for tick in (0, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if tick < 0.6 * last]
    ticks.append(int(last))
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks], rotation=45 if last > 1000 else 0)
    axes.minorticks_off()


def _basis(arms: dict[str, RunTables]) -> str:
    return basis(next(iter(arms.values())), None)
