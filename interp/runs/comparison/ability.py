"""What two models are worth on the comparison's own prompts, wording by wording, before any filter.

Both were asked every candidate, so accuracy and the answer's log-probability are paired; what a model that fails on a prompt
lost there is counted here, where the rest of a comparison only has the prompts that both answer. Open edges are counted on
the clean and corrupted prompts that are used.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.paired import paired
from interp.probes.base import Reading
from interp.report.story import TableBlock
from interp.results.tables import RunTables
from interp.words.numbers import NONE, fixed, fixed_interval
from interp.words.phrases import percent, tenth

Found = dict[str, Any]


def ability(arms: dict[str, RunTables], reading: Reading) -> Found:
    """Paired accuracy (shares) and log-probability of the answer (nats), over all wordings and in each."""
    first, second = (one.candidates for one in arms.values())
    wordings = [one.metrics["run"]["wordings"] for one in arms.values()]
    rows = []
    for a, b in zip(*wordings, strict=True):
        of = (first["template"] == a["template"]).to_numpy()
        rows.append(
            {
                "template": a["template"],
                "n_asked": a["n_asked"],
                "n_prompts": a["n_prompts"],
                "n_tokens": a["n_tokens"],
                "gates": [a["gates"], b["gates"]],
                **_paired(first[of], second[of], reading.bootstrap(first[of]["pair"].tolist(), "ability")),
            }
        )
    return {
        "n_asked": len(first),
        "gates": [_summed([one["gates"] for one in mine]) for mine in wordings],
        **_paired(first, second, reading.bootstrap(first["pair"].tolist(), "ability")),
        "wordings": rows,
    }


def _paired(first: pd.DataFrame, second: pd.DataFrame, boot: Bootstrap) -> Found:
    def both(name: str) -> Found:
        return paired(first[name].to_numpy(dtype=float), second[name].to_numpy(dtype=float), boot).as_dict()

    return {"accuracy": both("right"), "log_prob": both("log_prob")}


def _summed(counts: list[dict[str, int] | None]) -> dict[str, int] | None:
    known = [one for one in counts if one]
    return {name: sum(one[name] for one in known) for name in known[0]} if known else None


def ability_sentence(found: Found) -> str:
    """What the second model keeps open on these prompts, and what that costs."""
    first, second = found["labels"]
    mine = found["ability"]
    lengths = sorted({row["n_tokens"] for row in mine["wordings"] if row["n_tokens"] is not None})
    long = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 1 else str(lengths[0])
    opened = "; ".join(
        f"{label} keeps {tenth(gates['open'] / gates['edges'])} of the causal edges open "
        f"({fixed(gates['open'] / gates['queries'], 2)} keys a query and head)"
        for label, gates in zip(found["labels"], mine["gates"], strict=True)
        if gates
    )
    right, log_prob = mine["accuracy"], mine["log_prob"]["difference"]
    lost = {key: None if log_prob[key] is None else -log_prob[key] for key in ("mean", "low", "high")}
    return (
        f"On these very prompts ({long} tokens; all {mine['n_asked']:,} candidates), {opened + '; ' if opened else ''}{second} "
        f"answers {percent(right['second']['mean'])} correctly and {first} {percent(right['first']['mean'])} "
        f"({_points(right['difference'])}), and the answer's loss in {second} is {fixed(lost['mean'], 2, signed=True)} "
        f"{fixed_interval(lost['high'], lost['low'], 2, signed=True)} nats against {first}."
    )


def ability_table(found: Found) -> TableBlock:
    """Every wording: what is open, what is right, what is lost."""
    first, second = found["labels"]
    gated = [number for number, gates in enumerate(found["ability"]["gates"]) if gates]
    opened = [f"open edges, {found['labels'][number]}" for number in gated]
    keys = [f"keys a query, {found['labels'][number]}" for number in gated]
    everything = {**found["ability"], "template": "all wordings", "n_tokens": None}
    rows = []
    for row in [*found["ability"]["wordings"], everything]:
        right, log_prob = row["accuracy"], row["log_prob"]["difference"]
        gates = [row["gates"][number] for number in gated]
        rows.append(
            [
                str(row["template"]),
                f"{row['n_asked']:,}",
                NONE if row["n_tokens"] is None else str(row["n_tokens"]),
                *(NONE if not one else tenth(one["open"] / one["edges"]) for one in gates),
                *(NONE if not one else fixed(one["open"] / one["queries"], 2) for one in gates),
                percent(right["first"]["mean"]),
                percent(right["second"]["mean"]),
                _points(right["difference"]),
                fixed(_minus(log_prob["mean"]), 2, signed=True),
                fixed_interval(_minus(log_prob["high"]), _minus(log_prob["low"]), 2, signed=True),
            ]
        )
    return TableBlock(
        title="Both models on every candidate, by wording",
        columns=[
            "wording",
            "candidates",
            "tokens",
            *opened,
            *keys,
            f"right, {first}",
            f"right, {second}",
            "difference",
            f"answer's loss, {second} − {first}",
            "interval",
        ],
        rows=rows,
        note="Before any filter, so that prompts which one model fails count. Differences are paired, intervals bootstrap word "
        "pairs. Losses in nats. Open edges: clean and corrupted prompts that are used.",
        verbatim=frozenset({"wording"}),
    )


def _points(difference: Found) -> str:
    low, high = (None if difference[end] is None else 100 * difference[end] for end in ("low", "high"))
    return f"{fixed(100 * difference['mean'], 0, signed=True)} {fixed_interval(low, high, 0, signed=True)} points"


def _minus(value: float | None) -> float | None:
    return None if value is None else float(np.negative(value))
