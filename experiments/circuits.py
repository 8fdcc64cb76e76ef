"""Sentences about circuits: how many edges, or heads, are enough for a share of the whole, and how many are needed for it."""

from __future__ import annotations

from interp.analysis.findings_of_edges import EdgeFindings
from interp.figures.circuit_curves import Circuit, circuit_of, noun
from interp.results.tables import RunTables
from interp.words.numbers import bracket, needed
from interp.words.phrases import percent, plural

KINDS = ("attention_edges", "circuit_nodes")


def circuit_sentences(tables: RunTables) -> list[str]:
    """What every circuit search of a run concludes, and what it is held against."""
    return [one for label, kind in tables.kinds.items() if kind in KINDS for one in told_of(tables, label)]


def told_of(tables: RunTables, label: str) -> list[str]:
    """Those of one search."""
    found = circuit_of(tables, label)
    return [_sentence(found), *_controls(found)]


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


def _controls(found: Circuit) -> list[str]:
    """What random sets and arbitrary answers come to; nothing where neither was asked for."""
    parts, random, nonsense = noun(found), found.random, found.nonsense
    said = []
    if random is not None:
        kept, gone = random.shares.sufficient.largest, random.shares.necessary.largest
        said.append(
            f"the best of {plural(random.sets, 'random set')} of {random.n:,} {parts} explains {percent(kept)} when kept alone and "
            f"destroys {percent(gone)} when replaced alone"
        )
    if nonsense is not None:
        arbitrary = "the same search for arbitrary answers (a random pairing)"
        enough = found.needed.sufficient[f"{found.explained:g}"].n
        # The next number of candidates that was run, or all of them where no set is enough.
        curve = nonsense.curves.sufficient
        at = next(point for point in curve if point.n >= (curve[-1].n if enough is None else enough))
        size = at.n
        moved = f"{percent(at.share)}{bracket(at.low, at.high, percent)} of the real effect"
        if nonsense.needed is None:
            said.append(
                f"{arbitrary} finds {size:,} {parts} that move {moved}, where all {parts} together have no effect to share out"
            )
        else:
            own, target = nonsense.needed.sufficient, percent(found.explained)
            needs = (
                f"no set reaches {target}" if own.n is None else f"{needed(own.n, own.low, own.high)} explain {target}"
            )
            said.append(
                f"{arbitrary} finds {size:,} {parts} that move {moved}; of the effect that all {parts} have there, "
                f"{percent(nonsense.of_real.share)} of the real one, {needs}"
            )
    return [f"Controls: {'; '.join(said)}."] if said else []
