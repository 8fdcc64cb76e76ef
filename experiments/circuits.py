"""Sentences about circuits: how many edges, or heads, are enough for a share of the whole, and how many are needed for it."""

from __future__ import annotations

from interp.analysis.findings_of_edges import EdgeFindings
from interp.figures.circuit_words import Circuit, circuit_of, control_text, flat_texts, noun
from interp.results.tables import RunTables
from interp.words.numbers import needed
from interp.words.phrases import percent, plural

KINDS = ("attention_edges", "circuit_nodes")


def circuit_sentences(tables: RunTables) -> list[str]:
    """What every circuit search of a run concludes, and what it is held against."""
    return [one for label, kind in tables.kinds.items() if kind in KINDS for one in told_of(tables, label)]


def told_of(tables: RunTables, label: str) -> list[str]:
    """Those of one search."""
    found = circuit_of(tables, label)
    return [one for one in (_sentence(found), control_text(found)) if one]


def circuit_caveats(tables: RunTables) -> list[str]:
    """Numbers of every circuit search that are no size of a circuit."""
    return [
        one for label, kind in tables.kinds.items() if kind in KINDS for one in flat_texts(circuit_of(tables, label))
    ]


def _sentence(found: Circuit) -> str:
    target = f"{found.explained:g}"
    enough, needs = found.needed.sufficient[target], found.needed.necessary[target]
    parts = "attention edges" if isinstance(found, EdgeFindings) else f"{noun(found)}, whole and at all positions,"
    many = "no set of the best" if enough.n is None else f"the best {needed(enough.n, enough.low, enough.high)}"
    start = (
        f"Of what all {found.n_candidates:,} {parts} do to the answer, {many} {'reaches' if enough.n is None else 'explain'} "
        f"{percent(found.explained)} when kept alone"
    )
    lost = (
        "; no set of the best destroys as much when replaced alone"
        if needs.n is None
        else f"; replacing the best {needed(needs.n, needs.low, needs.high)} alone destroys as much"
    )
    where = "in other wordings" if found.wordings.held_out else "in the same wording"
    return (
        f"{start}{lost} (ranked on {plural(found.n_ranked, 'prompt')}, measured on {found.n_prompts} of other word pairs, "
        f"{where}; the two directions are two questions, and the number that is meant should be named)."
    )
