"""A study: one model, its prompts and a metric. Probes ask it to measure; it answers with rows of the effects table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from interp.errors import UserError
from interp.interventions import observe
from interp.interventions.attribution import estimate
from interp.interventions.cells import Dimensions
from interp.interventions.edits import Edit, Run, Variant
from interp.interventions.engine import Engine
from interp.metrics import AnswerLogit, LogitDiff, Metric
from interp.prompts.encode import Dropped, Encoder
from interp.prompts.pairs import Position, PromptSet
from interp.prompts.regroup import Group, grouped_sets
from interp.prompts.select import PromptBook

PromptChoice = Literal["all", "focus_template", "focus"]
Method = Literal["exact", "attribution"]


@dataclass(frozen=True)
class Selection:
    """Some rows of a prompt set; references such as means still use the whole set."""

    prompts: PromptSet
    rows: tuple[int, ...]


@dataclass
class Study:
    """What a probe sees: sizes, prompts, and ways to measure. It never touches the model's internals.

    `probes` are the run's probes, `tables` and `findings` the effects and conclusions of those that are done, all by
    label: a probe may build on an earlier one.
    """

    model: str
    sizes: Dimensions
    engine: Engine
    book: PromptBook
    metric: Metric
    encoder: Encoder
    min_gap: float
    probes: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    findings: dict[str, dict[str, Any]] = field(default_factory=dict)
    progress: Callable[[int], None] | None = None

    @property
    def focus(self) -> Selection:
        """The focus prompt (the first prompt of the run when none is marked)."""
        for prompts in self.book.sets:
            for row, pair in enumerate(prompts.pairs):
                if pair.focus:
                    return Selection(prompts, (row,))
        return Selection(self.book.sets[0], (0,))

    def select(self, choice: PromptChoice) -> list[Selection]:
        """The prompts a probe runs on: all, those of the focus prompt's template, or the focus prompt alone."""
        if choice == "focus":
            return [self.focus]
        sets = [self.focus.prompts] if choice == "focus_template" else self.book.sets
        return [Selection(prompts, tuple(range(len(prompts)))) for prompts in sets]

    def group(self, group: Group, choice: PromptChoice) -> tuple[list[Selection], list[Dropped]]:
        """The chosen prompts corrupted as a token group asks, and those dropped for it (no gap, or no such prompt)."""
        found: list[Selection] = []
        dropped: list[Dropped] = []
        for selection in self.select(choice):
            made, misfits = grouped_sets(selection.prompts.take(selection.rows), group, self.encoder)
            dropped += misfits
            if made is None:
                continue
            gaps = (self._read(made, "clean") - self._read(made, "corrupted")).tolist()
            for pair, gap in zip(made.pairs, gaps, strict=True):
                if abs(gap) < self.min_gap:
                    reason = (
                        f"group {group.name!r}: the clean-corrupted gap {gap:.3g} is below min_gap {self.min_gap:g}"
                    )
                    dropped.append(Dropped(pair.pair, pair.template, reason))
            rows = [row for row, gap in enumerate(gaps) if abs(gap) >= self.min_gap]
            if rows:
                kept = made.take(rows)
                found.append(Selection(kept, tuple(range(len(kept)))))
        if not found:
            raise UserError(
                f"group {group.name!r}: no prompt is left ({dropped[0].reason}); give it another corrupted prompt or foil"
            )
        return found, dropped

    def measure(
        self, variants: Iterable[Variant], where: Sequence[Selection], method: Method = "exact"
    ) -> pd.DataFrame:
        """Run every variant on every selected prompt; one row of the effects table each."""
        listed = list(variants)
        if not listed:
            raise UserError("a probe asked for nothing: its heads, layers or positions are empty")
        frames = []
        for selection in where:
            prompts, rows = selection.prompts, list(selection.rows)
            if method == "exact":
                values = self.engine.measure(listed, prompts, self.metric, rows, self.progress)
            else:
                values = estimate(self.engine, listed, prompts, self.metric, rows)
            frames.append(self._rows(listed, values, selection, method))
        return pd.concat(frames, ignore_index=True)

    def logit_lens(self, where: Sequence[Selection]) -> pd.DataFrame:
        """The metric read before every block and at the output, at the query position of the clean run."""
        frames = []
        for selection in where:
            values = observe.logit_lens(self.engine, selection.prompts, self.metric, "clean")
            places = [(layer, None, None, None) for layer in range(len(values))]
            frames.append(self._observed("lens", places, values[:, list(selection.rows)], selection))
        return pd.concat(frames, ignore_index=True)

    def direct_logit_attribution(self, where: Sequence[Selection]) -> pd.DataFrame:
        """Direct contribution of every component to the metric of the clean run; `effect` is the contribution."""
        if not isinstance(self.metric, LogitDiff | AnswerLogit):
            raise UserError(
                "direct_logit_attribution needs a metric that is linear in the logits: logit_diff or answer_logit, "
                f"not {self.metric.kind}"
            )
        frames = []
        for selection in where:
            parts = observe.direct_logit_attribution(
                self.engine, selection.prompts, "clean", minus_foil=isinstance(self.metric, LogitDiff)
            )
            for name in dict.fromkeys(part for part, _, _ in parts):
                keys = [key for key in parts if key[0] == name]
                values = torch.stack([parts[key] for key in keys])[:, list(selection.rows)]
                places = [(_none(layer), _none(head), None, None) for _, layer, head in keys]
                frames.append(self._observed(name, places, values, selection))
        return pd.concat(frames, ignore_index=True)

    def attention_weights(self, where: Sequence[Selection]) -> pd.DataFrame:
        """Attention weights of the clean run, for every head and causal pair of positions (BOS left out)."""
        frames = []
        for selection in where:
            prompts = selection.prompts
            weights = observe.attention_weights(self.engine, prompts, "clean", list(selection.rows))
            places, values = [], []
            for layer in range(self.sizes.n_layers):
                for head in range(self.sizes.n_heads):
                    for query in range(1, prompts.n_tokens + 1):
                        for key in range(1, query + 1):
                            places.append((layer, head, query, key))
                            values.append(weights[layer, :, head, query - 1 + prompts.bos, key - 1 + prompts.bos])
            frames.append(self._observed("weight", places, torch.stack(values), selection))
        return pd.concat(frames, ignore_index=True)

    def clean_metric(self, selection: Selection) -> pd.Series:
        """The metric of the clean run, by prompt number."""
        prompts, rows = selection.prompts, list(selection.rows)
        values = self._read(prompts, "clean")[rows].double().numpy()
        return pd.Series(values, index=[prompts.prompts[row] for row in rows])

    def _read(self, prompts: PromptSet, run: Run) -> Float[Tensor, " prompt"]:
        return self.engine.read(prompts, self.metric, run)

    def _rows(
        self, variants: list[Variant], values: Float[Tensor, "variant prompt"], selection: Selection, method: str
    ) -> pd.DataFrame:
        prompts = selection.prompts
        columns = pd.DataFrame([_labels(variant, prompts) for variant in variants])
        columns.insert(0, "variant", range(len(variants)))
        base = np.where(
            (columns["base"] == "clean").to_numpy()[:, None],
            self._read(prompts, "clean")[list(selection.rows)].numpy(),
            self._read(prompts, "corrupted")[list(selection.rows)].numpy(),
        )
        return self._table(columns, values.double().numpy(), base.astype(float), selection, method)

    def _observed(
        self,
        part: str,
        places: Sequence[tuple[int | None, int | None, int | None, int | None]],
        values: Float[Tensor, "place prompt"],
        selection: Selection,
    ) -> pd.DataFrame:
        columns = pd.DataFrame(
            [
                {
                    **{"part": part, "base": "clean", "source": "", "site": "", "group": "", "n_kept": None},
                    **{"layer": layer, "head": head, "query": query, "key": key},
                    **{"query_label": _text(query), "key_label": _text(key)},
                }
                for layer, head, query, key in places
            ]
        )
        columns.insert(0, "variant", range(len(places)))
        array = values.double().numpy()
        return self._table(columns, array, np.zeros_like(array), selection, "observed")

    def _table(
        self,
        columns: pd.DataFrame,
        values: Float[np.ndarray, "variant prompt"],
        base: Float[np.ndarray, "variant prompt"],
        selection: Selection,
        method: str,
    ) -> pd.DataFrame:
        prompts, rows = selection.prompts, list(selection.rows)
        clean = self._read(prompts, "clean")[rows].double().numpy()
        corrupted = self._read(prompts, "corrupted")[rows].double().numpy()
        table = columns.loc[columns.index.repeat(len(rows))].reset_index(drop=True)
        for name, column in (
            ("prompt", [prompts.prompts[row] for row in rows]),
            ("pair", [prompts.pairs[row].pair for row in rows]),
            ("template", [prompts.pairs[row].template for row in rows]),
        ):
            table[name] = column * len(values)
        table["model"], table["set"], table["method"] = self.model, prompts.name, method
        table["value"], table["baseline"] = values.ravel(), base.ravel()
        table["effect"] = table["value"] - table["baseline"]
        observed = method == "observed"
        scaled = values / (clean - corrupted) if observed else (values - corrupted) / (clean - corrupted)
        table["normalised"] = scaled.ravel()
        for name in ("layer", "head", "query", "key", "n_kept"):
            table[name] = table[name].astype("Int64")
        return table


def _labels(variant: Variant, prompts: PromptSet) -> dict[str, object]:
    """The columns of one variant; places only where all its edits agree."""
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


def _none(number: int) -> int | None:
    return None if number < 0 else number
