"""What figures, captions and sentences call a circuit, what its curves are, and what it is held against."""

from __future__ import annotations

from collections.abc import Iterable

from interp.analysis.circuits import Direction
from interp.analysis.crossings import Needed, flats
from interp.analysis.findings_of_edges import EdgeFindings
from interp.analysis.findings_of_nodes import NodeFindings
from interp.results.tables import RunTables
from interp.words.numbers import bracket, needed
from interp.words.phrases import SOURCES, percent, plural

Circuit = EdgeFindings | NodeFindings
DONE: dict[Direction, str] = {"sufficient": "kept alone", "necessary": "replaced alone"}


def circuit_of(tables: RunTables, label: str) -> Circuit:
    """What a circuit search found, of edges or of nodes."""
    if tables.kinds[label] == "attention_edges":
        return tables.findings(label, EdgeFindings)
    return tables.findings(label, NodeFindings)


def noun(circuit: Circuit) -> str:
    """What a circuit is made of."""
    if isinstance(circuit, EdgeFindings):
        return "edges"
    return "heads" if circuit.candidates == "heads" else "heads and MLPs"


def title_of(circuit: Circuit) -> str:
    """The figure's title."""
    return f"How many {noun(circuit)} the circuit takes"


def explained(circuit: Circuit) -> str:
    """What the curves are, for a caption."""
    parts = "attention edges" if isinstance(circuit, EdgeFindings) else noun(circuit)
    where = "in other wordings" if circuit.wordings.held_out else "in the same wording"
    return (
        f"Share of what all {circuit.n_candidates:,} {parts} do to the metric. Solid: the best n keep their own value, all "
        f"others have {SOURCES[circuit.ablation]} (sufficient). Dashed: what is lost when the best n alone are replaced "
        f"(necessary). Ranked on one half of the word pairs, run on the other, {where}; dotted line: the share whose number "
        "is read off the interpolated curve."
    )


def control_text(circuit: Circuit) -> str:
    """What random sets and arbitrary answers come to, in one sentence; empty where neither was asked for."""
    parts, random, nonsense = noun(circuit), circuit.random, circuit.nonsense
    said = []
    if random is not None:
        best = [
            f"of {drawn.n:,} {parts} {does} at most {percent(drawn.high)} when {how} alone"
            for drawn, does, how in ((random.sufficient, "explain", "kept"), (random.necessary, "destroy", "replaced"))
            if drawn is not None
        ]
        sets = next(drawn.sets for drawn in (random.sufficient, random.necessary) if drawn is not None)
        said.append(f"95 % of {plural(sets, 'random set')} {', and '.join(best)}")
    if nonsense is not None:
        arbitrary = "the same search for arbitrary answers (a random pairing)"
        enough = circuit.needed.sufficient[f"{circuit.explained:g}"].n
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
            own, target = nonsense.needed.sufficient, percent(circuit.explained)
            needs = (
                f"no set reaches {target}" if own.n is None else f"{needed(own.n, own.low, own.high)} explain {target}"
            )
            said.append(
                f"{arbitrary} finds {size:,} {parts} that move {moved}; of the effect that all {parts} have there, "
                f"{percent(nonsense.of_real.share)} of the real one, {needs}"
            )
    return f"Controls: {'; '.join(said)}." if said else ""


def flat_texts(circuit: Circuit) -> list[str]:
    """Where a curve stays just below a share until parts join that its order puts last."""
    return [
        f"{said[0].upper()}{said[1:]}"
        for way in DONE
        for said in flat_words(
            noun(circuit),
            way,
            [(float(share), count.n) for share, count in circuit.needed.of(way).items()],
            circuit.n_candidates,
        )
    ]


def flat_words(parts: str, way: Direction, needed_for: Iterable[Needed], n_candidates: int) -> list[str]:
    """The same of one direction, as the rest of a sentence."""
    return [
        f"the best {needed(fewer)} {parts} {DONE[way]} explain {percent(lower)}, and {needed(more)} of {n_candidates:,} explain "
        f"{percent(higher)}: in between the curve hardly rises, so their order does not find what is missing, and the larger "
        "number is no size of a circuit."
        for (lower, fewer), (higher, more) in flats(needed_for, n_candidates)
    ]
