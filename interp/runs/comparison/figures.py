"""Figures of a comparison: the maps of two models side by side, and the curves of all in one frame."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure as MplFigure

from interp.errors import UserError
from interp.figures import style
from interp.figures.base import Drawn, drawn_texts, new_figure, new_page, probe_label
from interp.figures.fit import whole_numbers, wrap
from interp.figures.fonts import drawable, rc
from interp.figures.maps import attention_weights, draw_map, weights_table
from interp.figures.sentence import focus_window, sentence
from interp.figures.window import Window
from interp.results.tables import RunTables
from interp.words.numbers import needed
from interp.words.phrases import ablation_text, basis_text, percent, plural
from interp.words.visible import visible_token

GREY, BLUE, ORANGE = ("grey", style.GREY), ("blue", style.BLUE), ("orange", style.ORANGE)
GAP, MARGIN = 0.25, 0.3
MOST = 60


def coloured(arms: Iterable[str]) -> list[tuple[str, str, str]]:
    """(label, name of its colour, colour): the first model grey, the last blue, a control between them orange."""
    *others, last = arms
    chosen = (*(GREY, ORANGE)[: len(others)], BLUE)
    return [(label, *colour) for label, colour in zip((*others, last), chosen, strict=True)]


def named(arms: Iterable[str]) -> str:
    """`dense (grey) and sparse (blue)`."""
    *others, last = (f"{label} ({name})" for label, name, _ in coloured(arms))
    return f"{', '.join(others)} and {last}"


def side_by_side(arms: dict[str, RunTables]) -> Drawn:
    """the figure's two panels: for the first and the last model the maps of the heads that each needs, and the sentence below."""
    arms = {label: arms[label] for label in (next(iter(arms)), list(arms)[-1])}
    first = next(iter(arms.values()))
    focus = first.metrics["run"]["focus"]
    columns, side = 5, 0.56
    panels = {label: _panel(tables) for label, tables in arms.items()}
    lines = max(math.ceil(len(maps) / columns) for maps, _ in panels.values())
    width = (style.PAGE - GAP - 2 * MARGIN) / 2
    step = width / columns
    grid = lines * (step + 0.1)
    shown = focus_window(first)
    with mpl.rc_context(rc([text for tables in arms.values() for text in drawn_texts(tables)])):
        row = sentence(first, shown, MARGIN, style.PAGE - 2 * MARGIN)
        height = grid + 0.95 + row.height
        figure, page = new_page(height)
        top = height - 0.62
        for number, (maps, title) in enumerate(panels.values()):
            left = MARGIN + number * (width + GAP)
            heading = wrap(drawable(title), width, 8, "bold")
            page.text(left, height - 0.08, heading[0], ha="left", va="top", fontsize=8, fontweight="bold")
            _grid(figure, page, maps, shown, left, top, step, side, columns, focus, height)
        red = f"All heads map key pos {focus['key']} to query pos {focus['query']}"
        page.text(
            style.PAGE / 2, height - 0.28, red, ha="center", va="top", color=style.RED, fontsize=8, fontweight="bold"
        )
        row.draw(page)
    names = " and ".join(tables.metrics["run"]["model"]["name"] for tables in arms.values())
    found = first.metrics["probes"][probe_label(first, None, ("key_query_heads",), "side_by_side")]
    caption = (
        f"Attention maps on {visible_token(focus['clean'])} of the heads that carry {percent(found['target'])} of what key "
        f"position {focus['key']} does to the answer at query position {focus['query']} ({found['definition']} share), in order of "
        f"importance, in {names}. Up: queries; across: keys; blue: weight, the darker, the larger; red: the key→query cell."
        f"{shown.words} "
        f"Importance: size of the mean effect of the key→query edge. {basis(first, None)}"
    )
    data = pd.concat(
        [weights_table(maps, shown).assign(model=label) for label, (maps, _) in panels.items()], ignore_index=True
    )
    return Drawn(figure, data, "Dense and sparse side by side" if "sparse" in arms else "Side by side", caption)


def _panel(tables: RunTables) -> tuple[dict[str, Any], str]:
    """The maps of the heads that a model needs, and the panel's title."""
    label = probe_label(tables, None, ("key_query_heads",), "side_by_side")
    source = probe_label(tables, None, ("attention_pattern",), "side_by_side")
    found, name = tables.metrics["probes"][label], tables.metrics["run"]["model"]["name"]
    share = found["shares"][found["definition"]]
    heads = share["heads"] or found["ranking"]
    counted = plural(len(heads), "head") if share["n"] is not None else f"no set reaches {percent(found['target'])}"
    more = f" (first {MOST} shown)" if len(heads) > MOST else ""
    return attention_weights(tables, source, heads[:MOST]), f"{name}: {counted}{more}"


def _grid(
    figure: MplFigure,
    page: Any,
    maps: dict[str, Any],
    shown: Window,
    left: float,
    top: float,
    step: float,
    side: float,
    columns: int,
    focus: dict[str, Any],
    height: float,
) -> None:
    for number, (name, weights) in enumerate(maps.items()):
        line, column = divmod(number, columns)
        x, y = left + column * step, top - line * (step + 0.1) - side
        axes = figure.add_axes((x / style.PAGE, y / height, side / style.PAGE, side / height))
        draw_map(axes, weights, shown, focus["key"], focus["query"])
        page.text(x + side / 2, y + side + 0.02, name, ha="center", va="bottom", fontsize=6.5)
    line = (len(maps) - 1) // columns
    y = top - line * (step + 0.1) - side - 0.05
    arrow = {"arrowstyle": "-|>", "color": "black", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
    page.annotate("", (left + 0.6 * side, y), (left, y), arrowprops=arrow)
    page.text(left + 0.66 * side, y, "K", ha="left", va="center", fontsize=7)
    page.annotate("", (left - 0.05, y + 0.05 + 0.7 * side), (left - 0.05, y + 0.05), arrowprops=arrow)
    page.text(left - 0.05, y + 0.05 + 0.74 * side, "Q", ha="center", va="bottom", fontsize=7)


def curves(arms: dict[str, RunTables], kind: str, x: str, xlabel: str, ylabel: str, title: str, caption: str) -> Drawn:
    """The curve of one kind of probe for every model, each with its band and its target line."""
    with mpl.rc_context(style.STYLE):
        figure = new_figure(style.COLUMN, 2.4)
        axes = figure.add_subplot()
        tables_ = []
        for label, _, colour in coloured(arms):
            tables = arms[label]
            found = tables.metrics["probes"][probe_label(tables, None, (kind,), kind)]
            curve = pd.DataFrame(found["curve"]).astype(float)
            axes.fill_between(curve[x], curve["low"], curve["high"], color=colour, alpha=0.2, linewidth=0)
            axes.plot(curve[x], curve["share"], color=colour, label=_legend(label, found, x))
            tables_.append(curve.assign(model=label))
        if not tables_:
            raise UserError(f"a comparison of {kind} needs that probe in both runs")
        axes.axhline(found["target"], color=style.RED, linewidth=0.8, linestyle="--")
        axes.axhline(0, color=style.GREY, linewidth=0.5)
        last = float(curve[x].iloc[-1])
        if x == "n":
            axes.set_xscale("symlog", linthresh=10, linscale=1.0)
            ticks = [tick for tick in (0, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000) if tick < 0.6 * last]
            ticks.append(int(last))
            axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks], rotation=45 if last > 1000 else 0)
            axes.minorticks_off()
        else:
            whole_numbers(axes.xaxis)
        axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, last))
        # Above the frame: inside, it would lie on one of the bands or on the line at 0.
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0))
    return Drawn(figure, pd.concat(tables_, ignore_index=True), title, caption)


def basis(first: RunTables, kind: str | None) -> str:
    """What the models' numbers rest on; `kind` is that of a probe that measured on prompts of its own."""
    label = None if kind is None else probe_label(first, None, (kind,), kind)
    words = basis_text(first, label).replace(f"model: {first.metrics['run']['model']['name']}; ", "")
    cut = ablation_text(first.metrics["probes"][probe_label(first, None, (kind or "key_query_heads",), "caption")])
    return f"An edge that is not kept is {cut}. {words} The same prompts for all models."


def _legend(label: str, found: dict[str, Any], x: str) -> str:
    if x != "n":
        return f"{label}: {percent(found['final']['mean'])} at the output"
    share = found["shares"]["joint"]
    if share["n"] is None:
        return f"{label}: never {percent(found['target'])}"
    return f"{label}: {needed(share['n'], share['n_low'], share['n_high'])}"
