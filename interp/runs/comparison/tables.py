"""Tables of a comparison's report."""

from __future__ import annotations

from interp.analysis.circuits import Direction
from interp.analysis.findings_of_comparison import (
    EdgesBothWays,
    EdgesCompared,
    NodesBothWays,
    PairFindings,
    RatioFound,
    SpanFound,
)
from interp.analysis.findings_of_edges import EdgeCount
from interp.analysis.findings_of_heads import HeadCount
from interp.analysis.findings_of_nodes import NodeCount
from interp.analysis.findings_of_run import RunFindings
from interp.report.story import TableBlock
from interp.words.numbers import NONE, estimate, fixed, needed
from interp.words.phrases import percent, runs_text, tenth

WORDS = {
    "joint": "kept together (joint)",
    "absolute": "summed absolute effects",
    "net": "summed signed effects",
}


def counts_table(pair: PairFindings, run: RunFindings) -> list[TableBlock]:
    """Heads needed in the three definitions and orders, and edges of the circuit in both directions."""
    first, second = pair.labels
    blocks = []
    above = f"{first} / {second}: above 1 where {second} needs fewer; resampled together."
    if pair.heads is not None:
        counts = pair.heads
        rows = [
            [
                WORDS[name] + (" (in use)" if name == run.share_definition else ""),
                heads(counts.of(name).first),
                heads(counts.of(name).second),
                ratio(counts.of(name).ratio),
            ]
            for name in WORDS
        ]
        rows += [
            [f"joint, {percent(point.target)}", needed(point.first), needed(point.second), NONE]
            for point in counts.joint.by_target
            if point.target != run.share_target
        ]
        rows += [
            [f"joint, kept by {words}", *(needed(point[kind]) for point in counts.orders), NONE]
            for kind, words in ORDERS.items()
        ]
        blocks.append(
            TableBlock(
                title=f"Heads needed for {percent(run.share_target)}",
                columns=["definition", first, second, f"{first} / {second}"],
                rows=rows,
                note=f"{above} Of {_of(counts.n_candidates, pair.labels)} heads; ranked on one half of the word pairs, "
                "measured on the other.",
            )
        )
    blocks += [circuits_table(pair, circuits) for circuits in (pair.nodes, pair.edges) if circuits is not None]
    return blocks


ORDERS = {"value": "signed single effect", "size": "size of the single effect", "greedy": "greedy selection"}
DIRECTIONS: dict[Direction, str] = {
    "sufficient": "sufficient (they kept, all others corrupted)",
    "necessary": "necessary (they corrupted, all others kept)",
}


def circuits_table(pair: PairFindings, circuits: EdgesBothWays | NodesBothWays) -> TableBlock:
    """Edges, or heads (and MLPs), of the circuits in both directions."""
    first, second = pair.labels
    rows = []
    for direction, words in DIRECTIONS.items():
        mine = circuits.of(direction)
        rows.append([f"{circuits.noun}, {words}", count(mine.first), count(mine.second), ratio(mine.ratio)])
        rows += [
            [f"at {percent(point.target)}, {direction}", needed(point.first), needed(point.second), NONE]
            for point in mine.by_target
            if point.target != circuits.explained
        ]
        if isinstance(mine, EdgesCompared):
            heads_of = [_tenth(side.heads) for side in (mine.first, mine.second)]
            rows.append([f"heads of these edges, {words}", *heads_of, NONE])
    wording = "in other wordings" if circuits.wordings.held_out else "in the same wording"
    return TableBlock(
        title=f"{circuits.noun.capitalize().replace('mlps', 'MLPs')} of the circuit that explains {percent(circuits.explained)}",
        columns=["direction", first, second, f"{first} / {second}"],
        rows=rows,
        note=f"{first} / {second}: above 1 where {second} needs fewer; resampled together. Of "
        f"{_of(circuits.n_candidates, pair.labels)} {circuits.noun}, on {circuits.n_prompts} prompts; "
        f"ranked on one half of the word pairs ({first}: {circuits.order[0]}, {second}: {circuits.order[1]}), "
        f"measured on the other half, {wording}; "
        f"intervals from {circuits.seeds} seeds of the halves and the word pairs. Read off the interpolated curve.",
    )


def _of(counts: tuple[int, int], labels: tuple[str, str]) -> str:
    """`270`, or `270 (dense) and 72 (other)`."""
    if counts[0] == counts[1]:
        return f"{counts[0]:,}"
    return " and ".join(f"{count:,} ({label})" for count, label in zip(counts, labels, strict=True))


def _tenth(n: float | None) -> str:
    return fixed(n, 1).removesuffix(".0")


def count(counted: EdgeCount | NodeCount) -> str:
    """`1,294 [980, 1,560]`."""
    return needed(counted.n, counted.low, counted.high)


def means_table(pair: PairFindings, run: RunFindings) -> TableBlock:
    """Paired means of both models."""
    unit = run.metric.unit
    means = {
        f"metric, clean run ({unit})": pair.means.clean_metric,
        f"clean minus corrupted ({unit})": pair.means.gap,
        f"effect of all key→query edges ({unit})": pair.means.key_query_effect,
        "probability of the answer": pair.means.answer_prob,
    }
    rows = [
        [words, *(estimate(side) for side in (mean.first, mean.second, mean.difference))]
        for words, mean in means.items()
        if mean is not None
    ]
    opened = [edges for edges in pair.open_edges if edges is not None]
    if len(opened) == len(pair.open_edges):
        cells = [f"{edges.open:,} ({tenth(edges.share)})" for edges in opened]
        rows.append(["attention edges with weight, focus prompt", *cells, NONE])
    return TableBlock(
        title="Both models on the same prompts",
        columns=["quantity", *pair.labels, "difference"],
        rows=rows,
        note="On the prompts that both models answer as the config asks.",
    )


def spans_table(pair: PairFindings) -> list[TableBlock]:
    """Layers in which each token group is at work, in both models."""
    first, second = ({(span.group, span.output): span for span in spans} for spans in pair.spans)
    if not first and not second:
        return []
    columns = [
        label if pair.n_layers[0] == pair.n_layers[1] else f"{label} (of {count} layers)"
        for label, count in zip(pair.labels, pair.n_layers, strict=True)
    ]
    return [
        TableBlock(
            title="Layers in which a token group is at work",
            columns=["group", *columns],
            rows=[[place[0], _layers(first.get(place)), _layers(second.get(place))] for place in {**first, **second}],
        )
    ]


def heads(share: HeadCount) -> str:
    """`8 [7, 9]`."""
    return needed(share.n, share.n_low, share.n_high)


def ratio(estimate: RatioFound) -> str:
    """`1.6 [1.2, 2.0]`."""
    if estimate.value is None:
        return NONE
    if estimate.low is None and estimate.high is None:
        return fixed(estimate.value, 2)
    low, high = ("…" if end is None else fixed(end, 2) for end in (estimate.low, estimate.high))
    return f"{fixed(estimate.value, 2)} [{low}, {high}]"


def _layers(span: SpanFound | None) -> str:
    if span is None:
        return NONE
    if span.output:
        return f"{span.last} (output)"
    return runs_text(span.layers) if span.layers else "none"
