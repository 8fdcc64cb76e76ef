"""Forest plots: a row a run, a panel a quantity, a mark with its interval; levels of one axis by colour and marker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interp.configs.lazy import lazy
from interp.figures import style
from interp.figures.base import Drawn, new_figure
from interp.figures.fit import SPACING, TICK, labelled, short, wrap
from interp.figures.fonts import drawable, rc
from interp.figures.marks import Marks

if TYPE_CHECKING:
    import matplotlib as mpl
    import matplotlib.figure as mpl_figure
    import pandas as pd
else:
    mpl = lazy("matplotlib")
    pd = lazy("pandas")

COLOURS = (style.GREY, style.BLUE, style.ORANGE, style.GREEN, style.PURPLE, style.RED)
MARKERS = ("o", "s", "^", "v", "D")
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
LABEL = 46


@dataclass(frozen=True)
class Mark:
    """A value in a row, with the ends of its interval.

    Neither end: no interval. One end alone: the other lies beyond the axis, where an arrow stands. No value: it is never reached.
    """

    row: int
    value: float | None
    low: float | None = None
    high: float | None = None
    level: int | None = None
    """Which colour; None: blue."""
    together: bool = False
    """Of several rows together: a red diamond."""


@dataclass(frozen=True)
class Panel:
    """A quantity: its axis' label, its marks, where the line stands that they are read against, and the axis' scale."""

    label: str
    marks: Sequence[Mark]
    line: float | None = 0.0
    logarithmic: bool = False
    whole: bool = False
    """The axis begins at 0, and what is never reached stands at its right end."""


def forest(
    names: Sequence[str], panels: Sequence[Panel], heavy: Sequence[bool] = (), levels: Sequence[str] = ()
) -> mpl_figure.Figure:
    """Rows from above, `heavy` ones in bold; a legend where there are several levels."""
    with mpl.rc_context(rc([*names, *levels])):
        figure, axes = _rows_figure(names, heavy or [False] * len(names), max(len(levels), 1), len(panels))
        for place, (panel, ax) in enumerate(zip(panels, axes, strict=True)):
            _draw(ax, panel, max(len(levels), 1))
            inches = figure.get_figwidth() / (1.45 if len(panels) == 1 else 1.6 * len(panels))
            ax.set_xlabel("\n".join(wrap(drawable(panel.label), inches, 7.5)))
            if place:
                ax.tick_params(left=False, labelleft=False)
        if len(levels) > 1:
            marks = [look(number) for number in range(len(levels))]
            lines = [mpl.lines.Line2D([], [], color=colour, marker=marker, markersize=4) for colour, marker in marks]
            named = [drawable(level) for level in told_apart(levels)]
            figure.axes[0].legend(lines, named, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2)
    return figure


def drawn(
    names: Sequence[str],
    panels: Sequence[Panel],
    title: str,
    caption: str,
    heavy: Sequence[bool] = (),
    levels: Sequence[str] = (),
) -> Drawn:
    """A forest plot with its numbers, each where it stands."""
    figure = forest(names, panels, heavy, levels)
    marks = []
    for axes, panel in zip(figure.axes, panels, strict=True):
        if panel.marks:
            rows = numbers(names, [panel], levels)
            marks.append(Marks(axes, rows, "value", [_height(mark, max(len(levels), 1)) for mark in panel.marks]))
    return Drawn(figure, numbers(names, panels, levels), title, caption, marks)


def numbers(names: Sequence[str], panels: Sequence[Panel], levels: Sequence[str] = ()) -> pd.DataFrame:
    """The plotted numbers: row, quantity, level, value and interval."""
    return pd.DataFrame(
        [
            {
                "row": names[mark.row],
                "quantity": panel.label,
                **({"level": levels[mark.level]} if levels and mark.level is not None else {}),
                "together": mark.together,
                "value": mark.value,
                "low": mark.low,
                "high": mark.high,
            }
            for panel in panels
            for mark in panel.marks
        ]
    )


def told_apart(names: Sequence[str], most: int = 24) -> list[str]:
    """Names of at most so many characters; where their beginnings are alike, their ends: `…instruct-sparse`."""
    cut_at_end = [short(name, most) for name in names]
    if len(set(cut_at_end)) == len(set(names)):
        return cut_at_end
    return [name if len(name) <= most else f"…{name[1 - most :]}" for name in names]


def look(number: int) -> tuple[str, str]:
    """Colour and marker of a level: when the colours are used up, another marker."""
    return COLOURS[number % len(COLOURS)], MARKERS[number // len(COLOURS) % len(MARKERS)]


def _draw(axes: Any, panel: Panel, levels: int) -> None:
    told = [number for mark in panel.marks for number in (mark.value, mark.low, mark.high) if number is not None]
    if panel.logarithmic:
        told = [number for number in told if number > 0]
    left, right = _bounds(told, panel)
    for mark in panel.marks:
        colour, marker = (style.BLUE, "o") if mark.level is None else look(mark.level)
        if mark.together:
            colour, marker = (style.RED if mark.level is None else colour), "D"
        at = _height(mark, levels)
        edge = {"color": colour, "markersize": 4, "linestyle": "none", "clip_on": False}
        if mark.low is not None or mark.high is not None:
            ends = (left if mark.low is None else max(mark.low, left), right if mark.high is None else mark.high)
            axes.plot(ends, [at, at], color=colour, linewidth=1.5)
            for end, arrow, open_ in ((left, "<", mark.low is None), (right, ">", mark.high is None)):
                if open_:
                    axes.plot(end, at, arrow, **edge)
        elif mark.value is None:
            axes.plot(right, at, ">", **edge)
        if mark.value is not None:
            axes.plot(
                mark.value, at, marker, color=colour, markersize=4.2, markeredgecolor="white", markeredgewidth=0.5
            )
    if panel.line is not None:
        axes.axvline(panel.line, color="black", linewidth=0.6)
    if panel.logarithmic:
        axes.set_xscale("log")
        # On a long axis these would touch the 1.
        near = (0.6, 0.8, 1.25, 1.6) if right / left < 5 else (0.7, 1.4) if right / left < 12 else ()
        ticks = [tick for tick in sorted((*TICKS, *near)) if left <= tick <= right]
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.minorticks_off()
    else:
        axes.xaxis.set_major_locator(mpl.ticker.MaxNLocator(nbins="auto", integer=panel.whole))
    axes.set_xlim(left, right)


def _height(mark: Mark, levels: int) -> float:
    """Where a mark stands, in rows from above: those of several levels below each other."""
    return mark.row + (0 if mark.level is None else (mark.level - (levels - 1) / 2) * 0.75 / levels)


def _bounds(told: Sequence[float], panel: Panel) -> tuple[float, float]:
    """The ends of the axis: a little beyond everything that is told, and the line."""
    least, most = min(told, default=1.0), max(told, default=1.0)
    if panel.logarithmic:
        return min(least, 1.0) / 1.2, max(most, 1.0) * 1.2
    if panel.whole:
        return 0.0, most * 1.2
    if panel.line is not None:
        least, most = min(least, panel.line), max(most, panel.line)
    room = 0.06 * ((most - least) or abs(most) or 1.0)
    return least - room, most + room


def _rows_figure(names: Sequence[str], heavy: Sequence[bool], levels: int, panels: int) -> tuple[Any, list[Any]]:
    """Axes beside each other with a labelled row a name, from above; a row with several levels has a line for each."""
    extra = 0.75 + (0.15 * -(-levels // 2) if levels > 1 else 0.0)
    pitch = min(max(0.2, 0.075 * levels), (style.TALL - extra) / max(len(names), 1))
    figure = new_figure(style.PAGE * (0.8 if panels == 1 else 1.0), extra + pitch * max(len(names), 2))
    axes = list(figure.subplots(1, panels, sharey=True, squeeze=False)[0])
    rows = labelled(len(names), pitch, SPACING * TICK / 72)
    label = LABEL if panels == 1 else 34
    shown = told_apart(names, label)
    axes[0].set_yticks(rows, [drawable(shown[row]) for row in rows])
    for text, row in zip(axes[0].get_yticklabels(), rows, strict=True):
        text.set_fontweight("bold" if heavy[row] else "normal")
    axes[0].set_ylim(max(len(names), 2) - 0.5, -0.5)
    return figure, axes
