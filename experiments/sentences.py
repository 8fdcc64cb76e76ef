"""Sentences about which heads carry the key token to the query, each computed from the findings of a run."""

from __future__ import annotations

from collections.abc import Sequence

from interp.analysis.findings import EstimateFound
from interp.analysis.findings_of_heads import HeadFindings, HeadFound, ShareFound
from interp.analysis.findings_of_run import RunFindings
from interp.words.numbers import bracket, ends, estimate, fixed, number, two
from interp.words.phrases import metric_words, percent, plural
from interp.words.visible import visible_token

NAMES = {
    "joint": "kept together (joint)",
    "absolute": "summed absolute effects (absolute)",
    "net": "summed signed effects (net)",
}


def answer(run: RunFindings, search: HeadFindings) -> list[str]:
    """The sentences on top of the report: the verdict with its controls, and what all edges do."""
    share = search.share
    focus, target = run.focus, percent(search.target)
    if not search.defined:
        return [
            f"All key→query edges together have no clear effect on the answer of {run.model.name} here, so there is no share "
            "of it for heads to carry.",
            effect_sentence(run, search),
        ]
    if share.n is None:
        return [
            f"No set of heads carries {target} of what key position {focus.key} does to the answer at query position "
            f"{focus.query} under the {search.definition} definition, on word pairs that the heads were not chosen from.",
            effect_sentence(run, search),
        ]
    labels = [head.label for head in share.heads]
    sentences = [
        f"In {run.model.name}, {plural(share.n, 'head')}{interval_of_n(share, search)} of "
        f"{search.n_candidates} carry {target} of what the key token does to the answer at the query position, on word "
        f"pairs that they were not chosen from ({search.definition} share {percent(share.share)}"
        f"{bracket(share.share_low, share.share_high, percent)}{_fresh(share)}): "
        f"{some(labels)}{against_text(share.heads, towards(run))}."
    ]
    if search.definition == "joint" and (controls := control_text(search, share.n)):
        sentences.append(controls)
    return [*sentences, effect_sentence(run, search)]


def _fresh(share: ShareFound) -> str:
    if share.fresh_low is None:
        return ""
    return f"; on as many other word pairs expect {percent(share.fresh_low)} to {percent(share.fresh_high)}"


def control_text(search: HeadFindings, n: int) -> str:
    """What random sets of n heads and the nonsense task come to, in one sentence; empty where neither was run."""
    random, nonsense = search.controls.random, search.controls.nonsense
    parts = []
    if random is not None:
        parts.append(
            f"the best of {random.sets} random sets of {plural(random.n, 'head')} carries {percent(random.largest)}"
        )
    if nonsense is not None:
        at = nonsense.at(n)
        same = "" if nonsense.defined else ", where all edges together have no effect to share out"
        parts.append(
            f"the same search for arbitrary answers (a random pairing) finds {plural(n, 'head')} that move "
            f"{percent(at.share)}{bracket(at.low, at.high, percent)} of the real effect{same}"
        )
    return f"Controls: {'; '.join(parts)}." if parts else ""


def towards(run: RunFindings) -> int:
    """The sign of what carries the answer: edges that carry it lower a metric that grows with damage."""
    return -1 if run.metric.rises_with_damage else 1


def against_text(heads: Sequence[HeadFound], carrying: int) -> str:
    """Names the selected heads that work against the answer; `carrying` is the sign of those that carry it."""
    against = [head.label for head in heads if sign(head.carried) * carrying < 0]
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


def effect_sentence(run: RunFindings, search: HeadFindings) -> str:
    """What all key->query edges do together; a share of the gap only where the gap is what they are held against."""
    total, unit = search.total, run.metric.unit
    verb = "lowers" if total.none.mean <= total.all.mean else "raises"
    before, after = (number(one.mean, one.low, one.high) for one in (total.all, total.none))
    part = ""
    if search.ablation == "corrupted" and search.defined:
        gap = total.of_gap
        part = f", {percent(gap.mean)}{bracket(gap.low, gap.high, percent)} of the clean-corrupted gap,"
    return (
        f"{VERBS[search.ablation]} {verb} the {metric_words(run)} from {before} to {after} {unit}, an effect of "
        f"{estimate(total.effect)} {unit}{part} over {plural(run.n_prompts, 'prompt')} of "
        f"{plural(run.n_pairs, 'word pair')} in {plural(run.n_templates, 'wording')}."
    )


def share_sentences(run: RunFindings, search: HeadFindings) -> list[str]:
    """The three definitions, the three orders, and whether the count holds between targets and ways of counting."""
    parts = []
    for name, text in NAMES.items():
        share = search.shares.of(name)
        parts.append(
            f"{text}: " + ("never" if share.n is None else f"{plural(share.n, 'head')}{interval_of_n(share, search)}")
        )
    sums, total, unit = search.total.sums, search.total.effect.mean, run.metric.unit
    sentences = [
        f"Heads needed for {percent(search.target)}, by definition: " + "; ".join(parts) + ".",
        f"Single effects sum to {two(sums.net)} {unit} (their sizes to {two(sums.absolute)}), the edges together have an "
        f"effect of {two(total)}: absolute and net are shares of those sums, joint of the effect.",
        order_sentence(search),
    ]
    unstable = [row for row in search.crossings if not row.stable]
    if unstable:
        told = "; ".join(
            f"{percent(row.target)} is first reached with {row.first if row.first is not None else 'no number'} and held "
            f"from {row.staying if row.staying is not None else 'no number on'}"
            for row in unstable
        )
        sentences.append(f"The count is unstable, as the curve falls again after it has reached its target: {told}.")
    in_sample = search.in_sample
    if in_sample.optimism is not None:
        sentences.append(
            f"On the word pairs that chose them the same number of heads carries {percent(in_sample.share)}: "
            f"{fixed(100 * in_sample.optimism, 0, signed=True)} points of optimism."
        )
    sentences += [
        f"Without {head.label} the other selected heads carry more than with it ({percent(head.without)} against "
        f"{percent(head.share)}, one prompt a word pair)."
        for head in search.without
        if head.without is not None and head.share is not None and head.without > head.share
    ]
    highest = max(search.curve, key=lambda point: point.share or 0.0)
    if (highest.share or 0.0) > 1.05:
        sentences.append(
            f"The joint curve overshoots: with the best {highest.n} edges kept the share is {percent(highest.share)}"
            f"{bracket(highest.low, highest.high, percent)} of the whole effect, because heads that work against "
            "the answer are still replaced there."
        )
    return sentences


ORDER_NAMES = {"value": "signed single effect", "size": "size of the single effect", "greedy": "greedy selection"}


def order_sentence(search: HeadFindings) -> str:
    """Heads needed in each order, and which set is smallest."""
    needed = {kind: search.orders[kind].n for kind in ORDER_NAMES}
    told = ", ".join(
        f"{needed[kind] if needed[kind] is not None else 'never'} ({name})" for kind, name in ORDER_NAMES.items()
    )
    reached = {kind: n for kind, n in needed.items() if n is not None}
    least = [ORDER_NAMES[kind] for kind, n in reached.items() if n == min(reached.values())]
    smallest = f"; the smallest set is that of {' and of '.join(least)}" if reached else ""
    return (
        f"Heads needed for {percent(search.target)} by the order in which they are kept, on the other half's word pairs: "
        f"{told}{smallest}. A greedy step tries the best {search.screen} heads by single effect, not all of them."
    )


def sign_sentences(search: HeadFindings, carrying: int) -> list[str]:
    """Heads that work for and against the answer, by a rule."""
    matter = search.matter
    named = [head for head in search.ranking if head.named]
    for_it = [head.label for head in named if head.carried.mean * carrying > 0]
    against = [head.label for head in named if head.carried.mean * carrying < 0]
    least = percent(matter.least_effect / abs(search.total.effect.mean))
    return [
        f"Of {search.n_candidates} heads, {len(for_it)} carry the answer ({', '.join(for_it[:5]) or 'none'}"
        f"{', …' if len(for_it) > 5 else ''}) and {len(against)} work against it ({', '.join(against[:5]) or 'none'}"
        f"{', …' if len(against) > 5 else ''}), at a false-discovery rate of {percent(matter.rate)} and with at least "
        f"{least} of the total effect; {matter.n_too_small} more pass the rate but are too small to name."
    ]


def caveats(run: RunFindings, search: HeadFindings) -> list[str]:
    """What a reader must know before quoting the answer."""
    halves = search.halves
    notes = [
        f"{VERBS[search.ablation].replace('of every head', 'of a head')} is what replacing an edge means here; the attention "
        "row is not renormalised, and all downstream paths respond.",
        f"Word pairs are split in two by the seed: heads are ranked on one half and measured on the other, both ways round "
        f"({halves.shared} of the selected heads are the same in both). The heads that are named stand in the order that all "
        "word pairs give. Intervals of shares and counts rank anew within each resample; those of the curve by layer take the "
        "heads as they are.",
        f"The share is that of the sets which half of the word pairs choose, so it is a cautious one; with "
        f"{percent(run.confidence)} {search.interval_method} intervals. The range for other word pairs is for a sample of as "
        "many as here, of the same list and answered correctly.",
        "Only the direct key→query edge counts here: information that first moves to another position and from there to "
        "the query is outside this total.",
    ]
    if not run.focus_is_declared:
        notes.append(
            f"The declared focus prompt was left out; {visible_token(run.focus.clean)} stands in for it (see "
            "what was left out)."
        )
    if search.definition != "joint":
        notes.append(
            f"Heads were selected by the {search.definition} definition, a sum of single effects; the modulation curve runs them "
            "together, so it need not end at that share."
        )
    if towards(run) < 0:
        notes.append(
            "The metric grows with damage: a head that carries the answer lowers it, so its numbers are negative here."
        )
    nonsense = search.controls.nonsense
    if nonsense is not None and nonsense.defined:
        notes.append(
            f"For arbitrary answers, too, all edges together have an effect, of {two(nonsense.total.mean)} "
            f"{run.metric.unit}{bracket(nonsense.total.low, nonsense.total.high, two)}: part of what is search "
            "here would be found for any answers."
        )
    return notes


def interval_of_n(share: ShareFound, search: HeadFindings) -> str:
    """` [10, 24]`; an open end where some resamples never reach the target."""
    return ends(share.n_low, share.n_high, f"more than {search.n_candidates}")


def sign(estimate: EstimateFound) -> int:
    """+1 or -1 when the interval excludes 0, else 0."""
    low, high = estimate.low, estimate.high
    return 0 if low is None or high is None else (low > 0) - (high < 0)
