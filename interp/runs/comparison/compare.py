"""What two finished runs on the same prompts say about their models: paired numbers (interp.analysis.findings_of_comparison)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.circuits import Direction
from interp.analysis.findings import Findings, LayerSpanFindings
from interp.analysis.findings_of_comparison import (
    EdgesBothWays,
    EdgesCompared,
    HeadsByDefinition,
    HeadsCompared,
    MeansCompared,
    NodesBothWays,
    NodesCompared,
    OpenEdges,
    PairedFound,
    PairFindings,
    RatioFound,
    SpanFound,
    TargetCounts,
)
from interp.analysis.findings_of_edges import EdgeFindings
from interp.analysis.findings_of_heads import HeadFindings
from interp.analysis.findings_of_nodes import NodeFindings
from interp.analysis.findings_of_run import TrainedFound
from interp.analysis.paired import count_ratio, paired
from interp.errors import UserError
from interp.probes.base import Reading, ShareDefinition, by_prompt
from interp.results.tables import RunTables
from interp.runs.comparison.ability import ability

DEFINITIONS: tuple[ShareDefinition, ...] = ("joint", "absolute", "net")
Pair = tuple[RunTables, RunTables]
Circuit = EdgeFindings | NodeFindings
F = TypeVar("F", bound=Findings)


def compare(arms: dict[str, RunTables], reading: Reading) -> PairFindings:
    """Counts with ratios, means with differences, spans and maps of both models; the first label is the reference.

    Raises UserError when the runs are not on the same prompts.
    """
    first, second = arms.values()
    pair = first, second
    asked = ["clean", "corrupted", "answer", "foil"]
    if first.prompts[asked].to_numpy().tolist() != second.prompts[asked].to_numpy().tolist():
        raise UserError("the two runs are on different prompts, so they cannot be compared")
    boot = reading.bootstrap(first.prompts["pair"].tolist(), "comparison")
    labels = tuple(arms)
    searches = _both(pair, "key_query_heads", HeadFindings)
    circuits = _both(pair, "attention_edges", EdgeFindings)
    nodes = _both(pair, "circuit_nodes", NodeFindings)
    selected = _selected(first), _selected(second)
    sizes = [(tables.run.model.n_layers, tables.run.model.n_heads) for tables in pair]
    return PairFindings(
        labels=(labels[0], labels[1]),
        names=(first.run.model.name, second.run.model.name),
        n_layers=(sizes[0][0], sizes[1][0]),
        alike=sizes[0] == sizes[1],
        other_tokens=_other_tokens(pair),
        ability=ability(pair, reading),
        trained=(_trained(first), _trained(second)),
        means=_means(pair, boot),
        heads=None if searches is None else _heads(*searches, boot),
        edges=None if circuits is None else _edges(*circuits, boot),
        nodes=None if nodes is None else _nodes(*nodes, boot),
        selected=selected,
        shared=[head for head in selected[0] if head in selected[1] and sizes[0] == sizes[1]],
        spans=(_spans(first), _spans(second)),
        open_edges=(_open_edges(first), _open_edges(second)),
    )


def _other_tokens(pair: Pair) -> int:
    first, second = (tables.prompts["clean_tokens"] for tables in pair)
    return sum(list(a) != list(b) for a, b in zip(first, second, strict=True))


def _means(pair: Pair, boot: Bootstrap) -> MeansCompared:
    first, second = pair

    def both(name: str) -> PairedFound:
        return paired(first.prompts[name].to_numpy(), second.prompts[name].to_numpy(), boot)

    before, after = _total(first), _total(second)
    effect = None if before is None or after is None else paired(before.to_numpy(), after.to_numpy(), boot)
    return MeansCompared(
        clean_metric=both("clean_metric"),
        gap=both("gap"),
        answer_prob=both("answer_prob"),
        key_query_effect=effect,
    )


def _total(tables: RunTables) -> pd.Series | None:
    """What all key->query edges together do to the metric, by prompt."""
    label = _label(tables, "key_query_heads")
    if label is None:
        return None
    effects = tables.probe(label)
    kept = by_prompt(effects[effects["part"] == "joint"], ["n_kept"])
    return kept.iloc[:, -1] - kept.iloc[:, 0]


def _heads(first: HeadFindings, second: HeadFindings, boot: Bootstrap) -> HeadsByDefinition:
    """Heads needed in every definition, on held-out word pairs, with paired ratios."""
    by_target = [
        TargetCounts(target=a.target, first=a.staying, second=b.staying)
        for a, b in zip(first.crossings, second.crossings, strict=True)
    ]
    compared = {}
    for name in DEFINITIONS:
        counts = [search.shares.of(name).count for search in (first, second)]
        resampled = [search.resampled.of(name) for search in (first, second)]
        compared[name] = HeadsCompared(
            first=counts[0],
            second=counts[1],
            ratio=_ratio((counts[0].n, resampled[0]), (counts[1].n, resampled[1]), boot),
            by_target=by_target if name == "joint" else [],
        )
    return HeadsByDefinition(
        n_candidates=(first.n_candidates, second.n_candidates),
        orders=(_order_counts(first), _order_counts(second)),
        joint=compared["joint"],
        absolute=compared["absolute"],
        net=compared["net"],
    )


def _edges(first: EdgeFindings, second: EdgeFindings, boot: Bootstrap) -> EdgesBothWays:
    """Edges of the circuit that explains the target, in both directions, with paired ratios."""

    def one_way(direction: Direction) -> EdgesCompared:
        counts = _counts(first, direction), _counts(second, direction)
        return EdgesCompared(
            first=counts[0],
            second=counts[1],
            by_target=_by_target(first, second, direction),
            ratio=_circuit_ratio(first, second, direction, boot),
        )

    return EdgesBothWays(**_searched(first, second), sufficient=one_way("sufficient"), necessary=one_way("necessary"))


def _nodes(first: NodeFindings, second: NodeFindings, boot: Bootstrap) -> NodesBothWays:
    """Heads (and MLPs), likewise."""

    def one_way(direction: Direction) -> NodesCompared:
        counts = _counts(first, direction), _counts(second, direction)
        return NodesCompared(
            first=counts[0],
            second=counts[1],
            by_target=_by_target(first, second, direction),
            ratio=_circuit_ratio(first, second, direction, boot),
        )

    return NodesBothWays(
        **_searched(first, second),
        candidates=first.candidates,
        ablation=first.ablation,
        sufficient=one_way("sufficient"),
        necessary=one_way("necessary"),
    )


def _searched(first: Circuit, second: Circuit) -> dict[str, Any]:
    """The fields of CircuitsCompared."""
    return {
        "explained": first.explained,
        "n_candidates": (first.n_candidates, second.n_candidates),
        "n_prompts": first.n_prompts,
        "n_pairs": first.n_pairs,
        "seeds": first.seeds,
        "wordings": first.wordings,
        "order": (first.order, second.order),
    }


def _counts(circuit: EdgeFindings | NodeFindings, direction: Direction) -> Any:
    """What the search needs for its own target."""
    return circuit.needed.of(direction)[f"{circuit.explained:g}"]


def _by_target(first: Circuit, second: Circuit, direction: Direction) -> list[TargetCounts]:
    needed = first.needed.of(direction), second.needed.of(direction)
    return [
        TargetCounts(target=float(wanted), first=count.n, second=needed[1][wanted].n)
        for wanted, count in needed[0].items()
    ]


def _circuit_ratio(first: Circuit, second: Circuit, direction: Direction, boot: Bootstrap) -> RatioFound:
    counts = [(_counts(circuit, direction).n, circuit.resampled.of(direction)) for circuit in (first, second)]
    return _ratio(counts[0], counts[1], boot)


Resampled = tuple[float | None, Sequence[float | None]]
"""A count, and the same in every resample; None where it is never reached."""


def _ratio(first: Resampled, second: Resampled, boot: Bootstrap) -> RatioFound:
    firsts, seconds = (
        np.array([np.inf if count is None else float(count) for count in resampled]) for _, resampled in (first, second)
    )
    return count_ratio(first[0], second[0], firsts, seconds, boot)


def _order_counts(search: HeadFindings) -> dict[str, int | None]:
    return {kind: order.n for kind, order in search.orders.items()}


def _both(pair: Pair, kind: str, of: type[F]) -> tuple[F, F] | None:
    """What the probe of a kind found in both runs; None where they have none, or not of one label."""
    first, second = pair
    label = _label(first, kind)
    if label is None or label != _label(second, kind):
        return None
    return first.findings(label, of), second.findings(label, of)


def _selected(tables: RunTables) -> list[str]:
    label = _label(tables, "key_query_heads")
    return [] if label is None else [head.label for head in tables.findings(label, HeadFindings).share.heads]


def _trained(tables: RunTables) -> TrainedFound | None:
    sparse = tables.run.model.sparse
    return None if sparse is None else sparse.trained


def _spans(tables: RunTables) -> list[SpanFound]:
    """Of every token group, and of the output, which is called by the answer's text: a group may have the same name."""
    label = _label(tables, "layer_span")
    groups = [] if label is None else tables.findings(label, LayerSpanFindings).groups
    return [
        SpanFound(group=group.group, output=group.output, first=group.first, last=group.last, layers=group.layers)
        for group in groups
    ]


def _open_edges(tables: RunTables) -> OpenEdges | None:
    """Of the focus prompt."""
    label = _label(tables, "attention_pattern")
    if label is None:
        return None
    rows = tables.probe(label)
    rows = rows[rows["prompt"] == tables.run.focus.prompt]
    return OpenEdges(open=int((rows["value"] > 0).sum()), causal=len(rows))


def _label(tables: RunTables, kind: str) -> str | None:
    return next((label for label, mine in tables.kinds.items() if mine == kind), None)
