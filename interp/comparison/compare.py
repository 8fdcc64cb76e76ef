"""What two finished runs on the same prompts say about their models: paired numbers, as plain data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.paired import count_ratio, paired
from interp.analysis.shares import HeadShares, edge_shares, head_shares
from interp.errors import UserError
from interp.probes.base import Reading, by_prompt, clusters_of
from interp.results.tables import RunTables

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
        "accuracy": [one.metrics["run"]["accuracy"] for one in arms.values()],
        "n_asked": first.metrics["run"]["n_asked"],
        "trained": [(one.metrics["run"]["model"]["sparse"] or {}).get("trained") for one in arms.values()],
        "means": _means(first, second, boot),
    }
    for name, kind, shares in (("heads", "key_query_heads", _head_shares), ("edges", "attention_edges", _edge_shares)):
        label = _label(first, kind)
        if label is not None and label == _label(second, kind):
            found[name] = _counts(first, second, label, shares, reading)
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


def _counts(first: RunTables, second: RunTables, label: str, shares: Any, reading: Reading) -> dict[str, Any]:
    clusters = clusters_of(first.probe(label))
    # One set of resamples for both: ratios are paired.
    boot = reading.bootstrap(clusters, label)
    made: list[HeadShares] = [shares(one.probe(label), reading.share_target, boot) for one in (first, second)]
    return {
        "label": label,
        "n_candidates": [one.metrics["probes"][label]["n_candidates"] for one in (first, second)],
        "n_prompts": len(clusters),
        "n_pairs": len(set(clusters)),
        "estimated": first.metrics["probes"][label].get("rank_by") == "attribution",
        **{
            name: {
                "first": made[0].shares[name].as_dict(),
                "second": made[1].shares[name].as_dict(),
                "ratio": count_ratio(
                    made[0].shares[name].n, made[1].shares[name].n,
                    np.asarray(made[0].shares[name].counts), np.asarray(made[1].shares[name].counts), boot,
                ).as_dict(),
            }
            for name in DEFINITIONS
        },
    }  # fmt: skip


def _head_shares(effects: pd.DataFrame, target: float, boot: Bootstrap) -> HeadShares:
    carried, kept = _parts(effects)
    return head_shares(carried, kept.to_numpy(), target, boot)


def _edge_shares(effects: pd.DataFrame, target: float, boot: Bootstrap) -> HeadShares:
    carried, kept = _parts(effects)
    return edge_shares(carried, kept.to_numpy(), [int(n) for n in kept.columns], target, boot)


def _parts(effects: pd.DataFrame) -> tuple[np.ndarray, pd.DataFrame]:
    single, joint = (effects[effects["part"] == part] for part in ("single", "joint"))
    return -by_prompt(single, ["variant"], "effect").to_numpy(), by_prompt(joint, ["n_kept"])


def _selected(tables: RunTables) -> list[str]:
    label = _label(tables, "key_query_heads")
    if label is None:
        return []
    found = tables.metrics["probes"][label]
    return [head["label"] for head in found["shares"][found["definition"]]["heads"]]


def _spans(tables: RunTables) -> dict[str, dict[str, Any]]:
    label = _label(tables, "layer_span")
    groups = [] if label is None else tables.metrics["probes"][label]["groups"]
    return {
        group["group"]: {name: group.get(name) for name in ("first", "last", "layers", "output")} for group in groups
    }


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
