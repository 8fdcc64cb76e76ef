"""Rows of the effects table (docs/tables.md) from measured values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from interp.interventions.edits import Edit, Variant
from interp.prompts.pairs import Position, PromptSet
from interp.results.columns import EFFECTS, HELD

Numbers = Int[np.ndarray, " place"]
Values = Float[np.ndarray, "variant prompt"]


def variant_columns(variants: Sequence[Variant], prompts: PromptSet) -> pd.DataFrame:
    """The columns that say what was done, one row a variant."""
    return pd.DataFrame([_labels(variant, prompts) for variant in variants])


def observed_columns(
    part: str,
    layer: Sequence[int | None] | Numbers,
    head: Sequence[int | None] | Numbers | None = None,
    query: Numbers | None = None,
    key: Numbers | None = None,
) -> pd.DataFrame:
    """The same for what was only read off the clean run, at the places that the arrays name."""
    constant = {"part": part, "base": "clean", "source": "", "site": "", "group": "", "n_kept": None}
    places = {"layer": layer, "head": head, "query": query, "key": key}
    labels = {f"{side}_label": "" if at is None else at.astype(str) for side, at in (("query", query), ("key", key))}
    return pd.DataFrame({**places, **labels, **constant})


def effects_table(
    columns: pd.DataFrame,
    values: Values,
    base: Values,
    normalised: Values,
    prompts: PromptSet,
    rows: Sequence[int],
    first: int = 0,
    **constant: str,
) -> pd.DataFrame:
    """One row a variant and prompt, variant by variant, in compact columns (interp.results.columns.HELD).

    Args:
        rows: the prompts' row numbers in their set.
        first: the number of the first variant.
        constant: further columns of texts, the same in every row.
    """
    pairs = [prompts.pairs[row] for row in rows]
    by_variant = columns.assign(variant=np.arange(first, first + len(columns)))
    by_prompt = pd.DataFrame(
        {
            "prompt": [prompts.prompts[row] for row in rows],
            "pair": [pair.pair for pair in pairs],
            "template": [pair.template for pair in pairs],
        }
    )
    alike = pd.DataFrame([{"set": prompts.name, **constant}])
    variant, prompt = np.divmod(np.arange(len(columns) * len(rows)), len(rows))
    held = {
        name: part[name].astype(HELD[EFFECTS[name]]).array.take(number)
        for part, number in ((by_variant, variant), (by_prompt, prompt), (alike, np.zeros_like(variant)))
        for name in part.columns
    }
    measured = {"value": values.ravel(), "baseline": base.ravel(), "normalised": normalised.ravel()}
    return pd.DataFrame({**held, **measured, "effect": measured["value"] - measured["baseline"]}, copy=False)


def _labels(variant: Variant, prompts: PromptSet) -> dict[str, object]:
    only = variant.only
    return {**variant.names, "query": _person(only, "query", prompts), "key": _person(only, "key", prompts)}


def _person(edit: Edit | None, side: Literal["query", "key"], prompts: PromptSet) -> int | None:
    position: Position | None = getattr(edit, side) if edit else None
    if position is None:
        return None
    places = prompts.positions(position)
    return places[0] if len(places) == 1 else None


def _text(position: Position | None) -> str:
    return "" if position is None else str(position)


def of_gap(values: Values, gap: Float[np.ndarray, " prompt"]) -> Values:
    """Values as a share of the clean-corrupted gap; NaN where arbitrary answers (`Study.shuffled`) have none."""
    return np.divide(values, gap, out=np.full_like(values, np.nan), where=gap != 0)
