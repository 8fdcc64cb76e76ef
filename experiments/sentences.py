"""Sentences about a key->query circuit, each computed from the tables of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from interp.analysis.grid import connectivity, drift, strongest_edges
from interp.results.tables import RunTables
from interp.words.numbers import defined, estimate, fixed, number
from interp.words.phrases import metric_words, percent, runs_text
from interp.words.visible import visible_token

THRESHOLD = 0.05  # of the clean-corrupted gap: what counts as work, as in the position grid

NAMES = {
    "joint": "kept together (joint)",
    "absolute": "summed absolute effects (absolute)",
    "net": "summed signed effects (net)",
}


def answer(run: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The sentences on top of the report: the verdict with its controls, and what all edges do."""
    share = found["shares"][found["definition"]]
    focus, target = run["focus"], percent(found["target"])
    if not found["defined"]:
        return [
            f"All key→query edges together have no clear effect on the answer of {run['model']['name']} here, so there is no share "
            "of it for heads to carry.",
            effect_sentence(run, found),
        ]
    if share["n"] is None:
        return [
            f"No set of heads carries {target} of what key position {focus['key']} does to the answer at query position "
            f"{focus['query']} under the {found['definition']} definition, on word pairs that the heads were not chosen from.",
            effect_sentence(run, found),
        ]
    labels = [head["label"] for head in share["heads"]]
    sentences = [
        f"In {run['model']['name']}, {count(share['n'], 'head')}{interval_of_n(share, found)} of "
        f"{found['n_candidates']} carry {target} of what the key token does to the answer at the query position, on word "
        f"pairs that they were not chosen from ({found['definition']} share {percent(share['share'])}"
        f"{bracket(share['share_low'], share['share_high'], percent)}{_fresh(share)}): "
        f"{some(labels)}{against_text(share['heads'])}."
    ]
    if found["definition"] == "joint" and (controls := control_text(found)):
        sentences.append(controls)
    return [*sentences, effect_sentence(run, found)]


def _fresh(share: dict[str, Any]) -> str:
    if share.get("fresh_low") is None:
        return ""
    return f"; on as many other word pairs expect {percent(share['fresh_low'])} to {percent(share['fresh_high'])}"


def control_text(found: dict[str, Any]) -> str:
    """What random sets and the nonsense task come to, in one sentence; empty where neither was run."""
    random, nonsense = found["controls"]["random"], found["controls"]["nonsense"]
    parts = []
    if random is not None:
        parts.append(
            f"the best of {random['sets']} random sets of {count(random['n'], 'head')} carries {percent(random['largest'])}"
        )
    if nonsense is not None:
        n = found["shares"]["joint"]["n"]
        at = next(point for point in nonsense["curve"] if point["n"] == n)
        same = "" if nonsense["defined"] else ", where all edges together have no effect to share out"
        parts.append(
            f"the same search for arbitrary answers (a random pairing) finds {count(n, 'head')} that move "
            f"{percent(at['share'])}{bracket(at['low'], at['high'], percent)} of the real effect{same}"
        )
    return f"Controls: {'; '.join(parts)}." if parts else ""


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


VERBS = {
    "zero": "Setting the key→query edge of every head to zero",
    "corrupted": "Giving the key→query edge of every head its value from the corrupted run",
    "mean": "Giving the key→query edge of every head its mean over prompts",
    "resample": "Giving the key→query edge of every head its value from another prompt",
}


def effect_sentence(run: dict[str, Any], found: dict[str, Any]) -> str:
    """What all key->query edges do together; a share of the gap only where the gap is what they are held against."""
    total, unit = found["total"], run["metric"]["unit"]
    verb = "lowers" if total["none"]["mean"] <= total["all"]["mean"] else "raises"
    before, after = (number(total[name]["mean"], total[name]["low"], total[name]["high"]) for name in ("all", "none"))
    part = ""
    if found["ablation"] == "corrupted" and found["defined"]:
        gap = total["of_gap"]
        part = f", {percent(gap['mean'])}{bracket(gap['low'], gap['high'], percent)} of the clean-corrupted gap,"
    return (
        f"{VERBS[found['ablation']]} {verb} the {metric_words(run)} from {before} to {after} {unit}, an effect of "
        f"{estimate(total['effect'])} {unit}{part} over {count(run['n_prompts'], 'prompt')} of "
        f"{count(run['n_pairs'], 'word pair')} in {count(run['n_templates'], 'wording')}."
    )


def share_sentences(run: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The three definitions, the three orders, and whether the count holds between targets and ways of counting."""
    parts = []
    for name, text in NAMES.items():
        share = found["shares"][name]
        parts.append(
            f"{text}: "
            + ("never" if share["n"] is None else f"{count(share['n'], 'head')}{interval_of_n(share, found)}")
        )
    sums, total, unit = found["total"]["sums"], found["total"]["effect"]["mean"], run["metric"]["unit"]
    sentences = [
        f"Heads needed for {percent(found['target'])}, by definition: " + "; ".join(parts) + ".",
        f"Single effects sum to {two(sums['net'])} {unit} (their sizes to {two(sums['absolute'])}), the edges together have an "
        f"effect of {two(total)}: absolute and net are shares of those sums, joint of the effect.",
        order_sentence(found),
    ]
    unstable = [row for row in found["crossings"] if not row["stable"]]
    if unstable:
        told = "; ".join(
            f"{percent(row['target'])} is first reached with {row['first'] if row['first'] is not None else 'no number'} and held "
            f"from {row['staying'] if row['staying'] is not None else 'no number on'}"
            for row in unstable
        )
        sentences.append(f"The count is unstable, as the curve falls again after it has reached its target: {told}.")
    in_sample = found["in_sample"]
    if in_sample["optimism"] is not None:
        sentences.append(
            f"On the word pairs that chose them the same number of heads carries {percent(in_sample['share'])}: "
            f"{fixed(100 * in_sample['optimism'], 0, signed=True)} points of optimism."
        )
    sentences += [
        f"Without {one['label']} the other selected heads carry more than with it ({percent(one['without'])} against "
        f"{percent(one['share'])}, one prompt a word pair)."
        for one in found["without"]
        if one["without"] > one["share"]
    ]
    highest = max(found["curve"], key=lambda point: point["share"])
    if highest["share"] > 1.05:
        sentences.append(
            f"The joint curve overshoots: with the best {highest['n']} edges kept the share is {percent(highest['share'])}"
            f"{bracket(highest['low'], highest['high'], percent)} of the whole effect, because heads that work against "
            "the answer are still replaced there."
        )
    return sentences


ORDER_NAMES = {"value": "signed single effect", "size": "size of the single effect", "greedy": "greedy selection"}


def order_sentence(found: dict[str, Any]) -> str:
    """Heads needed in each order, and which set is smallest."""
    needed = {kind: found["orders"][kind]["n"] for kind in ORDER_NAMES}
    told = ", ".join(
        f"{needed[kind] if needed[kind] is not None else 'never'} ({name})" for kind, name in ORDER_NAMES.items()
    )
    reached = {kind: n for kind, n in needed.items() if n is not None}
    least = [ORDER_NAMES[kind] for kind, n in reached.items() if n == min(reached.values())]
    smallest = f"; the smallest set is that of {' and of '.join(least)}" if reached else ""
    return (
        f"Heads needed for {percent(found['target'])} by the order in which they are kept, on the other half's word pairs: "
        f"{told}{smallest}. A greedy step tries the best {found['screen']} heads by single effect, not all of them."
    )


def sign_sentences(found: dict[str, Any]) -> list[str]:
    """Heads that work for and against the answer, by a rule."""
    matter = found["matter"]
    named = [head for head in found["ranking"] if head["named"]]
    for_it = [head["label"] for head in named if head["carried"]["mean"] > 0]
    against = [head["label"] for head in named if head["carried"]["mean"] < 0]
    least = percent(matter["least_effect"] / abs(found["total"]["effect"]["mean"]))
    return [
        f"Of {found['n_candidates']} heads, {len(for_it)} carry the answer ({', '.join(for_it[:5]) or 'none'}"
        f"{', …' if len(for_it) > 5 else ''}) and {len(against)} work against it ({', '.join(against[:5]) or 'none'}"
        f"{', …' if len(against) > 5 else ''}), at a false-discovery rate of {percent(matter['rate'])} and with at least "
        f"{least} of the total effect; {matter['n_too_small']} more pass the rate but are too small to name."
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
            f"At work (replacing {found['site']} of one layer moves the metric, with the whole interval, by at least "
            f"{percent(found['threshold'])} of the group's own clean-corrupted gap): " + "; ".join(parts) + "."
        )
        working = {group["group"]: [layer for layer in group["layers"] if layer > 0] for group in groups}
        widths = {name: layers[-1] - layers[0] + 1 for name, layers in working.items() if layers}
        if len(widths) > 1:
            name = max(widths, key=lambda one: widths[one])
            sentences.append(
                f"The widest span after layer 0, whose MLP is each token's own embedding in all but name, belongs to "
                f"{name}: {count(widths[name], 'layer')}, gaps included."
            )
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
                sentences.append(
                    f"Effect-weighted mean {side} position by depth: {two(moved.early)} in the first third of the layers, "
                    f"{two(moved.late)} in the last (Spearman correlation with the layer {two(moved.rho)}). This describes the "
                    f"{moved.n_layers} layers of one prompt, which are no independent samples; the last layer, which can only "
                    "write at the query, is left out."
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
        else f"a random sample bounds the share of the others above {number(found['bound'])} {run['metric']['unit']}, the lower "
        f"end of the smallest of them, at {percent(found['missed_at_most'])}, which is no promise about the list: edges "
        "whose effect the estimate hides can be missing from it"
    )
    return (
        f"The {found['n_top']} largest of {found['n_effects']:,} edges ({label}; first {first}) were found by cutting "
        f"{found['n_candidates'] + found['n_audited']:,}: {found['n_candidates']:,} in the order of a gradient estimate and "
        f"{found['n_audited']:,} at random; {left}. Estimate and cut agree with Pearson r = "
        f"{two(found['agreement']['pearson'])} on those; {found['agreement']['overlap']} of the {found['n_top']} are the same."
    )


def agreement_sentences(probes: dict[str, Any]) -> list[str]:
    """How far the gradient estimate can be trusted here."""
    return [
        f"The gradient estimate ({label}) of {found['of']} agrees with the exact effects with Pearson r = "
        f"{two(found['pearson'])}, Spearman rho = {two(found['spearman'])} over {found['n_variants']:,} variants; "
        f"{found['overlap']} of the top {found['top_k']} are the same."
        for label, found in probes.items()
        if found["kind"] == "attribution_patching" and found.get("pearson") is not None
    ]


def caveats(run: dict[str, Any], found: dict[str, Any], tables: RunTables) -> list[str]:
    """What a reader must know before quoting the answer."""
    halves = found["halves"]
    notes = [
        f"{VERBS[found['ablation']].replace('of every head', 'of a head')} is what replacing an edge means here; the attention "
        "row is not renormalised, and all downstream paths respond.",
        f"Word pairs are split in two by the seed: heads are ranked on one half and measured on the other, both ways round "
        f"({halves['shared']} of the selected heads are the same in both). The heads that are named stand in the order that all "
        "word pairs give. Intervals of shares and counts rank anew within each resample; those of the curve by layer take the "
        "heads as they are.",
        f"The share is that of the sets which half of the word pairs choose, so it is a cautious one; with "
        f"{percent(run['confidence'])} {found['interval_method']} intervals. The range for other word pairs is for a sample of as "
        "many as here, of the same list and answered correctly.",
        "Only the direct key→query edge counts here: information that first moves to another position and from there to "
        "the query is outside this total.",
    ]
    if not run["focus_is_declared"]:
        notes.append(
            f"The declared focus prompt was left out; {visible_token(run['focus']['clean'])} stands in for it (see "
            "what was left out)."
        )
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
    nonsense = found["controls"]["nonsense"]
    if nonsense is not None and nonsense["defined"]:
        notes.append(
            f"For arbitrary answers, too, all edges together have an effect, of {two(nonsense['total']['mean'])} "
            f"{run['metric']['unit']}{bracket(nonsense['total']['low'], nonsense['total']['high'], two)}: part of what is found "
            "here would be found for any answers."
        )
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


def two(value: float | None) -> str:
    """Two decimals, with a minus sign; a dash where there is no number."""
    return fixed(value, 2)


def count(number: int, noun: str) -> str:
    """`1 head`, `5 heads`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
