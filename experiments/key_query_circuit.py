"""Recipe `key_query_circuit`: which heads carry the key token to the query, and how much of the answer they account for.

The figure that the project starts from, on any dense model: the head search with its three shares, modulation by layer,
layer spans of token groups, the attention panels, and the sentences that the tables support.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from experiments.carried import carried_sentences
from experiments.circuits import circuit_caveats, circuit_sentences
from experiments.observations import (
    agreement_sentences,
    modulation_sentences,
    position_sentences,
    span_sentences,
)
from experiments.overview import effects_tables
from experiments.roads import path_sentences
from experiments.sentences import answer, caveats, share_sentences, sign_sentences, towards
from experiments.tables import (
    controls_table,
    crossings_table,
    heads_table,
    orders_table,
    shapley_table,
    shares_table,
    sources_table,
)
from interp.analysis.findings import (
    AttributionFindings,
    EdgePatchingFindings,
    LayerModulationFindings,
    LayerSpanFindings,
)
from interp.analysis.findings_of_carried import CarriedFindings
from interp.analysis.findings_of_heads import HeadFindings
from interp.analysis.findings_of_paths import PathFindings
from interp.errors import UserError
from interp.figures.base import Figure
from interp.figures.base import figures as figure_kinds
from interp.figures.of_a_probe import figures_of, shown_by
from interp.report.recipe import Recipe, recipes
from interp.report.story import Section, Story
from interp.report.wordings import wordings_table
from interp.results.tables import RunTables

SECTIONS: dict[str, tuple[str, ...]] = {
    "The circuit": ("circuit_panel", "circuit_graph", "attention_panel"),
    "How many heads, and which": (*("share_curve", "order_curves", "circuit_curves", "effect_bars", "head_heatmap"),),
    "Where in depth": ("modulation_curve", "span_chart", "logit_lens_curve"),
    "Which positions": ("path_flow", "cumulative_mass", "position_grid", "position_heatmap"),
    "Checks": ("attribution_scatter",),
}

TOLD = ("layer_modulation", "layer_span", "attention_pattern", "logit_lens", "attribution_patching", "paths")
"""Kinds of probe that have figures or sentences of their own; of any other, the largest effects stand in a table."""


@recipes.register
class KeyQueryCircuit(Recipe):
    """Heads that map the key token to the query position: shares, layers, panels, and sentences computed from them."""

    kind: Literal["key_query_circuit"] = "key_query_circuit"
    search: str = Field(
        default="key_query_heads", description="Label of the key_query_heads probe that the sentences are about."
    )

    def check(self, kinds: Mapping[str, str]) -> None:
        """The sentences are those of a head search."""
        if kinds.get(self.search) != "key_query_heads":
            raise UserError(
                f"experiment {self.kind}: `search` names {self.search!r}, which is no key_query_heads probe of this run "
                f"(it has {', '.join(kinds)}); add one, name another, or leave `experiment` out for a plain report"
            )

    def figures(self, tables: RunTables) -> list[Figure]:
        """Every kind that the run's probes can feed."""
        have = set(tables.kinds.values())
        needs = {
            "circuit_panel": {"key_query_heads", "attention_pattern"},
            "attention_panel": {"key_query_heads", "attention_pattern"},
            "share_curve": {"key_query_heads"},
            "order_curves": {"key_query_heads"},
            "effect_bars": {"key_query_heads"},
            "head_heatmap": {"key_query_heads"},
            "modulation_curve": {"layer_modulation"},
            "span_chart": {"layer_span"},
            "logit_lens_curve": {"logit_lens"},
            "path_flow": {"paths"},
            "position_grid": {"edge_patching"},
            "position_heatmap": {"activation_patching"},
            "cumulative_mass": {"edge_patching"},
            "circuit_graph": {"edge_patching"},
            "attribution_scatter": {"attribution_patching"},
        }
        # Figures over positions need probes that looked at positions one by one.
        edges = tables.findings_of("edge_patching", EdgePatchingFindings)
        screened = [label for label, found in edges.items() if found.screen]
        whole = [label for label in edges if label not in screened]
        numbered = tables.summary[tables.summary["query_label"].str.isdigit() & ~tables.summary["probe"].isin(screened)]
        for figure, probe in (
            ("position_grid", "edge_patching"),
            ("cumulative_mass", "edge_patching"),
            ("circuit_graph", "edge_patching"),
            ("position_heatmap", "activation_patching"),
        ):
            if probe not in set(numbered["kind"]):
                del needs[figure]
        settings: dict[str, dict[str, Any]] = {
            "head_heatmap": {"parts": ["single"], "probe": self.search},
            **{
                kind: {"probe": label, "name": kind}
                for label in whole[:1]
                for kind in ("cumulative_mass", "circuit_graph")
            },
        }
        chosen = [
            figure_kinds[kind].model_validate(settings.get(kind, {})) for kind, kinds in needs.items() if kinds <= have
        ]
        shown = shown_by(chosen, tables)
        return chosen + [
            figure for label in tables.labels if label not in shown for figure in figures_of(tables, label)
        ]

    def story(self, tables: RunTables, figures: list[str]) -> Story:
        """Answer, observations and caveats, every sentence from the run's numbers."""
        run, search = tables.run, tables.findings(self.search, HeadFindings)
        spans = tables.findings_of("layer_span", LayerSpanFindings)
        estimates = tables.findings_of("attribution_patching", AttributionFindings)
        return Story(
            title=run.title or run.name,
            question=run.question
            or f"Which heads carry key position {run.focus.key} to query position {run.focus.query}?",
            answer=answer(run, search),
            observations=[
                *share_sentences(run, search),
                *sign_sentences(search, towards(run)),
                *self._depth_sentences(tables),
                *span_sentences(spans.values()),
                *circuit_sentences(tables),
                *path_sentences(tables.findings_of("paths", PathFindings).values()),
                *carried_sentences(tables.findings_of("residual_edge", CarriedFindings).values(), run),
                *position_sentences(tables),
                *agreement_sentences(estimates),
            ],
            caveats=[*caveats(run, search), *circuit_caveats(tables)],
            sections=self._sections(tables, figures),
        )

    def _depth_sentences(self, tables: RunTables) -> list[str]:
        return [
            sentence
            for found in tables.findings_of("layer_modulation", LayerModulationFindings).values()
            for sentence in modulation_sentences(found, tables.run)
        ]

    def _sections(self, tables: RunTables, figures: list[str]) -> list[Section]:
        kinds = {kind: title for title, members in SECTIONS.items() for kind in members}
        by_title: dict[str, list[str]] = {title: [] for title in [*SECTIONS, "More figures"]}
        others = [label for label in tables.labels if label != self.search]
        of_others = [figure.stem for label in others for figure in figures_of(tables, label)]
        for stem in figures:
            if stem in of_others:
                continue
            title = next((kinds[kind] for kind in kinds if stem.startswith(kind)), "More figures")
            by_title[title].append(stem)
        run, search = tables.run, tables.findings(self.search, HeadFindings)
        blocks = {
            "How many heads, and which": [
                *(block(search, run) for block in (crossings_table, shares_table, orders_table, controls_table)),
                *(block(search, run) for block in (sources_table, heads_table)),
                *([shapley_table(search, run)] if search.shapley else []),
            ]
        }
        sections = [
            Section(title=title, text=[], figures=stems, tables=blocks.get(title, []))
            for title, stems in by_title.items()
            if stems or title in blocks
        ]
        untold = [label for label in others if tables.kinds[label] not in TOLD]
        rows = [block for label in untold for block in effects_tables(tables, label)]
        stems = [stem for stem in figures if stem in of_others]
        sections.append(Section(title="The prompts", tables=[wordings_table(run)]))
        if rows or stems:
            sections.append(Section(title="Largest effects of the other probes", text=[], figures=stems, tables=rows))
        return sections
