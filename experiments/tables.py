"""Tables about a key->query circuit: how many heads, in which order, beside which controls."""

from __future__ import annotations

from experiments.sentences import NAMES, ORDER_NAMES, interval_of_n, towards
from interp.analysis.findings import Crossing
from interp.analysis.findings_of_heads import HeadFindings
from interp.analysis.findings_of_run import RunFindings
from interp.report.story import TableBlock
from interp.words.numbers import NONE, bracket, estimate, needed, two
from interp.words.phrases import SOURCES, percent


def crossings_table(search: HeadFindings, run: RunFindings) -> TableBlock:
    """Heads needed at every target, counted both ways, and what the prompts that chose them say."""
    rows = [
        [
            percent(row.target) + (" (in use)" if row.target == search.target else ""),
            needed(row.first, row.first_low, row.first_high),
            needed(row.staying, row.low, row.high),
            "yes" if row.stable else "no",
        ]
        for row in search.crossings
    ]
    n = search.in_sample.n
    rows.append([f"{percent(search.target)}, on the word pairs that chose the heads", NONE, needed(n), NONE])
    return TableBlock(
        title="Heads needed",
        columns=["share", "first reached with", "held from", "the same"],
        rows=rows,
        note=f"Held-out word pairs, order by {ORDER_NAMES[search.order]}; intervals rank anew in every "
        "resample; above 24 heads the curve is run in steps of 30 %. The last row is "
        "no result: it shows what choosing and measuring on the same prompts would have said.",
    )


def shares_table(search: HeadFindings, run: RunFindings) -> TableBlock:
    """n and share under each definition."""
    rows = []
    for name in NAMES:
        share = search.shares.of(name)
        reached = share.n is not None
        rows.append(
            [
                name + (" (in use)" if name == search.definition else ""),
                str(share.n) if reached else "never",
                interval_of_n(share, search).strip() if reached else NONE,
                percent(share.share) if reached else NONE,
                bracket(share.share_low, share.share_high, percent).strip() if reached else NONE,
            ]
        )
    sums, unit = search.total.sums, run.metric.unit
    return TableBlock(
        title=f"Heads needed for {percent(search.target)}, by definition",
        columns=["definition", "heads", "interval", "share", "interval"],
        rows=rows,
        note=f"joint: the kept heads run together, all other key→query edges replaced; of the effect of "
        f"{two(search.total.effect.mean)} {unit}. absolute: of the summed sizes of single effects, {two(sums.absolute)} "
        f"{unit}. net: of their signed sum, {two(sums.net)} {unit}. All on held-out word pairs.",
    )


def orders_table(search: HeadFindings, run: RunFindings) -> TableBlock:
    """The three orders side by side."""
    targets = [row.target for row in search.crossings]
    rows = []
    for kind, name in ORDER_NAMES.items():
        mine = search.orders[kind]
        counts = [_both(row) for row in mine.crossings]
        heads = mine.heads
        listed = ", ".join(heads[:10]) + (f" and {len(heads) - 10} more" if len(heads) > 10 else "")
        rows.append([name + (" (in use)" if kind == search.order else ""), *counts, listed or NONE])
    return TableBlock(
        title="Heads needed, by order",
        columns=["order", *(percent(target) for target in targets), f"heads for {percent(search.target)}"],
        rows=rows,
        note="Ranked on one half of the word pairs, run on the other; “7 / 9”: first reached with 7, held from 9. Greedy adds "
        f"the head that raises the metric most, exactly, out of the best {search.screen} by single effect, up to "
        f"{search.max_heads} heads or a share of 95 %; from there on its order is that of signed effects.",
    )


def controls_table(search: HeadFindings, run: RunFindings) -> TableBlock:
    """Random sets and the nonsense task beside the found set."""
    rows = []
    random, nonsense = search.controls.random, search.controls.nonsense
    share = search.shares.joint
    if share.n is not None:
        held = percent(share.share) + bracket(share.share_low, share.share_high, percent)
        rows.append(["the heads that were found", str(share.n), held])
    if random is not None:
        band = random.band
        rows.append(
            [
                f"{random.sets} random sets (middle 95 %)",
                str(random.n),
                f"{percent(band.median)}{bracket(band.low, band.high, percent)}",
            ]
        )
        rows.append(["the found set's place among them", str(random.n), f"above {percent(random.percentile)}"])
    if nonsense is not None:
        if share.n is not None:
            at = nonsense.at(share.n)
            rows.append(
                [
                    "arbitrary answers, same search",
                    str(share.n),
                    percent(at.share) + bracket(at.low, at.high, percent),
                ]
            )
        whole = nonsense.of_real
        rows.append(
            [
                "arbitrary answers, all edges",
                str(search.n_candidates),
                percent(whole.mean) + bracket(whole.low, whole.high, percent),
            ]
        )
        own = "none: it has no effect of its own" if not nonsense.defined else needed(nonsense.n)
        rows.append([f"arbitrary answers, heads for {percent(search.target)} of their own effect", own, NONE])
    return TableBlock(
        title="Controls",
        columns=["what", "heads", "share of the real effect"],
        rows=rows,
        note="Arbitrary answers: the same prompts, each asked for another one's answer by a fixed random pairing. Controls are run "
        "on one prompt of every word pair.",
    )


def sources_table(search: HeadFindings, run: RunFindings) -> TableBlock:
    """What replaces an edge's value decides what is measured."""
    gap = search.total.of_gap if search.ablation == "corrupted" else None
    main = [
        f"{SOURCES[search.ablation]} (main)",
        estimate(search.total.effect),
        NONE if gap is None else percent(gap.mean) + bracket(gap.low, gap.high, percent),
        *(_both(row) for row in search.crossings),
    ]
    rows = [
        [SOURCES[source], estimate(other.total), NONE, *(_both(row) for row in other.crossings)]
        for source, other in search.beside.items()
    ]
    return TableBlock(
        title="What replaces an edge's value",
        columns=[
            *("replaced by", f"effect of all edges ({run.metric.unit})", "of the gap"),
            *(f"heads for {percent(row.target)}" for row in search.crossings),
        ],
        rows=[main, *rows],
        note="Corrupted values ask what the edges carry about the key word; zeros and means also take away what is the same in "
        "both runs, so theirs is no share of the clean-corrupted gap. Each in its own order by signed effects, held out; the lower "
        "rows on one prompt of every word pair.",
    )


def heads_table(search: HeadFindings, run: RunFindings, count_: int = 20) -> TableBlock:
    """The strongest heads with intervals."""
    chosen = {head.label for head in search.share.heads}
    matter = search.matter
    counts, negative = (matter.n_for, matter.n_against), "negative"
    if towards(run) < 0:
        counts, negative = (matter.n_against, matter.n_for), "positive"
    return TableBlock(
        title="Heads by the size of their key→query edge",
        columns=["rank", "head", f"carried ({run.metric.unit})", "interval", "matters", "selected"],
        rows=[
            [
                str(rank),
                head.label,
                two(head.carried.mean),
                bracket(head.carried.low, head.carried.high, two).strip(),
                "yes" if head.named else "too small to name" if head.discovered else "undecided",
                "yes" if head.label in chosen else "",
            ]
            for rank, head in enumerate(search.ranking[:count_], start=1)
        ],
        note=f"Carried: what the metric loses when this edge alone is replaced; {negative} heads work against the answer. Matters: "
        f"passes a false-discovery rate of {percent(matter.rate)} over all heads and is at least {two(matter.least_effect)} "
        f"{run.metric.unit} in size. Of all {search.n_candidates}: {counts[0]} for and {counts[1]} against "
        f"the answer, {matter.n_too_small} too small to name, {matter.n_undecided} undecided.",
    )


def shapley_table(search: HeadFindings, run: RunFindings) -> TableBlock:
    """Shapley values with their standard errors; no rows where none were asked for."""
    values = sorted(search.shapley or (), key=lambda value: -abs(value.value or 0.0))
    return TableBlock(
        title="Shapley values",
        columns=["head", f"value ({run.metric.unit})", "standard error"],
        rows=[[value.label, two(value.value), two(value.error)] for value in values],
        note="What a head adds, averaged over random orders of adding heads; they sum to the effect of all edges, which single "
        "effects do not. One prompt of every word pair; the error is that of sampling the orders.",
    )


def _both(row: Crossing) -> str:
    """`9`, or `7 / 9` where the two ways of counting differ."""
    first, staying = needed(row.first), needed(row.staying)
    return staying if first == staying else f"{first} / {staying}"
