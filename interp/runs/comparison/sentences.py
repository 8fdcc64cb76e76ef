"""Sentences about two models, each computed from the comparison's numbers."""

from __future__ import annotations

from collections.abc import Sequence

from interp.analysis.circuits import DIRECTIONS
from interp.analysis.findings_of_comparison import (
    EdgesBothWays,
    EdgesCompared,
    HeadsByDefinition,
    HeadsCompared,
    NodesBothWays,
    NodesCompared,
    PairedFound,
    PairFindings,
    RatioFound,
)
from interp.analysis.findings_of_run import RunFindings
from interp.figures.circuit_words import flat_words
from interp.results.tables import RunTables
from interp.runs.comparison.ability import ability_sentence
from interp.runs.comparison.tables import WORDS, count, heads, ratio
from interp.words.numbers import estimate, fixed, number
from interp.words.phrases import percent, plural, tenth

SMALLER = {True: "fewer", False: "more"}


def answer(pair: PairFindings, run: RunFindings) -> list[str]:
    """The sentences on top of the report: heads, edges, and what it cost."""
    sentences = []
    if pair.heads is not None:
        sentences.append(_heads(pair, pair.heads, run))
    sentences += [_circuit(pair.labels, circuits) for circuits in (pair.nodes, pair.edges) if circuits is not None]
    sentences.append(ability_sentence(pair))
    return sentences


def _heads(pair: PairFindings, all_counts: HeadsByDefinition, run: RunFindings) -> str:
    first, second = pair.labels
    counts = all_counts.of(run.share_definition)
    # A count of heads says little about models that have different numbers of them.
    same = len(set(all_counts.n_candidates)) == 1
    of_all = ["" if same else f" of {count:,}" for count in all_counts.n_candidates]
    two = [
        (second, counts.second.n, heads(counts.second) + of_all[1]),
        (first, counts.first.n, heads(counts.first) + of_all[0]),
    ]
    of = f"For {percent(run.share_target)} of the key→query effect ({run.share_definition} definition)"
    return f"{of}, {_needs(two, 'heads')}{_verdict(counts, counts.first.n, counts.second.n)}."


def _needs(two: Sequence[tuple[str, float | None, str]], what: str) -> str:
    """`sparse needs 5 heads and dense 10`, or who never gets there."""
    if all(n is None for _, n, _ in two):
        return f"neither {two[0][0]} nor {two[1][0]} ever gets there"
    return " and ".join(
        f"{label} never gets there" if n is None else f"{label} needs {words} {what}" for label, n, words in two
    )


def _circuit(labels: tuple[str, str], circuits: EdgesBothWays | NodesBothWays) -> str:
    """The edges (or heads) of both circuits, in both directions."""
    first, second = labels
    enough, needs = circuits.sufficient, circuits.necessary
    two = [
        (second, enough.second.n, count(enough.second)),
        (first, enough.first.n, count(enough.first)),
    ]
    explained = percent(circuits.explained)
    parts = (
        "attention edges" if isinstance(circuits, EdgesBothWays) else f"{circuits.noun}, whole and at all positions,"
    )
    start = (
        f"To explain {explained} of what all {parts} do to the answer by keeping the best alone, on word pairs that they "
        f"were not chosen from, {_needs(two, circuits.noun)} (ratio {ratio(enough.ratio)})"
    )
    if needs.first.n is None or needs.second.n is None:
        return f"{start}."
    both = f"{start}; replacing the best {count(needs.second)} and {count(needs.first)} alone destroys as much"
    ends = f"{both} (ratio {ratio(needs.ratio)})"
    if (claimed := both_ways(circuits)) is None:
        why = "contradict each other" if contradict(circuits) else "do not both tell the models apart"
        return f"{ends}. The two directions {why}, so neither is said to need fewer."
    return f"{ends}: {second} needs {claimed} both ways."


def _verdict(counts: HeadsCompared, first: float | None, second: float | None) -> str:
    """Fewer or more, where the interval and every other share that was asked for agree; else what keeps it from being said."""
    if first is None or second is None:
        return ", so there is no ratio"
    if (claimed := claim(counts)) is not None:
        times = counts.ratio if claimed == "fewer" else _inverse(counts.ratio)
        return f": {ratio(times)} times {claimed}"
    if _clear(counts.ratio) is None:
        return f": no clear difference (ratio {ratio(counts.ratio)})"
    told = "; ".join(
        f"at {percent(at_target.target)} {_count(at_target.second)} against {_count(at_target.first)}"
        for at_target in counts.by_target
    )
    return f". Which of the two needs fewer depends on the share that is asked for ({told}), so neither is claimed"


def both_ways(circuits: EdgesBothWays | NodesBothWays) -> str | None:
    """`fewer` or `more` edges (or heads) in the second model, where both directions say so.

    Sufficient and necessary sets are two questions that the literature mixes: one of them alone decides nothing.
    """
    claims = {claim(circuits.sufficient), claim(circuits.necessary)}
    return claims.pop() if len(claims) == 1 else None


def contradict(circuits: EdgesBothWays | NodesBothWays) -> bool:
    """Whether one direction bears out `fewer` and the other `more`."""
    return {claim(circuits.sufficient), claim(circuits.necessary)} == set(SMALLER.values())


def claim(counts: HeadsCompared | EdgesCompared | NodesCompared) -> str | None:
    """`fewer` or `more` in the second model; None where the interval or another share does not bear it out."""
    clear = _clear(counts.ratio)
    signs = {_sign(at_target.first, at_target.second) for at_target in counts.by_target} - {None}
    return None if clear is None or signs - {clear} else SMALLER[clear > 0]


def _clear(estimate: RatioFound) -> int | None:
    """1 where the second needs fewer, -1 where more; None where the ratio's interval holds 1, or there is none."""
    low, high = estimate.low, estimate.high
    if low is None or (low <= 1 and (high is None or high >= 1)):
        return None
    return 1 if low > 1 else -1


def _sign(first: float | None, second: float | None) -> int | None:
    """Which of the two is larger; a count that is never reached is larger than any other."""
    a, b = (float("inf") if needed is None else needed for needed in (first, second))
    return None if a == b == float("inf") else (a > b) - (a < b)


def _count(n: float | None) -> str:
    return "never" if n is None else fixed(n, 0)


def _inverse(estimate: RatioFound) -> RatioFound:
    low, high = estimate.low, estimate.high
    least = None if low is None else 0.0
    return RatioFound(
        value=1 / estimate.value if estimate.value else None,
        low=least if high is None else 1 / high,
        high=1 / low if low else None,
    )


def observations(pair: PairFindings, run: RunFindings) -> list[str]:
    """What the second model gained and lost."""
    first, second = pair.labels
    unit = run.metric.unit
    means = {
        "the metric on clean prompts": pair.means.clean_metric,
        "the effect of all key→query edges": pair.means.key_query_effect,
    }
    sentences = [_change(mean, words, first, second, unit) for words, mean in means.items() if mean is not None]
    probability = pair.means.answer_prob
    sentences.append(
        f"Mean probability of the answer: {number(probability.first.mean)} ({first}), "
        f"{number(probability.second.mean)} ({second}); difference {estimate(probability.difference)}."
    )
    if pair.alike and pair.selected[0] and pair.selected[1]:
        sentences.append(
            f"{plural(len(pair.shared), 'head')} of the {len(pair.selected[0])} that {first} needs "
            f"{'is' if len(pair.shared) == 1 else 'are'} among the {len(pair.selected[1])} that {second} needs"
            + (f": {', '.join(pair.shared)}." if pair.shared else ".")
        )
    before, after = pair.open_edges
    if before is not None and after is not None:
        sentences.append(
            f"On the focus prompt {tenth(after.share)} of the causal edges carry weight in {second}, {tenth(before.share)} in "
            f"{first}."
        )
    if pair.heads is not None:
        counts = {name: pair.heads.of(name) for name in WORDS if name != run.share_definition}
        others = [
            f"{heads(compared.second)} against {heads(compared.first)} ({WORDS[name]})"
            for name, compared in counts.items()
        ]
        sentences.append(f"By the other definitions {second} needs " + " and ".join(others) + " heads.")
    for label, trained in zip(pair.labels, pair.trained, strict=True):
        if trained is not None and trained.above_dense is not None:
            sentences.append(
                f"On held-out text {label} has {tenth(trained.density)} of its causal edges open, at "
                f"{fixed(trained.above_dense, 3, signed=True)} nats a token against its dense base "
                f"({trained.context} tokens of context)."
            )
    return sentences


def _change(mean: PairedFound, words: str, first: str, second: str, unit: str) -> str:
    difference = mean.difference
    low, high = difference.low, difference.high
    verdict = (
        "does not clearly differ"
        if low is None or high is None or low <= 0 <= high
        else "is smaller"
        if high < 0
        else "is larger"
    )
    return (
        f"In {second}, {words} {verdict}: "
        f"{number(mean.second.mean)} against {number(mean.first.mean)} {unit} in {first}, "
        f"a difference of {estimate(difference)}."
    )


def caveats(pair: PairFindings, run: RunFindings) -> list[str]:
    """What a reader must know before quoting the comparison."""
    notes = [
        f"Shares refer to each model's own total effect; {pair.labels[1]} may need fewer heads for a share of less.",
        "Prompts are those that all models pass; a model that fails on a prompt is not asked how it answers it.",
        "Each model's heads and edges stand in an order of its own, made on one half of the word pairs and measured on the other; "
        "intervals resample word pairs and choose again.",
    ]
    if pair.other_tokens:
        notes.append(
            f"{pair.labels[0]} and {pair.labels[1]} read {plural(pair.other_tokens, 'prompt')} of {run.n_prompts} as other "
            "tokens: positions may differ between the two, roles are at the same words."
        )
    if pair.edges is not None and not pair.edges.wordings.held_out:
        notes.append(
            "Edges were ranked and measured in one wording, as no other has its tokens at the same positions: the circuits hold on "
            "other word pairs, and are untried on other wordings."
        )
    return [*notes, *_flat(pair)]


def _flat(pair: PairFindings) -> list[str]:
    """Curves that stay just below a share until parts join that their order puts last."""
    return [
        f"In {label}, {said}"
        for circuits in (pair.nodes, pair.edges)
        if circuits is not None
        for way in DIRECTIONS
        for model, label in enumerate(pair.labels)
        for said in flat_words(
            circuits.noun,
            way,
            [(at.target, (at.first, at.second)[model]) for at in circuits.of(way).by_target],
            circuits.n_candidates[model],
        )
    ]


def opened_caveat(arms: dict[str, RunTables]) -> list[str]:
    """What a model with the weights of a sparse one and no gate is there for."""
    opened = [
        label
        for label, tables in arms.items()
        if (tables.run.model.sparse is not None and tables.run.model.sparse.opened)
    ]
    return [
        f"{label} has the weights that were trained under the gate, with every edge open: against it, the gate alone differs; "
        "between it and the dense model, the training alone. These weights were never run so in training."
        for label in opened
    ]
