"""Means with intervals for every variant of an effects table, which may be larger than memory.

Two passes. The first finds the groups (a variant over all its prompts) and where their rows lie: a table is written variant
by variant, so a group is a few runs of rows. The second takes as many groups at once as have ROWS_AT_ONCE rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from interp.analysis.bootstrap import Bootstrap
from interp.analysis.seeding import generator
from interp.configs.lazy import lazy

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


KEYS = [
    *("model", "probe", "kind", "part", "method", "base", "source", "site"),
    *("layer", "head", "query_label", "key_label", "group", "n_kept"),
]
VALUES = {"effect": "", "normalised": "norm_", "value": "value_"}
ROWS_AT_ONCE = 2**18
CELLS_AT_ONCE = 1024
"""Cells whose resamples are held at once."""


@runtime_checkable
class Parted(Protocol):
    """An effects table in parts of its rows."""

    def __len__(self) -> int: ...

    def part(self, number: int, columns: Sequence[str]) -> pd.DataFrame:
        """Some columns of one part."""


class Whole:
    """A table in memory, as one part."""

    def __init__(self, table: pd.DataFrame) -> None:
        self._table = table

    def __len__(self) -> int:
        return 1

    def part(self, number: int, columns: Sequence[str]) -> pd.DataFrame:
        """Some columns of the table."""
        return self._table[list(columns)]


def summarise_effects(effects: Parted | pd.DataFrame, n_resamples: int, confidence: float, seed: int) -> pd.DataFrame:
    """The summary table (docs/tables.md): one row a variant, over its prompts.

    Variants measured on the same prompts are summarised together, by one matrix product. Every set of prompts has its
    own generator, so adding a probe changes no other probe's numbers.
    """
    effects = Whole(effects) if isinstance(effects, pd.DataFrame) else effects
    keys, runs = _groups(effects)

    def resampled(members: tuple[int, ...], clusters: list[str]) -> Bootstrap:
        return Bootstrap(clusters, n_resamples, confidence, generator(seed, "summary", str(members)))

    pieces = [_summary(rows, keys, resampled) for rows in _rows_of_groups(effects, runs)]
    return pd.concat(pieces).sort_index().reset_index(drop=True)


@dataclass(frozen=True)
class _Runs:
    """Rows `start` to `stop` of a part that belong to one group, in the order in which they stand."""

    group: Int[np.ndarray, " run"]
    part: Int[np.ndarray, " run"]
    start: Int[np.ndarray, " run"]
    stop: Int[np.ndarray, " run"]


def _groups(effects: Parted) -> tuple[pd.DataFrame, _Runs]:
    """The keys of every group, in order of appearance, and its runs."""
    numbers: dict[tuple[Any, ...], int] = {}
    first: list[pd.DataFrame] = []
    runs: list[Int[np.ndarray, "4 run"]] = []
    for part in range(len(effects)):
        keys = effects.part(part, KEYS)
        # A cell that is missing has the code -1, so it is equal to another one.
        codes = np.stack([pd.factorize(keys[name])[0] for name in KEYS])
        start = np.flatnonzero(np.r_[True, (codes[:, 1:] != codes[:, :-1]).any(axis=0)][: len(keys)])
        heads = keys.iloc[start]
        known = len(numbers)
        named = zip(*(heads[name].astype(object).where(heads[name].notna(), None) for name in KEYS), strict=True)
        group = np.array([numbers.setdefault(name, len(numbers)) for name in named], dtype=np.int64)
        fresh = pd.Series(group).drop_duplicates()
        first.append(heads.iloc[fresh.index[fresh >= known]])
        runs.append(np.stack([group, np.full_like(group, part), start, np.r_[start[1:], len(keys)][: len(start)]]))
    texts = {name: "str" for name in KEYS if isinstance(first[0][name].dtype, pd.CategoricalDtype)}
    return pd.concat([frame.astype(texts) for frame in first], ignore_index=True), _Runs(*np.concatenate(runs, axis=1))


def _rows_of_groups(effects: Parted, runs: _Runs) -> Iterator[pd.DataFrame]:
    """The rows of some groups after another, with a column `number` that tells the group."""
    columns = ["prompt", "pair", *VALUES]
    sizes = np.bincount(runs.group, weights=runs.stop - runs.start)
    for bunch in np.unique(turn := (np.cumsum(sizes) - 1) // ROWS_AT_ONCE):
        mine = np.flatnonzero(turn[runs.group] == bunch)
        frames = []
        for part in np.unique(runs.part[mine]).tolist():
            here = mine[runs.part[mine] == part]
            lengths = runs.stop[here] - runs.start[here]
            within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            rows = effects.part(part, columns).iloc[np.repeat(runs.start[here], lengths) + within]
            frames.append(rows.assign(pair=rows["pair"].astype(object), number=np.repeat(runs.group[here], lengths)))
        yield pd.concat(frames, ignore_index=True)


def _summary(
    rows: pd.DataFrame, keys: pd.DataFrame, resampled: Callable[[tuple[int, ...], list[str]], Bootstrap]
) -> pd.DataFrame:
    """The summary of some groups, whose rows these are; the index is the group's number."""
    ordered = rows.sort_values(["number", "prompt"], kind="stable", ignore_index=True)
    number = ordered["number"].to_numpy()
    starts = np.flatnonzero(np.r_[True, number[1:] != number[:-1]])
    prompts = np.split(ordered["prompt"].to_numpy(), starts[1:])
    by_prompts: dict[tuple[int, ...], list[int]] = {}
    for row, members in enumerate(prompts):
        by_prompts.setdefault(tuple(members.tolist()), []).append(row)
    pieces = []
    for together, mine in by_prompts.items():
        inside = np.stack([np.arange(starts[row], starts[row] + len(together)) for row in mine])
        boot = resampled(together, ordered["pair"].to_numpy()[inside[0]].tolist())
        table = keys.iloc[number[starts[mine]]].assign(n=boot.n, n_pairs=boot.n_clusters)
        for column, prefix in VALUES.items():
            values = ordered[column].to_numpy()[inside].T
            table[f"{prefix}mean"] = values.mean(axis=0)
            if column == "effect":
                table["sem"] = boot.sem(values)
            table[f"{prefix}ci_low"], table[f"{prefix}ci_high"] = _interval(boot, values)
        pieces.append(table)
    return pd.concat(pieces)


def _interval(
    boot: Bootstrap, values: Float[np.ndarray, "prompt cell"]
) -> tuple[Float[np.ndarray, " cell"], Float[np.ndarray, " cell"]]:
    """The interval of every cell's mean, some cells after another; NaN where a cell has a value that is not defined."""
    ends = np.full((2, values.shape[1]), np.nan)
    defined = np.flatnonzero(np.isfinite(values).all(axis=0))
    if boot.n_clusters < 2 or not len(defined):
        return ends[0], ends[1]
    for block in np.array_split(defined, -(-len(defined) // CELLS_AT_ONCE)):
        ends[:, block] = boot.mean_interval(values[:, block])
    return ends[0], ends[1]
