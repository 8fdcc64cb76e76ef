"""A study: one model, its prompts and a metric. Probes ask it to measure; it answers with rows of the effects table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interp.analysis.findings import Findings
from interp.analysis.seeding import generator
from interp.configs.literals import check_literal
from interp.errors import UserError
from interp.interventions import observe
from interp.interventions.carried import Carried, Frozen
from interp.interventions.cells import Dimensions
from interp.interventions.edits import Edit, Run, Variant
from interp.interventions.engine import Engine
from interp.interventions.reduced import edge_effects
from interp.measure.effects import Values, effects_table, observed_columns, of_gap, variant_columns
from interp.measure.metric import estimate_metric, measure_metric, read_metric, several_tokens
from interp.metrics import Metric, metrics
from interp.prompts.book import PromptBook
from interp.prompts.choice import PromptChoice
from interp.prompts.encode import Dropped
from interp.prompts.encoder import Encoder
from interp.prompts.judged import Judged
from interp.prompts.pairs import Position, PromptSet
from interp.prompts.regroup import Group, grouped_sets
from interp.prompts.roles import tensor_index
from interp.prompts.shuffled import shuffled_sets
from interp.results.effects_file import ROWS_AT_ONCE, stacked

Method = Literal["exact", "attribution"]


@dataclass(frozen=True)
class Selection:
    """Some rows of a prompt set; references such as means still use the whole set."""

    prompts: PromptSet
    rows: tuple[int, ...]


@dataclass
class Study:
    """What a probe sees: sizes, prompts, and ways to measure. It never touches the model's internals.

    `share_target` and `share_definition` are the config's: what a selecting probe looks for.
    `judged` says how the model does on every candidate prompt, before any filter.
    `probes` are the run's probes, `tables` and `findings` the effects and conclusions of those that are done, all by
    label: a probe may build on an earlier one. `running` is the model at work, None where probes are only asked what they would
    do (`interp validate`). `notes` are what a probe's run leaves for its own summary beside its effects.
    """

    model: str
    sizes: Dimensions
    running: Engine | None
    book: PromptBook
    metric: Metric
    encoder: Encoder
    min_gap: float
    judged: tuple[Judged, ...] = ()
    seed: int = 0
    share_target: float = 0.8
    share_definition: str = "joint"
    probes: dict[str, object] = field(default_factory=dict)
    tables: MutableMapping[str, pd.DataFrame] = field(default_factory=dict)
    findings: dict[str, Findings] = field(default_factory=dict)
    notes: dict[str, object] = field(default_factory=dict)
    progress: Callable[[int], None] | None = None

    @property
    def engine(self) -> Engine:
        """The model at work; RuntimeError where there is none."""
        if self.running is None:
            raise RuntimeError("this study has no model: a probe's check, passes and variants must not measure")
        return self.running

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
        check_literal(choice, PromptChoice, "choice of prompts")
        if choice == "focus":
            return [self.focus]
        sets = [self.focus.prompts] if choice == "focus_template" else self.book.sets
        return [Selection(prompts, tuple(range(len(prompts)))) for prompts in sets]

    def group(self, group: Group, choice: PromptChoice) -> tuple[list[Selection], list[Dropped]]:
        """The chosen prompts corrupted as a token group asks, and those dropped for it (no gap, or no such prompt)."""
        selections: list[Selection] = []
        dropped: list[Dropped] = []
        for selection in self.select(choice):
            made, misfits = grouped_sets(selection.prompts.take(selection.rows), group, self.encoder)
            dropped += misfits
            if made is None:
                continue
            gaps = (self._read(made, "clean") - self._read(made, "corrupted")).tolist()
            for pair, gap in zip(made.pairs, gaps, strict=True):
                if not abs(gap) >= self.min_gap:  # NaN has no gap either
                    reason = (
                        f"group {group.name!r}: the clean-corrupted gap {gap:.3g} is below min_gap {self.min_gap:g}"
                    )
                    dropped.append(Dropped(pair.pair, pair.template, reason))
            rows = [row for row, gap in enumerate(gaps) if abs(gap) >= self.min_gap]
            if rows:
                kept = made.take(rows)
                selections.append(Selection(kept, tuple(range(len(kept)))))
        if not selections:
            raise UserError(
                f"group {group.name!r}: no prompt is left ({dropped[0].reason}); give it another corrupted prompt or foil"
            )
        return selections, dropped

    def shuffled(self, where: Sequence[Selection]) -> list[Selection]:
        """The same prompts with the answers of the nonsense task (interp.prompts.shuffled)."""
        sets = shuffled_sets([selection.prompts for selection in where], generator(self.seed, "nonsense"))
        return [Selection(prompts, selection.rows) for prompts, selection in zip(sets, where, strict=True)]

    def measure(
        self, variants: Iterable[Variant], where: Sequence[Selection], method: Method = "exact"
    ) -> pd.DataFrame:
        """Run every variant on every selected prompt; one row of the effects table each."""
        check_literal(method, Method, "method")
        listed = list(variants)
        if not listed:
            raise UserError("a probe asked for nothing: its heads, layers or positions are empty")
        frames = []
        for selection in where:
            prompts, rows = selection.prompts, list(selection.rows)
            if method == "exact":
                values = measure_metric(self.engine, listed, prompts, self.metric, rows, self.progress)
            else:
                values = estimate_metric(self.engine, listed, prompts, self.metric, rows)
            frames.append(self._rows(listed, values, selection, method))
        return stacked(frames)

    def must_have_a_slope(self, variants: Iterable[Variant]) -> None:
        """UserError where the metric has no gradient from which effects of the variants could be estimated."""
        if self.metric.flat_at_clean and any(variant.base == "clean" for variant in variants):
            raise UserError(
                f"the metric {self.metric.kind} is least in the clean run and has no slope there, so the estimate of every "
                "effect would be 0; choose another metric, or measure without an estimate"
            )

    def edge_effects(
        self, selection: Selection, edges: Sequence[Edit], kept: Bool[np.ndarray, " edge"], steps: int = 1
    ) -> Float[np.ndarray, "row edge"]:
        """Gradient estimate of giving each kept edge its corrupted value, where the others have it already."""
        sizes, prompts = self.sizes, selection.prompts
        at = [
            (edge.layer, edge.head or 0, prompts.indices(edge.query)[0], prompts.indices(edge.key)[0]) for edge in edges
        ]
        index = torch.tensor(at).T
        n_tokens = prompts.clean.shape[1]
        mask = torch.ones(sizes.n_layers, sizes.n_heads, n_tokens, n_tokens, dtype=torch.bool)
        mask[tuple(index)] = torch.from_numpy(kept)
        effects = edge_effects(self.engine, prompts, self.metric, list(selection.rows), mask, steps)
        return effects[(slice(None), *index)].double().numpy()

    def logit_lens(self, where: Sequence[Selection]) -> pd.DataFrame:
        """The metric read before every block and at the output, at the query position of the clean run."""
        frames = []
        for selection in where:
            if several_tokens(selection.prompts, self.metric):
                raise UserError(f"the logit lens reads one token, and {self.metric.kind} reads several here")
            values = observe.logit_lens(self.engine, selection.prompts, self.metric, "clean")
            places = observed_columns("lens", range(len(values)))
            frames.append(self.observed(places, values[:, list(selection.rows)], selection))
        return stacked(frames)

    def need_linear_metric(self) -> tuple[float, float]:
        """What the metric is times the answer's and times the foil's logit; UserError where it is no such sum."""
        weights = self.metric.logit_weights
        if weights is None:
            linear = " or ".join(kind for kind in metrics if metrics[kind].logit_weights is not None)
            raise UserError(f"it needs a metric that is linear in the logits: {linear}, not {self.metric.kind}")
        return weights

    def direct_logit_attribution(self, where: Sequence[Selection]) -> pd.DataFrame:
        """Direct contribution of every component to the metric of the clean run; `effect` is the contribution."""
        weights = self.need_linear_metric()
        frames = []
        for selection in where:
            parts = observe.direct_logit_attribution(self.engine, selection.prompts, "clean", weights)
            for name in dict.fromkeys(part for part, _, _ in parts):
                keys = [key for key in parts if key[0] == name]
                values = torch.stack([parts[key] for key in keys])[:, list(selection.rows)]
                layers = [None if layer < 0 else layer for _, layer, _ in keys]
                heads = [None if head < 0 else head for _, _, head in keys]
                frames.append(self.observed(observed_columns(name, layers, heads), values, selection))
        return stacked(frames)

    def carried(self, here: Selection, begin: Position, to: Position, end: int, origins: Sequence[int]) -> Carried:
        """How what a token's nodes hold of the difference between the runs reaches another token's, by head.

        Origin 0 is the token's embedding, l + 1 what block l's MLP writes there; `end` the target's layer (n_layers: the
        output). Positions are one each.
        """
        prompts, engine = here.prompts, self.engine
        rows, runs = engine.rows(prompts, list(here.rows)), engine.runs(prompts)
        at, target = (tensor_index(prompts.position(place), prompts.bos) for place in (begin, to))
        messages = {}
        for origin in origins:
            site, layer = ("resid_pre", 0) if origin == 0 else ("mlp_out", origin - 1)
            difference = (runs["clean"].site(site, layer) - runs["corrupted"].site(site, layer))[rows]
            messages[origin] = torch.zeros_like(difference)
            messages[origin][:, at] = difference[:, at]
        return Frozen(engine, prompts, self.metric, rows, target, end).carried(messages)

    def attention_weights(self, where: Sequence[Selection]) -> Iterator[pd.DataFrame]:
        """Attention weights of the clean run, for every head and pair of positions that it sees (BOS left out).

        An edge beyond a layer's window does not exist, and has no weight that could be counted as 0.
        In parts: the table is as large as heads x tokens^2 x prompts.
        """
        for selection in where:
            at_once = max(1, ROWS_AT_ONCE // len(selection.rows))
            first = 0
            for layer in range(self.sizes.n_layers):
                query, key = self.sizes.seen(layer, selection.prompts.n_tokens)
                weights = observe.attention_weights(
                    self.engine, selection.prompts, "clean", list(selection.rows), layer
                )
                for places in np.array_split(
                    np.arange(self.sizes.n_heads * len(query)), range(at_once, self.sizes.n_heads * len(query), at_once)
                ):
                    head, pair = np.divmod(places, len(query))
                    columns = observed_columns(
                        "weight", np.full(len(places), layer), head, query[pair] + 1, key[pair] + 1
                    )
                    values = weights[:, head, query[pair], key[pair]].T
                    yield self.observed(columns, values, selection, first)
                    first += len(places)

    def clean_metric(self, selection: Selection) -> pd.Series:
        """The metric of the clean run, by prompt number."""
        prompts, rows = selection.prompts, list(selection.rows)
        values = self._read(prompts, "clean")[rows].double().numpy()
        return pd.Series(values, index=[prompts.prompts[row] for row in rows])

    def gap(self, selection: Selection) -> pd.Series:
        """The clean minus the corrupted metric, by prompt number, in metric units."""
        clean, corrupted = self._both(selection)
        return pd.Series(clean - corrupted, index=[selection.prompts.prompts[row] for row in selection.rows])

    def _read(self, prompts: PromptSet, run: Run) -> Float[Tensor, " prompt"]:
        return read_metric(self.engine, prompts, self.metric, run)

    def _rows(
        self, variants: list[Variant], values: Float[Tensor, "variant prompt"], selection: Selection, method: str
    ) -> pd.DataFrame:
        columns = variant_columns(variants, selection.prompts)
        clean, corrupted = self._both(selection)
        measured = values.double().numpy()
        base = np.where((columns["base"] == "clean").to_numpy()[:, None], clean, corrupted)
        scaled = of_gap(measured - corrupted, clean - corrupted)
        return self._table(columns, measured, base, scaled, selection, method)

    def observed(
        self, columns: pd.DataFrame, values: Float[Tensor, "place prompt"], selection: Selection, first: int = 0
    ) -> pd.DataFrame:
        """Rows of the effects table for what was read off the clean run; `effect` is the value itself."""
        clean, corrupted = self._both(selection)
        seen = values.double().numpy()
        scaled = of_gap(seen, clean - corrupted)
        return self._table(columns, seen, np.zeros_like(seen), scaled, selection, "observed", first)

    def _both(self, selection: Selection) -> tuple[Float[np.ndarray, " prompt"], Float[np.ndarray, " prompt"]]:
        rows = list(selection.rows)
        runs: tuple[Run, Run] = ("clean", "corrupted")
        clean, corrupted = (self._read(selection.prompts, run)[rows].double().numpy() for run in runs)
        return clean, corrupted

    def _table(
        self,
        columns: pd.DataFrame,
        values: Values,
        base: Values,
        scaled: Values,
        selection: Selection,
        method: str,
        first: int = 0,
    ) -> pd.DataFrame:
        prompts, rows = selection.prompts, selection.rows
        return effects_table(columns, values, base, scaled, prompts, rows, first, model=self.model, method=method)
