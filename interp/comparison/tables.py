"""Tables of a comparison's report."""

from __future__ import annotations

from typing import Any

from interp.figures.words import percent, runs_text, tenth
from interp.report.numbers import NONE, estimate
from interp.report.story import TableBlock

WORDS = {
    "joint": "kept together (joint)",
    "absolute": "summed absolute effects",
    "net": "summed signed effects",
}


def counts_table(found: dict[str, Any], run: dict[str, Any]) -> list[TableBlock]:
    """Heads and edges needed by both models, in the three definitions."""
    first, second = found["labels"]
    blocks = []
    for what in ("heads", "edges"):
        if what not in found:
            continue
        counts = found[what]
        rows = [
            [
                WORDS[name] + (" (in use)" if name == run["share_definition"] else ""),
                needed(counts[name]["first"]),
                needed(counts[name]["second"]),
                ratio(counts[name]["ratio"]),
            ]
            for name in WORDS
        ]
        note = f"{first} / {second}: above 1 where {second} needs fewer; resampled together. Of "
        note += f"{counts['n_candidates'][0]:,} {what}, on {counts['n_prompts']} prompts."
        if counts["estimated"]:
            note += " Edges are ranked by a gradient estimate: the joint share is that of real runs, the sums are of estimates."
        blocks.append(
            TableBlock(
                title=f"{what.capitalize()} needed for {percent(run['share_target'])}",
                columns=["definition", first, second, f"{first} / {second}"],
                rows=rows,
                note=note,
            )
        )
    return blocks


def means_table(found: dict[str, Any], run: dict[str, Any]) -> TableBlock:
    """Paired means of both models."""
    unit = run["metric"]["unit"]
    words = {
        "clean_metric": f"metric, clean run ({unit})",
        "gap": f"clean minus corrupted ({unit})",
        "key_query_effect": f"effect of all key→query edges ({unit})",
        "answer_prob": "probability of the answer",
    }
    rows = [
        [words[name], *(estimate(found["means"][name][side]) for side in ("first", "second", "difference"))]
        for name in words
        if name in found["means"]
    ]
    rows.append(
        ["correct answers, all candidates", *(percent(one) for one in found["accuracy"]),
         f"{100 * (found['accuracy'][1] - found['accuracy'][0]):+.0f} points".replace("-", "−")]
    )  # fmt: skip
    if all(found["open_edges"]):
        shares = [one["open"] / one["causal"] for one in found["open_edges"]]
        rows.append(
            ["attention edges with weight, focus prompt",
             *(f"{one['open']:,} ({tenth(share)})" for one, share in zip(found["open_edges"], shares, strict=True)), NONE]
        )  # fmt: skip
    return TableBlock(
        title="Both models on the same prompts",
        columns=["quantity", *found["labels"], "difference"],
        rows=rows,
        note=f"Candidates: {found['n_asked']:,} prompts before any filter. All other rows: the prompts that both models answer "
        "as the config asks.",
    )


def spans_table(found: dict[str, Any]) -> list[TableBlock]:
    """Layers in which each token group is at work, in both models."""
    first, second = found["spans"]
    if not first and not second:
        return []
    return [
        TableBlock(
            title="Layers in which a token group is at work",
            columns=["group", *found["labels"]],
            rows=[[name, _layers(first.get(name)), _layers(second.get(name))] for name in {**first, **second}],
        )
    ]


def needed(share: dict[str, Any]) -> str:
    """`8 [7, 9]`."""
    if share["n"] is None:
        return "never"
    high = "…" if share["n_high"] is None else f"{share['n_high']:,}"
    return f"{share['n']:,}" + ("" if share["n_low"] is None else f" [{share['n_low']:,}, {high}]")


def ratio(found: dict[str, Any]) -> str:
    """`1.6 [1.2, 2.0]`."""
    if found["value"] is None:
        return NONE
    if found["low"] is None and found["high"] is None:
        return f"{found['value']:.2f}"
    high = "…" if found["high"] is None else f"{found['high']:.2f}"
    return f"{found['value']:.2f} [{found['low']:.2f}, {high}]" if found["low"] is not None else f"{found['value']:.2f}"


def _layers(span: dict[str, Any] | None) -> str:
    if span is None:
        return NONE
    if span.get("output"):
        return f"{span['last']} (output)"
    return runs_text(span["layers"]) if span["layers"] else "none"
