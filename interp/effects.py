"""Rows of the effects table (docs/tables.md) from measured values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float

from interp.interventions.edits import Edit, Variant
from interp.prompts.pairs import Position, PromptSet

Place = tuple[int | None, int | None, int | None, int | None]
"""Layer, head, query and key of something that was read off; None where it has none."""
Values = Float[np.ndarray, "variant prompt"]


def variant_columns(variants: Sequence[Variant], prompts: PromptSet) -> pd.DataFrame:
    """The columns that say what was done, one row a variant."""
    return pd.DataFrame([_labels(variant, prompts) for variant in variants])


def observed_columns(part: str, places: Sequence[Place]) -> pd.DataFrame:
    """The same for what was only read off the clean run."""
    constant = {"part": part, "base": "clean", "source": "", "site": "", "group": "", "n_kept": None}
    return pd.DataFrame(
        [
            {
                **constant,
                **{"layer": layer, "head": head, "query": query, "key": key},
                **{"query_label": _text(query), "key_label": _text(key)},
            }
            for layer, head, query, key in places
        ]
    )


def effects_table(
    columns: pd.DataFrame, values: Values, base: Values, normalised: Values, prompts: PromptSet, rows: Sequence[int]
) -> pd.DataFrame:
    """One row a variant and prompt, variant by variant; `rows` are the prompts' row numbers in their set."""
    table = columns.loc[columns.index.repeat(len(rows))].reset_index(drop=True)
    table.insert(0, "variant", np.repeat(np.arange(len(columns)), len(rows)))
    table["prompt"] = [prompts.prompts[row] for row in rows] * len(columns)
    table["pair"] = [prompts.pairs[row].pair for row in rows] * len(columns)
    table["template"] = [prompts.pairs[row].template for row in rows] * len(columns)
    table["set"] = prompts.name
    table["value"], table["baseline"], table["normalised"] = values.ravel(), base.ravel(), normalised.ravel()
    table["effect"] = table["value"] - table["baseline"]
    for name in ("layer", "head", "query", "key", "n_kept"):
        table[name] = table[name].astype("Int64")
    return table


def _labels(variant: Variant, prompts: PromptSet) -> dict[str, object]:
    # A point of the joint curve may have one edit left; it is still about a set of heads.
    only = variant.edits[0] if len(variant.edits) == 1 and variant.n_kept is None else None
    sources = {edit.source for edit in variant.edits}
    return {
        **{"part": variant.part, "base": variant.base, "group": variant.group, "n_kept": variant.n_kept},
        "source": sources.pop() if len(sources) == 1 else "",
        "site": only.site if only else "",
        "layer": only.layer if only else variant.layer,
        "head": only.head if only else None,
        "query": _person(only, "query", prompts),
        "key": _person(only, "key", prompts),
        "query_label": _text(only.query) if only else "",
        "key_label": _text(only.key) if only else "",
    }


def _person(edit: Edit | None, side: Literal["query", "key"], prompts: PromptSet) -> int | None:
    position: Position | None = getattr(edit, side) if edit else None
    if position is None:
        return None
    found = prompts.positions(position)
    return found[0] if len(found) == 1 else None


def _text(position: Position | None) -> str:
    return "" if position is None else str(position)
