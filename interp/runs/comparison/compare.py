"""What two finished runs on the same prompts say about their models: paired numbers, as plain data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.circuits import DIRECTIONS
from interp.analysis.paired import count_ratio, paired
from interp.errors import UserError
from interp.probes.base import Reading, by_prompt
from interp.results.tables import RunTables
from interp.runs.comparison.ability import ability

DEFINITIONS = ("joint", "absolute", "net")


def compare(arms: dict[str, RunTables], reading: Reading) -> dict[str, Any]:
    """Counts with ratios, means with differences, spans and maps of both models; the first label is the reference.

    Raises UserError when the runs are not on the same prompts.
    """
    labels = list(arms)
    first, second = arms.values()
    asked = ["clean", "corrupted", "answer", "foil"]
    if first.prompts[asked].to_numpy().tolist() != second.prompts[asked].to_numpy().tolist():
        raise UserError("the two runs are on different prompts, so they cannot be compared")
    boot = reading.bootstrap(first.prompts["pair"].tolist(), "comparison")
    found: dict[str, Any] = {
        "labels": labels,
        "names": [one.metrics["run"]["model"]["name"] for one in arms.values()],
        "ability": ability(arms, reading),
        "trained": [(one.metrics["run"]["model"]["sparse"] or {}).get("trained") for one in arms.values()],
        "means": _means(first, second, boot),
    }
    heads, edges = (_both(first, second, kind) for kind in ("key_query_heads", "attention_edges"))
    if heads is not None:
        found["heads"] = _heads(*heads, boot)
    if edges is not None:
        found["edges"] = _edges(*edges, boot)
    selected = [_selected(one) for one in arms.values()]
    found["selected"], found["shared"] = selected, [head for head in selected[0] if head in selected[1]]
    found["spans"] = [_spans(one) for one in arms.values()]
    found["open_edges"] = [_open_edges(one) for one in arms.values()]
    return found


def _means(first: RunTables, second: RunTables, boot: Bootstrap) -> dict[str, Any]:
    """Paired means over prompts, in metric units (answer_prob: a probability; effect_of_gap: a ratio a model)."""
    means = {
        name: paired(first.prompts[name].to_numpy(), second.prompts[name].to_numpy(), boot).as_dict()
        for name in ("clean_metric", "gap", "answer_prob")
    }
    before, after = _total(first), _total(second)
    if before is not None and after is not None:
        means["key_query_effect"] = paired(before.to_numpy(), after.to_numpy(), boot).as_dict()
    return means


def _total(tables: RunTables) -> pd.Series | None:
    """What all key->query edges together do to the metric, by prompt."""
    label = _label(tables, "key_query_heads")
    if label is None:
        return None
    effects = tables.probe(label)
    kept = by_prompt(effects[effects["part"] == "joint"], ["n_kept"])
    return kept.iloc[:, -1] - kept.iloc[:, 0]


def _heads(first: dict[str, Any], second: dict[str, Any], boot: Bootstrap) -> dict[str, Any]:
    """Heads needed in every definition, on held-out word pairs, with paired ratios."""
    found: dict[str, Any] = {
        "n_candidates": [first["n_candidates"], second["n_candidates"]],
        "orders": [_order_counts(first), _order_counts(second)],
    }
    for name in DEFINITIONS:
        found[name] = {
            "first": _without_heads(first["shares"][name]),
            "second": _without_heads(second["shares"][name]),
            "ratio": _ratio(
                (first["shares"][name]["n"], first["resampled"][name]),
                (second["shares"][name]["n"], second["resampled"][name]),
                boot,
            ),
        }
    found["joint"]["by_target"] = [
        {"target": a["target"], "first": a["staying"], "second": b["staying"]}
        for a, b in zip(first["crossings"], second["crossings"], strict=True)
    ]
    return found


def _edges(first: dict[str, Any], second: dict[str, Any], boot: Bootstrap) -> dict[str, Any]:
    """Edges of the circuit that explains the target, in both directions, with paired ratios."""
    target = f"{first['explained']:g}"
    return {
        "explained": first["explained"],
        "n_candidates": [first["n_candidates"], second["n_candidates"]],
        "n_prompts": first["n_prompts"],
        "n_pairs": first["n_pairs"],
        "seeds": first["seeds"],
        "wordings": first["wordings"],
        "order": [first["order"], second["order"]],
        **{
            direction: {
                "first": first["needed"][direction][target],
                "second": second["needed"][direction][target],
                "by_target": [
                    {
                        "target": float(wanted),
                        "first": one["edges"],
                        "second": second["needed"][direction][wanted]["edges"],
                    }
                    for wanted, one in first["needed"][direction].items()
                ],
                "ratio": _ratio(
                    (first["needed"][direction][target]["edges"], first["resampled"][direction]),
                    (second["needed"][direction][target]["edges"], second["resampled"][direction]),
                    boot,
                ),
            }
            for direction in DIRECTIONS
        },
    }


Resampled = tuple[float | None, list[float | None]]
"""A count, and the same in every resample; None where it is never reached."""


def _ratio(first: Resampled, second: Resampled, boot: Bootstrap) -> dict[str, float | None]:
    firsts, seconds = (
        np.array([np.inf if one is None else float(one) for one in resampled]) for _, resampled in (first, second)
    )
    return count_ratio(first[0], second[0], firsts, seconds, boot).as_dict()


def _without_heads(share: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in share.items() if name != "heads"}


def _order_counts(found: dict[str, Any]) -> dict[str, int | None]:
    return {kind: one["n"] for kind, one in found["orders"].items()}


def _both(first: RunTables, second: RunTables, kind: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """What the probe of a kind found in both runs; None where they have none, or not of one label."""
    label = _label(first, kind)
    if label is None or label != _label(second, kind):
        return None
    return first.metrics["probes"][label], second.metrics["probes"][label]


def _selected(tables: RunTables) -> list[str]:
    label = _label(tables, "key_query_heads")
    if label is None:
        return []
    found = tables.metrics["probes"][label]
    return [head["label"] for head in found["shares"][found["definition"]]["heads"]]


def _spans(tables: RunTables) -> list[dict[str, Any]]:
    """Of every token group, and of the output, which is called by the answer's text: a group may have the same name."""
    label = _label(tables, "layer_span")
    groups = [] if label is None else tables.metrics["probes"][label]["groups"]
    return [{name: group.get(name) for name in ("group", "output", "first", "last", "layers")} for group in groups]


def _open_edges(tables: RunTables) -> dict[str, int] | None:
    """Edges of the focus prompt with a weight above 0, and all of its causal edges."""
    label = _label(tables, "attention_pattern")
    if label is None:
        return None
    rows = tables.probe(label)
    rows = rows[rows["prompt"] == tables.metrics["run"]["focus"]["prompt"]]
    return {"open": int((rows["value"] > 0).sum()), "causal": len(rows)}


def _label(tables: RunTables, kind: str) -> str | None:
    return next((label for label, one in tables.metrics["probes"].items() if one["kind"] == kind), None)
