"""The tables as figures in the project's style, at column width."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from benchmarks.workloads import SWEEPS, TITLES
from interp.figures import style
from interp.figures.base import METADATA, new_figure
from interp.results import atomic

COLOURS = {"TransformerLens": style.BLUE, "nnsight": style.GREEN, "pyvene": style.ORANGE}
MODELS = {
    "gpt2": ("o", "-", "GPT-2's shape"),
    "smollm2": ("s", "--", "SmolLM2-135M"),
    "llama": ("^", "--", "1.4 billion"),
}
PLAIN = FuncFormatter(lambda value, _: f"{value:g}")


def draw(folder: Path, tables: dict[str, pd.DataFrame]) -> None:
    """ratios and scaling, each as png and svg."""
    with mpl.rc_context(style.STYLE):
        if len(tables["results"]):
            _save(ratios(tables["results"]), folder, "ratios")
        if len(tables["scaling"]):
            _save(scaling(tables["scaling"]), folder, "scaling")


def ratios(results: pd.DataFrame) -> Figure:
    """How many times as long each library takes, by number of prompts: a panel a sweep, 8 tokens, no shared prefix."""
    plain = results[(results["length"] == 8) & (results["prefix"] == 0)]
    sweeps = [sweep for sweep in SWEEPS if sweep in set(plain["sweep"])]
    libraries = {who: colour for who, colour in COLOURS.items() if who in set(plain["contestant"])}
    models = {model: marks for model, marks in MODELS.items() if model in set(plain["model"])}
    n_rows = -(-len(sweeps) // 2)
    figure = new_figure(style.COLUMN, 0.6 + 1.45 * n_rows)
    grid = figure.subplots(n_rows, 2, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(sweeps) :]:
        axes.set_visible(False)
    for axes, sweep in zip(grid.flat, sweeps, strict=False):
        axes.axhline(1, color=style.GREY, linewidth=0.6)
        for who, colour in libraries.items():
            for model, (marker, line, _) in models.items():
                chosen = (plain["sweep"] == sweep) & (plain["contestant"] == who) & (plain["model"] == model)
                found = plain[chosen].sort_values("n_prompts")
                if len(found):
                    spread = [found["ratio"] - found["ratio_min"], found["ratio_max"] - found["ratio"]]
                    axes.errorbar(
                        found["n_prompts"],
                        found["ratio"],
                        # A ratio of medians may lie outside the ratios of the rounds.
                        yerr=[side.clip(lower=0) for side in spread],
                        color=colour,
                        marker=marker,
                        linestyle=line,
                        markersize=3,
                        linewidth=1,
                        elinewidth=0.6,
                    )
        axes.set_title(TITLES[sweep])
        _log_axes(axes, sorted(plain["n_prompts"].unique()), both=True)
    for axes in grid[:, 0]:
        axes.set_ylabel("time ÷ our engine's")
    for axes in grid[-1]:
        axes.set_xlabel("prompts of 8 tokens")
    whose = [mpl.lines.Line2D([], [], color=colour, label=who) for who, colour in libraries.items()]
    which = [
        mpl.lines.Line2D([], [], color=style.GREY, marker=marker, linestyle=line, markersize=3, label=label)
        for marker, line, label in models.values()
    ]
    # The legend fills columns first: libraries above, models below.
    both = min(len(whose), len(which))
    handles = [handle for pair in zip(whose, which, strict=False) for handle in pair] + whose[both:] + which[both:]
    figure.legend(handles=handles, loc="outside lower center", ncols=3)
    return figure


def scaling(results: pd.DataFrame) -> Figure:
    """Our seconds by prompts, layers and tokens, and the arithmetic floor under them."""
    figure = new_figure(style.COLUMN, 2.3)
    panels = {"n_prompts": "prompts", "n_layers": "layers", "length": "tokens"}
    rest = {"n_prompts": 1, "n_layers": 12, "length": 8}
    colours = dict(zip(SWEEPS, (style.BLUE, style.GREEN, style.PURPLE, style.ORANGE), strict=True))
    grid = figure.subplots(1, 3, sharey=True)
    for axes, (column, label) in zip(grid, panels.items(), strict=True):
        others = [(results[name] == value) for name, value in rest.items() if name != column]
        chosen = results[others[0] & others[1]].sort_values(column)
        for sweep, found in chosen.groupby("sweep"):
            axes.plot(found[column], found["seconds_median"], "o-", color=colours[sweep], markersize=3)
            axes.plot(found[column], found["floor_s"], ":", color=colours[sweep])
        axes.set_xlabel(label)
        _log_axes(axes, sorted(chosen[column].unique()))
    grid[0].set_ylabel("seconds a sweep")
    handles = [
        mpl.lines.Line2D([], [], color=colours[sweep], marker="o", markersize=3, label=TITLES[sweep])
        for sweep in SWEEPS
        if sweep in set(results["sweep"])
    ]
    handles.append(mpl.lines.Line2D([], [], color=style.GREY, linestyle=":", label="arithmetic floor"))
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _log_axes(axes: mpl.axes.Axes, ticks: list[int], both: bool = False) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.yaxis.set_major_formatter(PLAIN)
    axes.yaxis.set_minor_formatter(NullFormatter())
    if both:
        axes.margins(x=0.12)


def _save(figure: Figure, folder: Path, stem: str) -> None:
    for ending in ("png", "svg"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=ending, dpi=300, metadata=METADATA[ending])
        atomic.write_bytes(folder / f"{stem}.{ending}", buffer.getvalue())
