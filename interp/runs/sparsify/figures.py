"""Figures of a training run: its curves, the frontier of density against loss, and where the edges are."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns

from interp.figures import style
from interp.figures.base import Drawn, new_figure
from interp.figures.fit import number_ticks
from interp.figures.marks import Marks
from interp.words.phrases import percent

NOISY = 15  # steps that the curve of the noisy training loss is averaged over


def training_curves(log: pd.DataFrame, held_out: str) -> Drawn:
    """Loss with its targets, density, and GECO's multiplier, by step."""
    judged = log.dropna(subset=["density"])
    with mpl.rc_context(style.STYLE):
        figure = new_figure(style.COLUMN, 4.2)
        loss, density, multiplier = figure.subplots(3, 1, sharex=True, height_ratios=(1.3, 1.3, 0.8))
        loss.plot(log["step"], log["loss"], color=style.GREY, linewidth=0.4, alpha=0.5)
        loss.plot(
            log["step"],
            log["loss"].rolling(NOISY, min_periods=1).mean(),
            color=style.GREY,
            label="training, noisy gate",
        )
        loss.plot(
            judged["step"], judged["held_out_loss"], color=style.BLUE, marker="o", markersize=2.5, label="held out"
        )
        for _, stage in log.groupby("stage"):
            loss.plot(stage["step"], stage["target"], color=style.RED, linewidth=0.8, linestyle="--")
        loss.plot([], [], color=style.RED, linewidth=0.8, linestyle="--", label="target")
        top = 1.15 * max(np.nanpercentile(log["loss"], 97), log["target"].max())
        loss.set(ylabel="nats above dense", ylim=(min(0.0, 1.1 * judged["held_out_loss"].min()), top))
        loss.legend(loc="upper right", ncols=1)
        density.plot(log["step"], 100 * log["expected_density"], color=style.GREY, label="expected (training)")
        density.plot(
            judged["step"],
            100 * judged["density"],
            color=style.BLUE,
            marker="o",
            markersize=2.5,
            label="open (held out)",
        )
        density.set_yscale("log")
        percent_ticks(density.yaxis, 100 * np.concatenate([log["expected_density"], judged["density"]]))
        density.set(ylabel="causal edges, %")
        density.legend(loc="upper right")
        multiplier.plot(log["step"], log["multiplier"], color=style.GREEN)
        multiplier.set_yscale("log")
        multiplier.yaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        multiplier.yaxis.set_minor_formatter(mpl.ticker.NullFormatter())
        multiplier.set(ylabel="multiplier", xlabel="step", xlim=(0, log["step"].max()))
        for axes in (loss, density, multiplier):
            for first in log.groupby("stage")["step"].min().iloc[1:]:
                axes.axvline(first - 0.5, color=style.GREY, linewidth=0.5, linestyle=":")
    caption = (
        f"Training: loss above the dense model's on the same tokens (grey: with the noisy gate, mean over {NOISY} steps; "
        f"blue: the exact gate on {held_out}), share of causal edges (expected under the noise; open under the exact "
        "gate), and the multiplier of the density. Dashed red: the targets; dotted: where a stage begins."
    )
    open_share, expected = 100 * judged["density"], 100 * log["expected_density"]
    marks = [
        Marks(loss, judged[["step", "held_out_loss", "target"]], "step", "held_out_loss"),
        Marks(density, judged[["step", "density"]], "step", open_share),
        Marks(density, log[["step", "expected_density"]], "step", expected),
        Marks(multiplier, log[["step", "multiplier"]], "step", "multiplier"),
    ]
    return Drawn(figure, log, "Training curves", caption, marks)


def frontier(stages: pd.DataFrame, baseline: pd.DataFrame, log: pd.DataFrame, held_out: str) -> Drawn:
    """Density against loss: every stage's checkpoint, and the gate without training."""
    with mpl.rc_context(style.STYLE):
        figure = new_figure(style.COLUMN, 2.7)
        axes = figure.add_subplot()
        untrained = baseline.sort_values("density")
        for kind, colour, marker in (("score", style.GREY, "s"), ("weight", style.GREEN, "^")):
            mine = untrained[untrained["gate"] == kind]
            if mine.empty:
                continue
            axes.plot(
                100 * mine["density"],
                mine["above_dense"],
                color=colour,
                marker=marker,
                markersize=3,
                label=f"{kind} gate, no training",
            )
            for _, row in mine.iterrows():
                axes.annotate(
                    f"{row['bias']:+g}",
                    (100 * row["density"], row["above_dense"]),
                    (3, 3),
                    textcoords="offset points",
                    fontsize=6,
                    color=colour,
                )
        judged = log.dropna(subset=["density"])
        axes.plot(
            100 * judged["density"],
            judged["held_out_loss"],
            color=style.BLUE,
            linewidth=0.5,
            alpha=0.5,
            marker=".",
            markersize=2.5,
            label="on the way",
        )
        errors = [stages["above_dense"] - stages["above_low"], stages["above_high"] - stages["above_dense"]]
        axes.errorbar(
            100 * stages["density"],
            stages["above_dense"],
            yerr=errors,
            color=style.BLUE,
            marker="o",
            markersize=4,
            linestyle="none",
            elinewidth=1,
            capsize=2,
            label="trained, end of a stage",
        )
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        axes.set_xscale("log")
        shares = 100 * np.concatenate([stages["density"], untrained["density"], judged["density"]])
        percent_ticks(axes.xaxis, shares)
        shown = np.concatenate(
            [stages["above_high"], judged["held_out_loss"], untrained["above_dense"][untrained["density"] > 0.25]]
        )
        axes.set(
            xlabel="open causal edges, %",
            ylabel="loss above dense, nats a token",
            ylim=(min(0.0, float(np.nanmin(shown))) - 0.02, 1.25 * float(np.nanmax(shown)) + 0.02),
        )
        keys = stages["keys_a_query"].iloc[-1] / stages["density"].iloc[-1] / 100 if stages["density"].iloc[-1] else 1.0
        above = axes.secondary_xaxis(
            "top", functions=(lambda share: np.asarray(share) * keys, lambda count: np.asarray(count) / keys)
        )
        above.set_xlabel("open keys a query")
        _inside(above.xaxis, keys * np.array(axes.get_xlim()))
        figure.legend(loc="outside upper center", ncols=1)
    caption = (
        "Share of open causal edges (above: open edges of a head, a query) against the loss above the dense model's on "
        f"{held_out} (lower left is better). Blue: "
        "checkpoints at the ends of stages with 95 % intervals over sequences, and evaluations on the way; grey and green: the "
        "dense weights under either gate alone, labelled with its bias (points above the axis are cut off)."
    )
    data = pd.concat([stages.assign(model="trained"), baseline.assign(model="gate alone")], ignore_index=True)
    way = judged[["step", "density", "held_out_loss"]]
    marks = [
        Marks(axes, data, 100 * data["density"], "above_dense"),
        Marks(axes, way, 100 * way["density"], "held_out_loss"),
    ]
    return Drawn(figure, data, "Density against loss", caption, marks)


def head_densities(heads: pd.DataFrame, stage: int, held_out: str) -> Drawn:
    """Open edges of every head after the last stage."""
    last = heads[heads["stage"] == stage]
    grid = 100 * last.pivot_table(index="layer", columns="head", values="density")
    with mpl.rc_context(style.STYLE):
        height = min(max(2.0, 0.8 + 0.115 * len(grid)), style.TALL)
        figure = new_figure(style.COLUMN, height)
        axes = figure.add_subplot()
        sns.heatmap(
            grid,
            ax=axes,
            cmap="Blues",
            vmin=0,
            cbar_kws={"label": "open causal edges, %"},
            linewidths=0.3,
            linecolor="white",
        )
        axes.invert_yaxis()
        axes.set(xlabel="head", ylabel="layer")
        number_ticks(axes.yaxis, len(grid), height - 0.8)
        number_ticks(axes.xaxis, len(grid.columns), style.COLUMN - 1.2)
        axes.tick_params(length=0, labelrotation=0)
    places = {"head": grid.columns, "layer": grid.index}
    shut = float((last["density"] < 0.001).mean())
    caption = (
        f"Share of the causal edges that are open in every head on {held_out} after stage {stage}; {percent(shut)} of the "
        "heads keep fewer than one edge in a thousand."
    )
    across, up = (last[end].map({number: at + 0.5 for at, number in enumerate(index)}) for end, index in places.items())
    return Drawn(figure, last, "Where the open edges are", caption, [Marks(axes, last, across, up, cell=True)])


def _inside(axis: mpl.axis.Axis, ends: np.ndarray) -> None:
    """Ticks at 1, 2 and 5 of every power of ten between two ends of a logarithmic axis."""
    ticks = [digit * 10.0**power for power in range(-4, 5) for digit in (1, 2, 5)]
    ticks = [tick for tick in ticks if ends[0] * 1.02 <= tick <= ends[1] / 1.02]
    axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_minor_locator(mpl.ticker.NullLocator())


def percent_ticks(axis: mpl.axis.Axis, values: np.ndarray) -> None:
    """Ticks of a logarithmic axis of percentages, as far as there are values."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 50, 100) if 0.8 * low <= tick <= 1.25 * high]
    axis.set_ticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.set_minor_locator(mpl.ticker.NullLocator())
