"""Recipe `key_query_circuit`: which heads carry the key token to the query, and how much of the answer they account for.

The figure that the project starts from, on any dense model: the head search with its three shares, modulation by layer,
layer spans of token groups, the attention panels, and the sentences that the tables support.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from experiments.overview import top_effects
from experiments.sentences import (
    NAMES,
    agreement_sentences,
    answer,
    bracket,
    caveats,
    interval_of_n,
    modulation_sentences,
    position_sentences,
    share_sentences,
    sign_sentences,
    span_sentences,
)
from interp.errors import UserError
from interp.experiment import Experiment, experiments
from interp.figures.base import Figure
from interp.figures.base import figures as figure_kinds
from interp.figures.words import percent
from interp.report.numbers import interval, number
from interp.report.story import Section, Story, TableBlock
from interp.results.tables import RunTables

SECTIONS: dict[str, tuple[str, ...]] = {
    "The circuit": ("circuit_panel", "attention_panel"),
    "How many heads, and which": ("share_curve", "effect_bars", "head_heatmap"),
    "Where in depth": ("modulation_curve", "span_chart", "logit_lens_curve"),
    "Which positions": ("position_grid", "position_heatmap"),
    "Checks": ("attribution_scatter",),
}


@experiments.register
class KeyQueryCircuit(Experiment):
    """Heads that map the key token to the query position: shares, layers, panels, and sentences computed from them."""

    kind: Literal["key_query_circuit"] = "key_query_circuit"
    search: str = "key_query_heads"

    def check(self, kinds: Mapping[str, str]) -> None:
        """The sentences are those of a head search."""
        if kinds.get(self.search) != "key_query_heads":
            raise UserError(
                f"experiment {self.kind}: `search` names {self.search!r}, which is no key_query_heads probe of this run "
                f"(it has {', '.join(kinds)}); add one, name another, or leave `experiment` out for a plain report"
            )

    def figures(self, tables: RunTables) -> list[Figure]:
        """Every kind that the run's probes can feed."""
        have = {found["kind"] for found in tables.metrics["probes"].values()}
        needs = {
            "circuit_panel": {"key_query_heads", "attention_pattern"},
            "attention_panel": {"key_query_heads", "attention_pattern"},
            "share_curve": {"key_query_heads"},
            "effect_bars": {"key_query_heads"},
            "head_heatmap": {"key_query_heads"},
            "modulation_curve": {"layer_modulation"},
            "span_chart": {"layer_span"},
            "logit_lens_curve": {"logit_lens"},
            "position_grid": {"edge_patching"},
            "position_heatmap": {"activation_patching"},
            "attribution_scatter": {"attribution_patching"},
        }
        # Figures over positions need probes that looked at positions one by one.
        whole = [label for label, one in tables.metrics["probes"].items() if not one.get("screen")]
        numbered = tables.summary[tables.summary["query_label"].str.isdigit() & tables.summary["probe"].isin(whole)]
        for figure, probe in (("position_grid", "edge_patching"), ("position_heatmap", "activation_patching")):
            if probe not in set(numbered["kind"]):
                del needs[figure]
        return [figure_kinds[kind].model_validate({}) for kind, kinds in needs.items() if kinds <= have]

    def story(self, tables: RunTables, figures: list[str]) -> Story:
        """Answer, observations and caveats, every sentence from the run's numbers."""
        run, probes = tables.metrics["run"], tables.metrics["probes"]
        found = probes[self.search]
        return Story(
            title=run["title"] or run["name"],
            question=run["question"]
            or f"Which heads carry key position {run['focus']['key']} to query position {run['focus']['query']}?",
            answer=answer(run, found),
            observations=[
                *share_sentences(run, found),
                *sign_sentences(found),
                *self._depth_sentences(tables),
                *span_sentences(probes),
                *position_sentences(tables),
                *agreement_sentences(probes),
            ],
            caveats=caveats(run, found, tables),
            sections=self._sections(tables, figures),
        )

    def _depth_sentences(self, tables: RunTables) -> list[str]:
        return [
            sentence
            for found in tables.metrics["probes"].values()
            if found["kind"] == "layer_modulation"
            for sentence in modulation_sentences(found, tables.metrics["run"])
        ]

    def _sections(self, tables: RunTables, figures: list[str]) -> list[Section]:
        kinds = {kind: title for title, members in SECTIONS.items() for kind in members}
        by_title: dict[str, list[str]] = {title: [] for title in [*SECTIONS, "More figures"]}
        for stem in figures:
            title = next((kinds[kind] for kind in kinds if stem.startswith(kind)), "More figures")
            by_title[title].append(stem)
        found = tables.metrics["probes"][self.search]
        blocks = {"How many heads, and which": [shares_table(found), heads_table(found, tables.metrics["run"])]}
        sections = [
            Section(title=title, text=[], figures=stems, tables=blocks.get(title, []))
            for title, stems in by_title.items()
            if stems or title in blocks
        ]
        other = [
            label
            for label, one in tables.metrics["probes"].items()
            if one["kind"] in ("head_ablation", "activation_patching", "direct_logit_attribution", "edge_patching")
        ]
        if other:
            rows = [top_effects(tables, label) for label in other]
            sections.append(Section(title="Largest effects of the other probes", text=[], figures=[], tables=rows))
        return sections


def shares_table(found: dict[str, Any]) -> TableBlock:
    """n and share under each definition."""
    rows = []
    for name in NAMES:
        share = found["shares"][name]
        reached = share["n"] is not None
        rows.append(
            [
                name + (" (in use)" if name == found["definition"] else ""),
                str(share["n"]) if reached else "never",
                interval_of_n(share, found).strip() if reached else "—",
                percent(share["share"]) if reached else "—",
                bracket(share["share_low"], share["share_high"], percent).strip() if reached else "—",
            ]
        )
    return TableBlock(
        title=f"Heads needed for {percent(found['target'])}",
        columns=["definition", "heads", "interval", "share", "interval"],
        rows=rows,
        note="joint: the kept heads run together, all other key→query edges cut. absolute, net: sums of single effects.",
    )


def heads_table(found: dict[str, Any], run: dict[str, Any], count_: int = 20) -> TableBlock:
    """The strongest heads with intervals."""
    chosen = {head["label"] for head in found["shares"][found["definition"]]["heads"]}
    return TableBlock(
        title="Heads by the size of their key→query edge",
        columns=["rank", "head", f"carried ({run['metric']['unit']})", "interval", "selected"],
        rows=[
            [
                str(rank),
                head["label"],
                number(head["carried"]["mean"], head["carried"]["low"], head["carried"]["high"]),
                interval(head["carried"]["low"], head["carried"]["high"]),
                "yes" if head["label"] in chosen else "",
            ]
            for rank, head in enumerate(found["ranking"][:count_], start=1)
        ],
        note="Carried: what the metric loses when this edge alone is cut; negative heads work against the answer.",
    )
