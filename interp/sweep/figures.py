"""Figures of a sweep: effects as a forest plot, heads needed, the grid as a heatmap, ratios to a reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from interp.analysis.findings import MeanFound
from interp.configs.lazy import lazy
from interp.figures import style
from interp.figures.base import Drawn, new_figure
from interp.figures.fit import SPACING, TICK, labelled, short, width
from interp.figures.fonts import drawable, rc
from interp.sweep.cells import Cell, Found
from interp.sweep.summary import TOGETHER, records
from interp.words.numbers import fixed, needed
from interp.words.phrases import plural

if TYPE_CHECKING:
    import matplotlib as mpl
    import pandas as pd
else:
    mpl = lazy("matplotlib")
    pd = lazy("pandas")

COLOURS = (style.GREY, style.BLUE, style.ORANGE, style.GREEN, style.PURPLE, style.RED)
MARKERS = ("o", "s", "^", "v", "D")
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
LABEL = 46
MOST_ROWS = 60
"""Rows of a figure; of a larger sweep the forest shows cells alone, and other figures their first ones."""


def forest(cells: Sequence[Cell], summary: pd.DataFrame) -> Drawn:
    """Every point's effect with its interval; where points repeat each other, the mean of their cell below them."""
    several = any(len(cell.points) > 1 for cell in cells)
    points_too = sum(len(cell.points) + 1 for cell in cells) <= MOST_ROWS
    rows: list[dict[str, Any]] = []
    for cell, (_, found) in zip(cells, summary.iterrows(), strict=True):
        singles = cell.points if points_too or not several else []
        rows += [{"row": _label(one.entry.labels), "together": False, **_ends(one.effect)} for one in singles]
        if several:
            ends = {name: found[f"effect_{name}"] for name in ("mean", "low", "high")}
            rows.append({"row": f"{cell.words}: all {len(cell.points)}", "together": True, **ends})
    rows = rows[:MOST_ROWS]
    unit = cells[0].points[0].run.metric.unit
    with mpl.rc_context(rc([row["row"] for row in rows])):
        figure, axes = _rows_figure([row["row"] for row in rows], [row["together"] for row in rows])
        for place, row in enumerate(rows):
            colour = style.RED if row["together"] else style.BLUE
            if row["low"] is not None and row["high"] is not None:
                axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.6)
            marker = "D" if row["together"] else "o"
            axes.plot(
                row["mean"], place, marker, color=colour, markersize=4.2, markeredgecolor="white", markeredgewidth=0.5
            )
        axes.axvline(0, color="black", linewidth=0.6)
        axes.set_xlabel(f"{_effect_words(cells)} ({unit})")
    caption = (
        f"{_effect_words(cells).capitalize()} of every point with its interval (blue)"
        + (
            ", and of the points that repeat each other together (red diamonds; word pairs drawn over all of them)."
            if several
            else "."
        )
        + ("" if points_too else f" Single points are left out, because there are more than {MOST_ROWS} rows.")
    )
    return Drawn(figure, pd.DataFrame(rows), "Effects", caption)


def heads_needed(cells: Sequence[Cell], colour_axis: str | None) -> Drawn:
    """How many heads every point needs, a row a combination of the other axes, a colour a level of `colour_axis`."""
    levels = list(dict.fromkeys(cell.levels.get(colour_axis or "", "") for cell in cells))
    table: dict[str, list[dict[str, Any]]] = {}
    points = [
        (one.entry.labels, one.heads, one.needed)
        for cell in cells
        for one in cell.points
        if one.heads is not None and one.needed is not None
    ]
    for labels, heads, needs in points:
        rest = {axis: level for axis, level in labels.items() if axis != colour_axis}
        row = {"row": _label(rest) or "all", "level": labels.get(colour_axis or "", "")}
        numbers = {"n": needs.n, "low": needs.n_low, "high": needs.n_high}
        total = {"candidates": heads.n_candidates}
        table.setdefault(row["row"], []).append({**row, **numbers, **total})
    names = list(table)[:MOST_ROWS]
    data = pd.DataFrame([row for name in names for row in table[name]])
    most = max([row for row in data["high"].tolist() + data["n"].tolist() if row == row and row is not None], default=1)
    with mpl.rc_context(rc([*names, *levels])):
        figure, axes = _rows_figure(names, [False] * len(names), len(levels))
        for place, name in enumerate(names):
            for row in table[name]:
                number = levels.index(row["level"])
                colour, marker = _look(number)
                at = place + (number - (len(levels) - 1) / 2) * 0.75 / max(len(levels), 1)
                end = most * 1.15 if row["high"] is None else row["high"]
                if row["low"] is not None:
                    axes.plot([row["low"], end], [at, at], color=colour, linewidth=1.4)
                if row["n"] is None or row["high"] is None:
                    axes.plot(most * 1.15, at, ">", color=colour, markersize=4)
                if row["n"] is not None:
                    axes.plot(
                        row["n"], at, marker, color=colour, markersize=4, markeredgecolor="white", markeredgewidth=0.5
                    )
        for number, level in enumerate(told_apart(levels)):
            colour, marker = _look(number)
            axes.plot([], [], f"{marker}-", color=colour, markersize=4, label=drawable(level))
        if len(levels) > 1:
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
        axes.set_xlim(0, most * 1.2)
        axes.set_xlabel("heads needed")
    _, found, _ = points[0]
    caption = (
        f"Heads needed for {found.target * 100:g} % of the key→query effect ({found.definition} share), on word "
        "pairs that they "
        f"were not chosen from, with intervals; arrows: not reached, or not in some resamples."
        + (f" Colours: {colour_axis}." if colour_axis and len(levels) > 1 else "")
    )
    return Drawn(figure, data, "Heads needed", caption)


def grid(points: Sequence[Found], across: str, down: str) -> Drawn:
    """Heads needed (or the effect) over two axes; cells with several points show their mean."""
    counted = any(one.needed is not None for one in points)
    rows = list(dict.fromkeys(one.entry.labels[down] for one in points if down in one.entry.labels))
    columns = list(dict.fromkeys(one.entry.labels[across] for one in points if across in one.entry.labels))
    values: dict[tuple[str, str], list[float]] = {}
    for one in points:
        if across in one.entry.labels and down in one.entry.labels:
            value = one.n_needed if counted else one.effect.mean
            cell = values.setdefault((one.entry.labels[down], one.entry.labels[across]), [])
            cell += [] if value is None else [float(value)]
    rows, columns = rows[:MOST_ROWS], columns[:30]
    image = np.array([[_mean(values.get((row, column), [])) for column in columns] for row in rows])
    texts = [[fixed(cell, 1).removesuffix(".0") if cell == cell else "—" for cell in line] for line in image]
    with mpl.rc_context(rc([*rows, *columns])):
        tall = min(style.TALL, 1.1 + 0.26 * len(rows) + max(width(one, TICK) for one in told_apart(columns)) * 0.75)
        figure = new_figure(min(style.PAGE, max(style.COLUMN, 1.6 + 0.42 * len(columns))), tall)
        axes = figure.add_subplot()
        # From 0, so that a shade is a size and no small difference fills the whole scale.
        least = min(0.0, float(np.nanmin(image))) if np.isfinite(image).any() else 0.0
        shown = axes.imshow(np.ma.masked_invalid(image), cmap=style.WEIGHTS, aspect="auto", vmin=least)
        axes.set_xticks(
            range(len(columns)),
            [drawable(one) for one in told_apart(columns)],
            rotation=45,
            ha="right",
            rotation_mode="anchor",
        )
        axes.set_yticks(range(len(rows)), [drawable(one) for one in told_apart(rows)])
        axes.set(xlabel=drawable(across), ylabel=drawable(down))
        middle = (least + float(np.nanmax(image))) / 2 if np.isfinite(image).any() else 0.0
        if len(columns) <= 12 and len(rows) <= 30:
            for place, line in enumerate(texts):
                for column, text in enumerate(line):
                    dark = image[place, column] > middle
                    axes.text(
                        column, place, text, ha="center", va="center", color="white" if dark else "black", fontsize=6.5
                    )
        what = "heads needed" if counted else "effect"
        figure.colorbar(shown, ax=axes, label=what)
    data = pd.DataFrame(
        [
            {down: row, across: column, "value": image[place, number], "points": len(values.get((row, column), []))}
            for place, row in enumerate(rows)
            for number, column in enumerate(columns)
        ]
    )
    caption = f"Mean {what} over {down} and {across}. A dash: no finished point, or no point that reaches the target."
    return Drawn(figure, data, f"The grid: {down} by {across}", caption)


def ratios(table: pd.DataFrame, axis: str, reference: str) -> Drawn:
    """Ratios of heads needed, a row a combination, on a logarithmic axis."""
    shown = table.dropna(subset=["ratio"]).head(MOST_ROWS)
    names = [f"{row['level']}: {row['combination']}" for row in records(shown)]
    together = [row["combination"] == TOGETHER for row in records(shown)]
    with mpl.rc_context(rc(names)):
        figure, axes = _rows_figure(names, together)
        finite = [value for name in ("ratio", "low", "high") for value in shown[name].dropna().tolist() if value > 0]
        bounds = min([*finite, 1.0]) / 1.2, max([*finite, 1.0]) * 1.2
        for place, row in enumerate(records(shown)):
            colour = style.RED if together[place] else style.BLUE
            low, high = row["low"], row["high"]
            if low is not None or high is not None:
                axes.plot([low or bounds[0], high or bounds[1]], [place, place], color=colour, linewidth=1.6)
            marker = "D" if together[place] else "o"
            axes.plot(
                row["ratio"], place, marker, color=colour, markersize=4.2, markeredgecolor="white", markeredgewidth=0.5
            )
        axes.axvline(1, color="black", linewidth=0.6)
        axes.set_xscale("log")
        near = (0.8, 1.25) if bounds[1] / bounds[0] < 8 else ()  # on a long axis these would touch the 1
        ticks = [one for one in sorted((*TICKS, *near)) if bounds[0] <= one <= bounds[1]]
        axes.set_xticks(ticks, [f"{one:g}" for one in ticks])
        axes.minorticks_off()
        axes.set_xlim(*bounds)
        axes.set_xlabel(drawable(f"heads of {reference if len(reference) <= 16 else 'the reference'} / of the other"))
    caption = (
        f"How many times more heads {axis} {reference} needs than each other level, in every combination of the other axes "
        f"({plural(int((~np.array(together)).sum()), 'combination')}); right of 1: the other level needs fewer. "
        "Intervals: resamples of both "
        "runs, independent of each other; red diamonds: the geometric mean."
    )
    return Drawn(figure, shown, f"Ratios to {reference}", caption)


def needed_words(one: Found) -> str:
    """`8 [7, 9]`; a dash where heads were not searched for."""
    found = one.needed
    return "—" if found is None else needed(found.n, found.n_low, found.n_high)


def told_apart(names: Sequence[str], most: int = 24) -> list[str]:
    """Names of at most so many characters; where their beginnings are alike, their ends: `…instruct-sparse`."""
    cut_at_end = [short(name, most) for name in names]
    if len(set(cut_at_end)) == len(set(names)):
        return cut_at_end
    return [name if len(name) <= most else f"…{name[1 - most :]}" for name in names]


def _look(number: int) -> tuple[str, str]:
    """Colour and marker of a level: when the colours are used up, another marker."""
    return COLOURS[number % len(COLOURS)], MARKERS[number // len(COLOURS) % len(MARKERS)]


def _rows_figure(names: Sequence[str], heavy: Sequence[bool], levels: int = 1) -> tuple[Any, Any]:
    """Axes with a labelled row a name, from above; a row with several levels has a line for each."""
    extra = 0.75 + (0.15 * -(-levels // 2) if levels > 1 else 0.0)
    pitch = min(max(0.2, 0.075 * levels), (style.TALL - extra) / max(len(names), 1))
    figure = new_figure(style.PAGE * 0.8, extra + pitch * max(len(names), 2))
    axes = figure.add_subplot()
    rows = labelled(len(names), pitch, SPACING * TICK / 72)
    axes.set_yticks(rows, [drawable(short(names[row], LABEL)) for row in rows])
    for text, row in zip(axes.get_yticklabels(), rows, strict=True):
        text.set_fontweight("bold" if heavy[row] else "normal")
    axes.set_ylim(max(len(names), 2) - 0.5, -0.5)
    return figure, axes


def _effect_words(cells: Sequence[Cell]) -> str:
    searched = all(one.heads is not None for cell in cells for one in cell.points)
    return "effect of all key→query edges" if searched else "clean minus corrupted metric"


def _label(labels: dict[str, str]) -> str:
    return ", ".join(
        level if not _is_number(level) else f"{axis.rsplit('.', 1)[-1]} {level}" for axis, level in labels.items()
    )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _ends(found: MeanFound) -> dict[str, float | None]:
    return {"mean": found.mean, "low": found.low, "high": found.high}


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan
