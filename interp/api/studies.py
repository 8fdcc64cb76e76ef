"""One model and its prompts, with the questions that a notebook asks of them.

Everything is measured by the engine that runs use; a frame has the columns of effects.parquet (docs/tables.md).
"""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any, Literal, get_args

import pandas as pd

from interp.analysis.findings import Findings
from interp.analysis.findings_of_heads import HeadFindings
from interp.analysis.halves import LEAST, too_few
from interp.api.given import listed, of_kind, one_of, section
from interp.api.progress import progress
from interp.api.roles import Role
from interp.api.show import tokens_frame
from interp.api.verdict import HeadVerdict
from interp.configs.mistakes import quoted
from interp.errors import UserError
from interp.interventions.edits import Edit, Site, Source, Variant
from interp.measure.study import Study
from interp.models.by_hand import must_be_at_rest
from interp.probes import Probe, Reading, probes
from interp.probes.activation_patching import DIRECTIONS
from interp.probes.base import within_windows
from interp.prompts.choice import PromptChoice
from interp.results.effects_file import whole
from interp.runs.circuit.config import Share, StatisticsConfig
from interp.runs.circuit.preflight import check_probes
from interp.runs.circuit.prepare import prompts_table
from interp.words.phrases import plural

By = Literal["head", "layer", "position"]
HEADS: tuple[Site, ...] = ("z", "q", "k", "v", "pattern")
STREAM: tuple[Site, ...] = ("resid_pre", "resid_mid", "attn_out", "mlp_out")


class NotebookStudy:
    """A model with its prompts and its metric; every method measures at once and returns a frame.

    `settings` of a method go to the probe behind it, so everything that a YAML can say can be said here.
    """

    def __init__(self, inner: Study, seed: int = 0) -> None:
        self.inner = inner
        self.seed = seed

    @property
    def findings(self) -> dict[str, Findings]:
        """What each probe that was asked concludes, by its label (as in metrics.json)."""
        return self.inner.findings

    @property
    def prompts(self) -> pd.DataFrame:
        """One row a prompt pair: texts, tokens, roles, the metric of both runs."""
        return prompts_table(self.inner)

    @property
    def dropped(self) -> pd.DataFrame:
        """Prompts that were left out, and why."""
        return pd.DataFrame(
            [vars(prompt) for prompt in self.inner.book.dropped], columns=["pair", "template", "reason"]
        )

    @property
    def tokens(self) -> pd.DataFrame:
        """Position, token of both runs, and roles of the first prompt of every template."""
        return tokens_frame(self.inner.book.sets)

    def patch(
        self,
        site: Site = "z",
        by: By | None = None,
        *,
        direction: Literal["denoise", "noise"] = "noise",
        prompts: PromptChoice = "all",
        at: Role | None = None,
    ) -> pd.DataFrame:
        """Copy one activation from one run into the other; one row a place and prompt.

        Args:
            site: z, q, k, v, pattern (by head), or resid_pre, resid_mid, attn_out, mlp_out (by layer or position).
            by: "head", "layer" (all positions at once, or at `at`), or "position" (every layer and position); default: head
                for sites of heads, position for the others.
            direction: noise puts a corrupted activation into the clean run, denoise a clean one into the corrupted run.
            at: for by="layer": a position or role; None: all positions.
        """
        one_of("site", site, (*HEADS, *STREAM))
        by = by or ("head" if site in HEADS else "position")
        one_of("by", by, get_args(By))
        one_of("direction", direction, ("denoise", "noise"))
        if (site in HEADS) != (by == "head"):
            raise UserError(
                f"site {site!r} is patched by {'head' if site in HEADS else 'layer or position'}, not by {by}"
            )
        if at is not None and by != "layer":
            raise UserError(f"`at` goes with by='layer'; by={by!r} takes every {by}")
        base, source = DIRECTIONS[direction]
        edits = self._places(site, by, source, at, prompts)
        return self.measure(
            [Variant.of(edit, base=base, part=f"{site}/{direction}") for edit in edits], prompts, "patch"
        )

    def ablate(self, source: Literal["zero", "mean", "resample"] = "mean", **settings: Any) -> pd.DataFrame:
        """Replace the output z of every head; one row a head and prompt (probe head_ablation)."""
        return self.probe("head_ablation", source=source, **settings)

    def cut_edges(
        self,
        key: int | str = "key",
        query: int | str = "query",
        *,
        source: Literal["corrupted", "zero", "mean", "resample"] = "corrupted",
        prompts: PromptChoice = "all",
    ) -> pd.DataFrame:
        """Replace the term that each head carries from `key` to `query`, and nothing else; one row a head and prompt.

        Args:
            key, query: positions counted from 1, or names of roles.
            source: what replaces the term; `corrupted` asks what it says about the key, `zero` removes it.
        """
        one_of("source", source, ("corrupted", "zero", "mean", "resample"))
        sizes = self.inner.sizes
        everywhere = [
            Edit("edge", la, head, query, key, source) for la in range(sizes.n_layers) for head in range(sizes.n_heads)
        ]
        edits = within_windows(everywhere, self.inner, self.inner.select(prompts))
        return self.measure([Variant.of(edit, part="edge") for edit in edits], prompts, "cut_edges")

    def measure(
        self, variants: Iterable[Variant], prompts: PromptChoice = "all", name: str = "measure"
    ) -> pd.DataFrame:
        """Any variants of one's own (`interp.Variant`, `interp.Edit`); one row a variant and prompt."""
        asked = listed("variants", variants, "interp.Variant")
        strangers = [variant for variant in asked if not isinstance(variant, Variant)]
        if strangers:
            raise UserError(f"variants must be a list of interp.Variant, and {quoted(strangers[0])} is none")
        where = self.inner.select(prompts)
        # A notebook can put a hook on the model between two cells.
        must_be_at_rest(self.inner.engine.model)
        with progress(name, len(asked) * sum(len(chosen.rows) for chosen in where)) as advance:
            self.inner.progress = advance
            effects = self.inner.measure(asked, where)
        return self._labelled(effects, name, name)

    def probe(self, probe: str | Probe, **settings: Any) -> pd.DataFrame:
        """The effects of any probe, by its kind and settings, or itself; `findings[label]` is what it concludes.

        A probe may build on one that was asked before, as in a run.
        """
        return self._done(of_kind(probes, probe, settings, Probe), Share(), StatisticsConfig())

    def _done(self, asked: Probe, share: Share, statistics: StatisticsConfig) -> pd.DataFrame:
        inner, label = self.inner, asked.label
        inner.share_target, inner.share_definition = share.target, share.definition
        check_probes([asked], inner, inner.probes)
        must_be_at_rest(inner.engine.model)
        with progress(asked.label, asked.passes(inner)) as advance:
            inner.progress = advance
            with inner.engine.undisturbed():
                effects = self._labelled(whole(asked.run(inner)), label, asked.kind)
        reading = Reading(
            seed=self.seed,
            confidence=statistics.confidence,
            n_resamples=statistics.n_resamples,
            share_target=share.target,
            share_definition=share.definition,
        )
        inner.probes[label], inner.tables[label] = asked, effects
        inner.findings[label] = asked.concluded(effects, inner, reading)
        return effects

    def find_heads(
        self, share: float = 0.8, *, confidence: float = 0.95, n_resamples: int = 2000, **settings: Any
    ) -> HeadVerdict:
        """The smallest set of heads whose key->query edges carry a share of the answer (probe key_query_heads).

        UserError where the prompts are of fewer than 12 clusters: heads are ranked on one half and measured on the other.
        """
        asked = of_kind(probes, "key_query_heads", settings, Probe)
        statistics = section(StatisticsConfig, {"confidence": confidence, "n_resamples": n_resamples})
        target = section(Share, {"target": share}, "share")
        clusters = {pair.pair for prompt_set in self.inner.book.sets for pair in prompt_set.pairs}
        if too_few(len(clusters)):
            raise UserError(
                f"find_heads ranks heads on one half of the clusters and measures them on the other, which needs at least "
                f"{2 * LEAST} clusters, and there {'is 1' if len(clusters) == 1 else f'are {len(clusters)}'}; study.cut_edges() "
                "gives every head's effect without a verdict"
            )
        effects = self._done(asked, target, statistics)
        concluded = self.findings[asked.label]
        assert isinstance(concluded, HeadFindings)  # that is what the probe concludes
        return HeadVerdict(effects, concluded)

    def _places(self, site: Site, by: By, source: Source, at: Any, prompts: PromptChoice) -> list[Edit]:
        sizes, layers = self.inner.sizes, range(self.inner.sizes.n_layers)
        if by == "head":
            heads = range(sizes.n_kv_heads if site in ("k", "v") else sizes.n_heads)
            return [Edit(site, layer, head, source=source) for layer in layers for head in heads]
        if by == "layer":
            return [Edit(site, layer, query=at, source=source) for layer in layers]
        lengths = sorted({chosen.prompts.n_tokens for chosen in self.inner.select(prompts)})
        if len(lengths) > 1:
            raise UserError(
                f"by='position' needs prompts of one length, and these have {lengths} tokens; say by='layer' with "
                "at=..., or prompts='focus_template'"
            )
        return [
            Edit(site, layer, query=position, source=source)
            for layer in layers
            for position in range(1, lengths[0] + 1)
        ]

    def _labelled(self, effects: pd.DataFrame, label: str, kind: str) -> pd.DataFrame:
        effects["probe"], effects["kind"] = label, kind
        effects.attrs = {"metric": self.inner.metric.kind, "unit": self.inner.metric.unit, "seed": self.seed}
        return effects

    def __repr__(self) -> str:
        book = self.inner.book
        return (
            f"<study of {self.inner.model}: {plural(len(book), 'prompt')} in {plural(len(book.sets), 'wording')}, "
            f"{len(book.dropped)} left out; metric {self.inner.metric.kind}>"
        )

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self)[1:-1])}</p>{self.tokens.to_html(index=False, escape=True)}"
