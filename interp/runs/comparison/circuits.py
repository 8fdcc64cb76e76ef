"""The circuits of all models in one frame: what is kept by the best n edges (or heads), and what is lost without them."""

from __future__ import annotations

import matplotlib as mpl

from interp.figures import style
from interp.figures.base import Drawn, probe_label
from interp.figures.circuit_curves import Curves, circuit_of, drawn, explained, title_of
from interp.results.tables import RunTables
from interp.runs.comparison.figures import basis, coloured, named


def circuit_curves(arms: dict[str, RunTables], kind: str) -> Drawn:
    """Both directions of every model, from its `attention_edges` or `circuit_nodes` probe."""
    found = {label: circuit_of(tables, probe_label(tables, None, (kind,), kind)) for label, tables in arms.items()}
    with mpl.rc_context(style.STYLE):
        figure, data = drawn([Curves(label, colour, found[label]) for label, _, colour in coloured(arms)])
    first = next(iter(found.values()))
    caption = (
        f"Models: {named(arms)}. {explained(first)} Red: how many times fewer the last model needs than the first "
        f"(sufficient; its interval stands in the table). {basis(next(iter(arms.values())), kind)}"
    )
    return Drawn(figure, data, title_of(first), caption)
