"""Density and keys a query: the same two open keys a query in a short text and in a longer one."""

from __future__ import annotations

from matplotlib.axes import Axes

from docsite.drawings.canvas import SMALL, say, sheet
from interp.figures.style import BLUE, GREY

SIDE = 22.0


def density() -> Axes:
    """Two attention maps, queries upwards: as many open keys a query, a smaller share of all edges."""
    axes = sheet(38)
    _map(axes, 8, 8)
    _map(axes, 42, 24)
    return axes


def _map(axes: Axes, left: float, n: int) -> None:
    cell, bottom, n_open = SIDE / n, 9.0, 0
    for query in range(n):
        chosen = {query} if query == 0 else {0 if query % 3 else query - 1, query}
        n_open += len(chosen)
        for key in range(query + 1):
            color = BLUE if key in chosen else "#e9eef5"
            gap = 0.06 * cell
            axes.bar(left + cell * (key + 0.5), cell - gap, cell - gap, bottom + cell * query, color=color)
    edges = n * (n + 1) // 2
    say(axes, left + SIDE / 2, 34.5, f"{n} tokens", weight="bold")
    say(
        axes,
        left + SIDE / 2,
        6.3,
        f"{n_open} of {edges} edges open: density {n_open / edges:.0%}".replace("%", " %"),
        size=SMALL,
    )
    say(axes, left + SIDE / 2, 3.6, f"{n_open / n:.1f} open keys a query", BLUE, SMALL, weight="bold")
    say(axes, left - 2.2, bottom + SIDE / 2, "queries", GREY, SMALL, rotation=90)
    say(axes, left + SIDE / 2 + 5.5, bottom + 1.6, "keys", GREY, SMALL)
