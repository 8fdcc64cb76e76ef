"""Sentences about a key->query circuit, each computed from the tables of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interp.analysis.grid import connectivity, drift, strongest_edges
from interp.figures.words import metric_words, percent, runs_text
from interp.report.numbers import NONE, defined, interval, number
from interp.results.tables import RunTables

THRESHOLD = 0.05  # of the clean-corrupted gap: what counts as work, as in the position grid

NAMES = {
    "joint": "kept together (joint)",
    "absolute": "summed absolute effects (absolute)",
    "net": "summed signed effects (net)",
}


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
    return [
        f"In {run['model']['name']}, {count(share['n'], 'head')}{interval_of_n(share, found)} of "
        f"{found['n_candidates']} carry {target} of what the key token does to the answer at the query position "
        f"({found['definition']} share {percent(share['share'])}{bracket(share['share_low'], share['share_high'], percent)}): "
        f"{some(labels)}{against_text(share['heads'])}.",
        effect_sentence(run, found),
    ]


def against_text(heads: list[dict[str, Any]]) -> str:
    """Names the selected heads that work against the answer."""
    against = [head["label"] for head in heads if sign(head["carried"]) < 0]
    if not against:
        return ""
    return f"; of these, {some(against)} {'works' if len(against) == 1 else 'work'} against the answer"


def some(labels: Sequence[str], most: int = 12) -> str:
    """All labels, or the first of a long list and how many there are besides."""
    return (
        ", ".join(labels)
        if len(labels) <= most
        else f"{', '.join(labels[: most - 2])} and {len(labels) - most + 2} more"
    )


def effect_sentence(run: dict[str, Any], found: dict[str, Any]) -> str:
    """What all key->query edges do together."""
    total, unit = found["total"], run["metric"]["unit"]
    verb = "lowers" if total["none"]["mean"] <= total["all"]["mean"] else "raises"
    before, after = (number(total[name]["mean"], total[name]["low"], total[name]["high"]) for name in ("all", "none"))
    return (
        f"Cutting the key→query edge of every head {verb} the {metric_words(run)} from {before} to {after} {unit}, an effect of "
        f"{number(total['effect']['mean'], total['effect']['low'], total['effect']['high'])} {unit}"
        f"{_bracketed(total['effect'])} over {count(run['n_prompts'], 'prompt')} of {count(run['n_pairs'], 'word pair')} in "
        f"{count(run['n_templates'], 'wording')}."
    )


def _bracketed(found: dict[str, Any]) -> str:
    inside = interval(found["low"], found["high"])
    return "" if inside == NONE else f" {inside}"


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
        if found.get("screen"):
            sentences.append(screen_sentence(label, found["screen"], tables.metrics["run"]))
            continue
        for side in ("key", "query"):
            moved = drift(rows, side)
            if moved is not None:
                direction = "to the right" if moved.rho > 0 else "to the left"
                verdict = f"drift {direction} with depth" if moved.p_value < 0.05 else "show no clear drift with depth"
                sentences.append(
                    f"{side.capitalize()} positions {verdict}: Spearman correlation of layer and effect-weighted mean {side} "
                    f"position {two(moved.rho)} (p = {moved.p_value:.2g}, {moved.n_layers} layers)."
                )
        used = tables.prompts[tables.prompts["prompt"].isin(tables.probe(label, ["prompt"])["prompt"])]
        pairs = strongest_edges(rows, THRESHOLD, float(used["gap"].mean()))
        if pairs:
            listed = "; ".join(
                f"{key} to {query} in {'layer' if len(layers) == 1 else 'layers'} {runs_text(layers)}"
                for key, query, layers in pairs
            )
            verdict = (
                "Layers do different jobs" if len(pairs) > 1 else "One pair of positions leads in every layer at work"
            )
            sentences.append(
                f"{verdict}: the strongest edge goes, key to query, from {listed} (layers whose strongest edge moves "
                f"the metric by at least {percent(THRESHOLD)} of the clean-corrupted gap)."
            )
        sparse = connectivity(rows)
        sentences.append(
            f"Causal effect is concentrated: {sparse.n_needed:,} of {sparse.n_edges:,} edges "
            f"({percent(sparse.fraction)}) hold {percent(sparse.share)} of the summed absolute effect of single edges "
            "on the focus prompt."
        )
    return sentences


def screen_sentence(label: str, found: dict[str, Any], run: dict[str, Any]) -> str:
    """What a screened search found, how much of it was run, and how far the estimate can be trusted."""
    first = ", ".join(f"{one['label']} ({one['key']}→{one['query']})" for one in found["top"][:5])
    left = (
        "every one was cut"
        if not found["missed_at_most"]
        else f"with {percent(found['confidence'])} confidence fewer than {percent(found['missed_at_most'])} of the others are "
        f"above {found['bound']:.2g} {run['metric']['unit']}, the lower end of the smallest of them"
    )
    return (
        f"The {found['n_top']} largest of {found['n_effects']:,} edges ({label}; first {first}) were found by cutting "
        f"{found['n_candidates'] + found['n_audited']:,}: {found['n_candidates']:,} in the order of a gradient estimate and "
        f"{found['n_audited']:,} at random; {left}. Estimate and cut agree with Pearson r = "
        f"{found['agreement']['pearson']:.2f} on those; {found['agreement']['overlap']} of the {found['n_top']} are the same."
    )


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
    if not run["focus_is_declared"]:
        notes.append(
            f"The declared focus prompt was left out; {run['focus']['clean']} stands in for it (see what was left out)."
        )
    gap = tables.prompts["gap"].mean()
    effect = found["total"]["effect"]["mean"]
    if found["definition"] != "joint":
        notes.append(
            f"Heads were selected by the {found['definition']} definition, a sum of single effects; the modulation curve runs them "
            "together, so it need not end at that share."
        )
    if run["metric"].get("rises_with_damage"):
        notes.append(
            "The metric grows with damage: a head that carries the answer has a negative effect here, and is said to work "
            "against the metric."
        )
    notes.append(
        f"The key→query edges together account for {percent(effect / gap)} of the mean clean-corrupted gap "
        f"({gap:.2f} {run['metric']['unit']}); shares refer to the edges' total effect, not to the gap."
    )
    if run["n_pairs"] < 10:
        notes.append(f"Only {count(run['n_pairs'], 'word pair')}: intervals from so few clusters are too narrow.")
    return notes


def interval_of_n(share: dict[str, Any], found: dict[str, Any]) -> str:
    """` [10, 24]`; an open end where some resamples never reach the target."""
    if share["n_low"] is None and share["n_high"] is None:
        return ""
    high = share["n_high"] if share["n_high"] is not None else f"more than {found['n_candidates']}"
    return f" [{share['n_low']}, {high}]"


def bracket(low: float | None, high: float | None, style: Any) -> str:
    """` [low, high]`, or nothing where there is no interval."""
    return "" if not (defined(low) and defined(high)) else f" [{style(low)}, {style(high)}]"


def sign(estimate: dict[str, Any]) -> int:
    """+1 or -1 when the interval excludes 0, else 0."""
    low, high = estimate["low"], estimate["high"]
    return 0 if low is None or high is None else (low > 0) - (high < 0)


def two(value: float) -> str:
    """Two decimals, with a minus sign; a dash where there is no number."""
    return NONE if not defined(value) else f"{value:.2f}".replace("-", "−")


def count(number: int, noun: str) -> str:
    """`1 head`, `5 heads`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
