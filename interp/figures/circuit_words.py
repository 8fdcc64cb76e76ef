"""What figures, captions and sentences call a circuit, what its curves are, and what it is held against."""

from __future__ import annotations

from interp.analysis.findings_of_edges import EdgeFindings
from interp.analysis.findings_of_nodes import NodeFindings
from interp.results.tables import RunTables
from interp.words.numbers import bracket, needed
from interp.words.phrases import SOURCES, percent, plural

Circuit = EdgeFindings | NodeFindings


def circuit_of(tables: RunTables, label: str) -> Circuit:
    """What a circuit search found, of edges or of nodes."""
    if tables.kinds[label] == "attention_edges":
        return tables.findings(label, EdgeFindings)
    return tables.findings(label, NodeFindings)


def noun(found: Circuit) -> str:
    """What a circuit is made of."""
    if isinstance(found, EdgeFindings):
        return "edges"
    return "heads" if found.candidates == "heads" else "heads and MLPs"


def title_of(found: Circuit) -> str:
    """The figure's title."""
    return f"How many {noun(found)} the circuit takes"


def explained(found: Circuit) -> str:
    """What the curves are, for a caption."""
    parts = "attention edges" if isinstance(found, EdgeFindings) else noun(found)
    where = "in other wordings" if found.wordings.held_out else "in the same wording"
    return (
        f"Share of what all {found.n_candidates:,} {parts} do to the metric. Solid: the best n keep their own value, all "
        f"others have {SOURCES[found.ablation]} (sufficient). Dashed: what is lost when the best n alone are replaced "
        f"(necessary). Ranked on one half of the word pairs, run on the other, {where}; dotted line: the share whose number "
        "is read off the interpolated curve."
    )


def control_text(found: Circuit) -> str:
    """What random sets and arbitrary answers come to, in one sentence; empty where neither was asked for."""
    parts, random, nonsense = noun(found), found.random, found.nonsense
    said = []
    if random is not None:
        best = [
            f"of {one.n:,} {parts} {does} at most {percent(one.high)} when {how} alone"
            for one, does, how in ((random.sufficient, "explain", "kept"), (random.necessary, "destroy", "replaced"))
            if one is not None
        ]
        sets = next(one.sets for one in (random.sufficient, random.necessary) if one is not None)
        said.append(f"95 % of {plural(sets, 'random set')} {', and '.join(best)}")
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
    return f"Controls: {'; '.join(said)}." if said else ""
