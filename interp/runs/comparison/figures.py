"""Figures of a comparison: the maps of two models side by side, and the curves of all in one frame."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as MplFigure

from interp.analysis.findings_of_heads import HeadFindings
from interp.analysis.findings_of_run import FocusFound
from interp.figures import style
from interp.figures.base import Drawn, drawn_texts, new_page, probe_label
from interp.figures.fit import wrap
from interp.figures.fonts import drawable, rc
from interp.figures.maps import Weights, absent_words, attention_weights, draw_map, map_marks, weights_table
from interp.figures.sentence import focus_tokens, focus_window, sentence
from interp.figures.window import Window
from interp.results.tables import RunTables
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
    focus = first.run.focus
    alike = len({tuple(focus_tokens(tables)) for tables in arms.values()}) == 1
    columns, side = 5, 0.56
    panels = {label: _panel(tables) for label, tables in arms.items()}
    lines = max(math.ceil(len(maps) / columns) for maps, _ in panels.values())
    width = (style.PAGE - GAP - 2 * MARGIN) / 2
    step = width / columns
    grid = lines * (step + 0.1)
    windows = {label: focus_window(tables) for label, tables in arms.items()}
    shown = windows[next(iter(arms))]
    with mpl.rc_context(rc([text for tables in arms.values() for text in drawn_texts(tables)])):
        row = sentence(first, shown, MARGIN, style.PAGE - 2 * MARGIN)
        height = grid + 0.76 + row.height
        figure, page = new_page(height)
        top, marks = height - 0.62, []
        for number, (label, (maps, title)) in enumerate(panels.items()):
            left = MARGIN + number * (width + GAP)
            heading = wrap(drawable(title), width, 8, "bold")
            page.text(left, height - 0.08, heading[0], ha="left", va="top", fontsize=8, fontweight="bold")
            here = windows[label]
            drawn = _grid(figure, page, maps, here, left, top, step, side, columns, arms[label].run.focus, height)
            marks += [map_marks(arms[label], axes, name, maps[name], here) for name, axes in drawn.items()]
        places = dict.fromkeys((tables.run.focus.key, tables.run.focus.query) for tables in arms.values())
        red = "All heads map " + ", ".join(f"key pos {key} to query pos {query}" for key, query in places)
        page.text(
            style.PAGE / 2, height - 0.28, red, ha="center", va="top", color=style.RED, fontsize=8, fontweight="bold"
        )
        row.draw(page)
    names = " and ".join(tables.run.model.name for tables in arms.values())
    search = first.findings(probe_label(first, None, ("key_query_heads",), "side_by_side"), HeadFindings)
    hatched = [absent_words(maps.values(), windows[label]) for label, (maps, _) in panels.items()]
    caption = (
        f"Attention maps on {visible_token(focus.clean)} of the heads that carry {percent(search.target)} of what key "
        f"position {focus.key} does to the answer at query position {focus.query} ({search.definition} share), in order of "
        f"importance, in {names}. Up: queries; across: keys; blue: weight, the darker, the larger; red: the key→query cell."
        f"{shown.words}{''.join(dict.fromkeys(hatched))} "
        f"{'' if alike else f'The prompt below is as {first.run.model.name} reads it; the other model has other tokens. '}"
        f"Importance: size of the mean effect of the key→query edge. {basis(first, None)}"
    )
    data = pd.concat(
        [weights_table(maps, windows[label]).assign(model=label) for label, (maps, _) in panels.items()],
        ignore_index=True,
    )
    title = "Dense and sparse side by side" if "sparse" in arms else "Side by side"
    return Drawn(figure, data, title, caption, marks)


def _panel(tables: RunTables) -> tuple[dict[str, Weights], str]:
    """The maps of the heads that a model needs, and the panel's title."""
    label = probe_label(tables, None, ("key_query_heads",), "side_by_side")
    source = probe_label(tables, None, ("attention_pattern",), "side_by_side")
    search, name = tables.findings(label, HeadFindings), tables.run.model.name
    share = search.share
    heads = share.heads or search.ranking
    counted = plural(len(heads), "head") if share.n is not None else f"no set reaches {percent(search.target)}"
    more = f" (first {MOST} shown)" if len(heads) > MOST else ""
    return attention_weights(tables, source, heads[:MOST]), f"{name}: {counted}{more}"


def _grid(
    figure: MplFigure,
    page: Any,
    maps: dict[str, Weights],
    shown: Window,
    left: float,
    top: float,
    step: float,
    side: float,
    columns: int,
    focus: FocusFound,
    height: float,
) -> dict[str, Axes]:
    """Draw the maps of one model; the axes of each, by its head."""
    drawn = {}
    for number, (name, weights) in enumerate(maps.items()):
        line, column = divmod(number, columns)
        x, y = left + column * step, top - line * (step + 0.1) - side
        axes = figure.add_axes((x / style.PAGE, y / height, side / style.PAGE, side / height))
        draw_map(axes, weights, shown, focus.key, focus.query)
        drawn[name] = axes
        page.text(x + side / 2, y + side + 0.02, name, ha="center", va="bottom", fontsize=6.5)
    line = (len(maps) - 1) // columns
    y = top - line * (step + 0.1) - side - 0.05
    arrow = {"arrowstyle": "-|>", "color": "black", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 6}
    page.annotate("", (left + 0.6 * side, y), (left, y), arrowprops=arrow)
    page.text(left + 0.66 * side, y, "K", ha="left", va="center", fontsize=7)
    page.annotate("", (left - 0.05, y + 0.05 + 0.7 * side), (left - 0.05, y + 0.05), arrowprops=arrow)
    page.text(left - 0.05, y + 0.05 + 0.74 * side, "Q", ha="center", va="bottom", fontsize=7)
    return drawn


def basis(first: RunTables, kind: str | None) -> str:
    """What the models' numbers rest on; `kind` is that of a probe that measured on prompts of its own."""
    label = None if kind is None else probe_label(first, None, (kind,), kind)
    words = basis_text(first, label).replace(f"model: {first.run.model.name}; ", "")
    search = probe_label(first, None, (kind or "key_query_heads",), "caption")
    cut = ablation_text(first.ablation(search) or "corrupted")
    return f"An edge that is not kept is {cut}. {words} The same prompts for all models."
