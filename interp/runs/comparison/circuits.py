"""The circuits of all models in one frame: what is kept by the best n edges (or heads), and what is lost without them."""

from __future__ import annotations

import matplotlib as mpl

from interp.analysis.findings_of_comparison import EdgesBothWays, NodesBothWays
from interp.figures import style
from interp.figures.base import Drawn, probe_label
from interp.figures.circuit_curves import Curves, curve_marks, drawn
from interp.figures.circuit_words import circuit_of, control_text, explained, title_of
from interp.results.tables import RunTables
from interp.runs.comparison.figures import basis, coloured, named
from interp.runs.comparison.sentences import claim, contradict

KINDS = ("circuit_nodes", "attention_edges")
RED = " Red: how many times fewer the last model needs than the first (sufficient; its interval stands in the table)."


def circuit_curves(
    arms: dict[str, RunTables], kind: str, compared: EdgesBothWays | NodesBothWays | None = None
) -> Drawn:
    """Both directions of every model, from its `attention_edges` or `circuit_nodes` probe.

    The ratio of the last model to the first is marked where `compared` bears it out.
    """
    clear = compared is not None and bears_out(compared)
    circuits = {label: circuit_of(tables, probe_label(tables, None, (kind,), kind)) for label, tables in arms.items()}
    with mpl.rc_context(style.STYLE):
        figure, data = drawn([Curves(label, colour, circuits[label]) for label, _, colour in coloured(arms)], clear)
    first = next(iter(circuits.values()))
    caption = (
        f"Models: {named(arms)}. {explained(first)}{RED if clear else ''} {basis(next(iter(arms.values())), kind)}"
    )
    return Drawn(figure, data, title_of(first), caption, curve_marks(figure, data))


def bears_out(compared: EdgesBothWays | NodesBothWays) -> bool:
    """Whether a figure may show how many times fewer: interval and every other share agree, and the other direction does not
    say the opposite."""
    return claim(compared.sufficient) is not None and not contradict(compared)


def held_against(arms: dict[str, RunTables]) -> list[str]:
    """What every model's circuits are held against, one sentence each."""
    return [
        f"{label}: {text}"
        for kind in KINDS
        for label, tables in arms.items()
        if kind in tables.kinds.values()
        if (text := control_text(circuit_of(tables, probe_label(tables, None, (kind,), kind))))
    ]
