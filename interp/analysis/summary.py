"""Means with intervals for every variant of an effects table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.seeding import generator
from interp.lazy import lazy

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


KEYS = [
    *("model", "probe", "kind", "part", "method", "base", "source", "site"),
    *("layer", "head", "query_label", "key_label", "group", "n_kept"),
]
VALUES = {"effect": "", "normalised": "norm_", "value": "value_"}


def summarise_effects(effects: pd.DataFrame, n_resamples: int, confidence: float, seed: int) -> pd.DataFrame:
    """The summary table (docs/tables.md): one row a variant, over its prompts.

    Variants measured on the same prompts are summarised together, by one matrix product. Every set of prompts has its
    own generator, so adding a probe changes no other probe's numbers.
    """
    groups = effects.groupby(KEYS, sort=False, dropna=False)
    number = groups.ngroup().to_numpy()
    first = effects.loc[~pd.Series(number, index=effects.index).duplicated(), KEYS].reset_index(drop=True)
    order = np.lexsort((effects["prompt"].to_numpy(), number))
    ordered, number = effects.iloc[order], number[order]
    starts = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    prompts = np.split(ordered["prompt"].to_numpy(), starts[1:])
    by_prompts: dict[tuple[int, ...], list[int]] = {}
    for row, numbers in enumerate(prompts):
        by_prompts.setdefault(tuple(numbers.tolist()), []).append(row)
    pieces = []
    for members, rows in by_prompts.items():
        inside = np.stack([np.arange(starts[row], starts[row] + len(members)) for row in rows])
        clusters = ordered["pair"].to_numpy()[inside[0]].tolist()
        boot = Bootstrap(clusters, n_resamples, confidence, generator(seed, "summary", str(members)))
        table = first.iloc[rows].assign(n=boot.n, n_pairs=boot.n_clusters)
        for column, prefix in VALUES.items():
            values = ordered[column].to_numpy()[inside].T
            low, high = boot.interval(boot.means(values))
            table[f"{prefix}mean"] = values.mean(axis=0)
            if column == "effect":
                table["sem"] = boot.sem(values)
            table[f"{prefix}ci_low"], table[f"{prefix}ci_high"] = low, high
        pieces.append(table)
    return pd.concat(pieces).sort_index().reset_index(drop=True)
