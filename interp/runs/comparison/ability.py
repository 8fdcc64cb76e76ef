"""What two models are worth on the comparison's own prompts, wording by wording, before any filter.

Both were asked every candidate, so accuracy and the answer's log-probability are paired; what a model that fails on a prompt
lost there is counted here, where the rest of a comparison only has the prompts that both answer. Open edges are counted on
the clean and corrupted prompts that are used.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.findings import MeanFound
from interp.analysis.findings_of_comparison import (
    Ability,
    AbilityFound,
    PairedFound,
    PairFindings,
    WordingAbility,
)
from interp.analysis.paired import paired
from interp.probes.base import Reading
from interp.report.story import TableBlock
from interp.results.tables import RunTables
from interp.words.numbers import NONE, fixed, fixed_interval
from interp.words.phrases import percent, tenth


def ability(pair: tuple[RunTables, RunTables], reading: Reading) -> AbilityFound:
    """Paired accuracy (shares) and log-probability of the answer (nats), over all wordings and in each."""
    first, second = (tables.candidates for tables in pair)
    rows = []
    for a, b in zip(*(tables.run.wordings for tables in pair), strict=True):
        of = (first["template"] == a.template).to_numpy()
        boot = reading.bootstrap(first[of]["pair"].tolist(), "ability")
        rows.append(
            WordingAbility(
                template=a.template,
                n_asked=a.n_asked,
                n_prompts=a.n_prompts,
                n_tokens=a.n_tokens,
                gates=(a.gates, b.gates),
                accuracy=_paired(first[of], second[of], "right", boot),
                log_prob=_paired(first[of], second[of], "log_prob", boot),
            )
        )
    boot = reading.bootstrap(first["pair"].tolist(), "ability")
    return AbilityFound(
        n_asked=len(first),
        gates=(_summed([row.gates[0] for row in rows]), _summed([row.gates[1] for row in rows])),
        accuracy=_paired(first, second, "right", boot),
        log_prob=_paired(first, second, "log_prob", boot),
        wordings=rows,
    )


def _paired(first: pd.DataFrame, second: pd.DataFrame, name: str, boot: Bootstrap) -> PairedFound:
    return paired(first[name].to_numpy(dtype=float), second[name].to_numpy(dtype=float), boot)


def _summed(counts: Sequence[dict[str, int] | None]) -> dict[str, int] | None:
    known = [count for count in counts if count]
    return {name: sum(count[name] for count in known) for name in known[0]} if known else None


def ability_sentence(pair: PairFindings) -> str:
    """What the second model keeps open on these prompts, and what that costs."""
    first, second = pair.labels
    mine = pair.ability
    lengths = sorted({row.n_tokens for row in mine.wordings if row.n_tokens is not None})
    long = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 1 else str(lengths[0])
    whose = f" to {first}" if pair.other_tokens else ""
    opened = "; ".join(
        f"{label} keeps {tenth(gates['open'] / gates['edges'])} of the causal edges open "
        f"({fixed(gates['open'] / gates['queries'], 2)} keys a query and head)"
        for label, gates in zip(pair.labels, mine.gates, strict=True)
        if gates
    )
    right, lost = mine.accuracy, mine.log_prob.difference
    return (
        f"On these very prompts ({long} tokens{whose}; all {mine.n_asked:,} candidates), {opened + '; ' if opened else ''}{second} "
        f"answers {percent(right.second.mean)} correctly and {first} {percent(right.first.mean)} "
        f"({_points(right.difference)}), and the answer's loss in {second} is {fixed(_minus(lost.mean), 2, signed=True)} "
        f"{fixed_interval(_minus(lost.high), _minus(lost.low), 2, signed=True)} nats against {first}."
    )


def ability_table(pair: PairFindings) -> TableBlock:
    """Every wording: what is open, what is right, what is lost."""
    first, second = pair.labels
    gated = [number for number, gates in enumerate(pair.ability.gates) if gates]
    opened = [f"open edges, {pair.labels[number]}" for number in gated]
    keys = [f"keys a query, {pair.labels[number]}" for number in gated]
    whole: list[tuple[str, int | None, Ability]] = [("all wordings", None, pair.ability)]
    rows = []
    for name, n_tokens, row in [
        *((wording.template, wording.n_tokens, wording) for wording in pair.ability.wordings),
        *whole,
    ]:
        right, lost = row.accuracy, row.log_prob.difference
        gates = [row.gates[number] for number in gated]
        rows.append(
            [
                name,
                f"{row.n_asked:,}",
                NONE if n_tokens is None else str(n_tokens),
                *(NONE if not gate else tenth(gate["open"] / gate["edges"]) for gate in gates),
                *(NONE if not gate else fixed(gate["open"] / gate["queries"], 2) for gate in gates),
                percent(right.first.mean),
                percent(right.second.mean),
                _points(right.difference),
                fixed(_minus(lost.mean), 2, signed=True),
                fixed_interval(_minus(lost.high), _minus(lost.low), 2, signed=True),
            ]
        )
    return TableBlock(
        title="Both models on every candidate, by wording",
        columns=[
            "wording",
            "candidates",
            f"tokens, {first}" if pair.other_tokens else "tokens",
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


def _points(difference: MeanFound) -> str:
    low, high = (None if end is None else 100 * end for end in (difference.low, difference.high))
    return f"{fixed(100 * difference.mean, 0, signed=True)} {fixed_interval(low, high, 0, signed=True)} points"


def _minus(value: float | None) -> float | None:
    return None if value is None else float(np.negative(value))
