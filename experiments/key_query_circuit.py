"""Recipe `key_query_circuit`: which heads carry the key token to the query, and how much of the answer they account for.

The figure that the project starts from, on any dense model: the head search with its three shares, modulation by layer,
layer spans of token groups, the attention panels, and the sentences that the tables support.
"""

from __future__ import annotations

from typing import Any, Literal

from experiments.overview import top_effects
from interp.analysis.grid import connectivity, key_drift
from interp.experiment import Experiment, experiments
from interp.figures.base import Figure
from interp.figures.base import figures as figure_kinds
from interp.figures.words import METRICS, percent, runs_text
from interp.report.story import Section, Story, TableBlock
from interp.results.tables import RunTables

SECTIONS: dict[str, tuple[str, ...]] = {
    "The circuit": ("circuit_panel", "attention_panel"),
    "How many heads, and which": ("share_curve", "effect_bars", "head_heatmap"),
    "Where in depth": ("modulation_curve", "span_chart", "logit_lens_curve"),
    "Which positions": ("position_grid", "position_heatmap"),
    "Checks": ("attribution_scatter",),
}
NAMES = {
    "joint": "kept together (joint)",
    "absolute": "summed absolute effects (absolute)",
    "net": "summed signed effects (net)",
}


@experiments.register
class KeyQueryCircuit(Experiment):
    """Heads that map the key token to the query position: shares, layers, panels, and sentences computed from them."""

    kind: Literal["key_query_circuit"] = "key_query_circuit"
    search: str = "key_query_heads"

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
        numbered = tables.summary[tables.summary["query_label"].str.isdigit()]
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


def answer(run: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The two sentences on top of the report."""
    share = found["shares"][found["definition"]]
    focus, target = run["focus"], percent(found["target"])
    if share["n"] is None:
        return [
            f"No set of heads carries {target} of what key position {focus['key']} does to the answer at query position "
            f"{focus['query']} under the {found['definition']} definition.",
            effect_sentence(run, found),
        ]
    labels = [head["label"] for head in share["heads"]]
    listed = ", ".join(labels) if len(labels) <= 12 else ", ".join(labels[:10]) + f" and {len(labels) - 10} more"
    return [
        f"In {run['model']['name']}, {count(share['n'], 'head')}{interval_of_n(share, found)} of "
        f"{found['n_candidates']} carry {target} of what the key token does to the answer at the query position "
        f"({found['definition']} share {percent(share['share'])}{bracket(share['share_low'], share['share_high'], percent)}): "
        f"{listed}{against_text(share['heads'])}.",
        effect_sentence(run, found),
    ]


def against_text(heads: list[dict[str, Any]]) -> str:
    """Names the selected heads that work against the answer."""
    against = [head["label"] for head in heads if sign(head["carried"]) < 0]
    if not against:
        return ""
    return f"; of these, {', '.join(against)} {'works' if len(against) == 1 else 'work'} against the answer"


def effect_sentence(run: dict[str, Any], found: dict[str, Any]) -> str:
    """What all key->query edges do together."""
    total, unit = found["total"]["effect"], run["metric"]["unit"]
    return (
        f"Cutting the key→query edge of every head lowers the {metric_name(run)} from {found['total']['all']['mean']:.2f} to "
        f"{found['total']['none']['mean']:.2f} {unit}, an effect of {total['mean']:.2f} {unit}"
        f"{bracket(total['low'], total['high'], two)} over {run['n_prompts']} prompts of {run['n_pairs']} word pairs in "
        f"{run['n_templates']} wordings."
    )


def share_sentences(run: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The three definitions side by side."""
    parts = []
    for name, text in NAMES.items():
        share = found["shares"][name]
        parts.append(
            f"{text}: "
            + ("never" if share["n"] is None else f"{count(share['n'], 'head')}{interval_of_n(share, found)}")
        )
    highest = max(found["curve"], key=lambda point: point["share"])
    sentences = [f"Heads needed for {percent(found['target'])}, by definition: " + "; ".join(parts) + "."]
    if highest["share"] > 1.05:
        sentences.append(
            f"The joint curve overshoots: with the best {highest['n']} edges kept the share is {percent(highest['share'])}"
            f"{bracket(highest['low'], highest['high'], percent)} of the whole effect, because heads that work against "
            "the answer are still cut there."
        )
    return sentences


def sign_sentences(found: dict[str, Any]) -> list[str]:
    """Heads that work for and against the answer."""
    sure = [head for head in found["ranking"] if sign(head["carried"]) != 0]
    for_it = [head["label"] for head in sure if sign(head["carried"]) > 0]
    against = [head["label"] for head in sure if sign(head["carried"]) < 0]
    text = (
        f"Of {found['n_candidates']} heads, {len(for_it)} carry the answer (interval above 0, not corrected for the number of "
        f"heads; strongest {', '.join(for_it[:5]) or 'none'})"
    )
    return [
        text
        + (
            f" and {len(against)} work against it (interval below 0; strongest {', '.join(against[:5])})."
            if against
            else " and none works against it with an interval below 0."
        )
    ]


def modulation_sentences(found: dict[str, Any], run: dict[str, Any]) -> list[str]:
    """Where along the layers the selected heads do it."""
    final, curve, n_layers = found["final"], found["curve"], run["model"]["n_layers"]
    half = next((point["layer"] for point in curve if point["share"] >= final["mean"] / 2), None)
    steps = ", ".join(f"layer {step['layer']} ({percent(step['rise'])})" for step in found["steps"][:3])
    return [
        f"Layer-{n_layers} modulation (the output): the {count(len(found['heads']), 'selected head')} together carry "
        f"{percent(final['mean'])}{bracket(final['low'], final['high'], percent)} of the key→query effect; half of that is "
        f"reached with the heads below layer {half}, and the largest rises come from the blocks of {steps}."
    ]


def span_sentences(probes: dict[str, Any]) -> list[str]:
    """When each token group is at work, and which is widest."""
    sentences = []
    for found in probes.values():
        if found["kind"] != "layer_span":
            continue
        groups = [group for group in found["groups"] if not group.get("output")]
        parts = [f"{group['group']} {span_text(group)}" for group in groups]
        sentences.append(
            f"At work (replacing {found['site']} of one layer moves the metric by at least {percent(found['threshold'])} of "
            "the group's own clean-corrupted gap): " + "; ".join(parts) + "."
        )
        working = [group for group in groups if group["first"] is not None]
        if len(working) > 1:
            widest = max(working, key=lambda group: group["last"] - group["first"])
            width = widest["last"] - widest["first"] + 1
            sentences.append(f"The widest span belongs to {widest['group']}: {count(width, 'layer')}, gaps included.")
    return sentences


def span_text(group: dict[str, Any]) -> str:
    """`layers 0–8, with gaps: 0–2, 8`."""
    if group["first"] is None:
        return "in no layer"
    if group["first"] == group["last"]:
        return f"in layer {group['first']}"
    gaps = f", with gaps (at work in {runs_text(group['layers'])})" if group["gaps"] else ""
    return f"in layers {group['first']}–{group['last']}{gaps}"


def position_sentences(tables: RunTables) -> list[str]:
    """Drift of key positions with depth, and how sparse the edges are."""
    sentences = []
    for label, found in tables.metrics["probes"].items():
        rows = tables.summary_of(label)
        if found["kind"] != "edge_patching" or rows["query_label"].nunique() < 3:
            continue
        drift = key_drift(rows)
        if drift is not None:
            direction = "to the right" if drift.rho > 0 else "to the left"
            verdict = f"drift {direction} with depth" if drift.p_value < 0.05 else "show no clear drift with depth"
            sentences.append(
                f"Key positions {verdict}: Spearman correlation of layer and effect-weighted mean key position "
                f"{drift.rho:.2f} (p = {drift.p_value:.2g}, {drift.n_layers} layers)."
            )
        sparse = connectivity(rows)
        sentences.append(
            f"Causal effect is concentrated: {sparse.n_needed:,} of {sparse.n_edges:,} edges "
            f"({percent(sparse.fraction)}) hold {percent(sparse.share)} of the summed absolute effect of single edges "
            "on the focus prompt."
        )
    return sentences


def agreement_sentences(probes: dict[str, Any]) -> list[str]:
    """How far the gradient estimate can be trusted here."""
    return [
        f"The gradient estimate ({label}) of {found['of']} agrees with the exact effects with Pearson r = "
        f"{found['pearson']:.2f}, Spearman rho = {found['spearman']:.2f} over {found['n_variants']:,} variants; "
        f"{found['overlap']} of the top {found['top_k']} are the same."
        for label, found in probes.items()
        if found["kind"] == "attribution_patching" and found.get("pearson") is not None
    ]


def caveats(run: dict[str, Any], found: dict[str, Any], tables: RunTables) -> list[str]:
    """What a reader must know before quoting the answer."""
    cut = "set to zero" if found["ablation"] == "zero" else f"replaced by its {found['ablation']} value"
    notes = [
        f"An edge is cut by having its value-weighted term {cut}; the attention row is not renormalised, and all "
        "downstream paths respond.",
        "The ranking of heads and the joint curve use the same prompts; intervals resample word pairs with the ranking held "
        "fixed, so they do not cover the choice of the ranking itself.",
        "Only the direct key→query edge counts here: information that first moves to another position and from there to "
        "the query is outside this total.",
    ]
    gap = tables.prompts["gap"].mean()
    effect = found["total"]["effect"]["mean"]
    notes.append(
        f"The key→query edges together account for {percent(effect / gap)} of the mean clean-corrupted gap "
        f"({gap:.2f} {run['metric']['unit']}); shares refer to the edges' total effect, not to the gap."
    )
    if run["n_pairs"] < 10:
        notes.append(f"Only {count(run['n_pairs'], 'word pair')}: intervals from so few clusters are too narrow.")
    return notes


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
                two(head["carried"]["mean"]),
                bracket(head["carried"]["low"], head["carried"]["high"], two).strip(),
                "yes" if head["label"] in chosen else "",
            ]
            for rank, head in enumerate(found["ranking"][:count_], start=1)
        ],
        note="Carried: what the metric loses when this edge alone is cut; negative heads work against the answer.",
    )


def metric_name(run: dict[str, Any]) -> str:
    """The metric in words."""
    return METRICS[run["metric"]["kind"]]


def interval_of_n(share: dict[str, Any], found: dict[str, Any]) -> str:
    """` [10, 24]`; an open end where some resamples never reach the target."""
    if share["n_low"] is None and share["n_high"] is None:
        return ""
    high = share["n_high"] if share["n_high"] is not None else f"more than {found['n_candidates']}"
    return f" [{share['n_low']}, {high}]"


def bracket(low: float | None, high: float | None, style: Any) -> str:
    """` [low, high]`, or nothing where there is no interval."""
    return "" if low is None or high is None else f" [{style(low)}, {style(high)}]"


def sign(estimate: dict[str, Any]) -> int:
    """+1 or -1 when the interval excludes 0, else 0."""
    low, high = estimate["low"], estimate["high"]
    return 0 if low is None or high is None else (low > 0) - (high < 0)


def two(value: float) -> str:
    """Two decimals, with a minus sign."""
    return f"{value:.2f}".replace("-", "−")


def count(number: int, noun: str) -> str:
    """`1 head`, `5 heads`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
