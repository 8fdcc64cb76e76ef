"""Which prompts a run used and which it left out: tables of wordings, prompts, drops and their reasons."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from interp.configs.lazy import lazy
from interp.report.story import TableBlock
from interp.results.tables import RunTables
from interp.words.numbers import number
from interp.words.phrases import percent, plural

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = lazy("pandas")


MOST_PROMPTS = 400  # rows of the list of prompts; the rest is in prompts.parquet

WRONG = ("the model's first prediction is another token", "the model prefers the foil")

# What a reason contains, and the name under which reasons of its kind are counted.
KINDS = (
    ("no single token", "the word or the answer is not a single token"),
    ("where one is needed", "the word or the answer is not a single token"),
    ("the model answers", WRONG[0]),
    ("the model prefers", WRONG[1]),
    ("prompts of its pair", "the model is right here, but not in all prompts of the word pair"),
    ("right here, but only in", "the model is right in this wording, but not in all of them"),
    ("max_pairs", "beyond max_pairs"),
    ("is below min_gap", "no clean-corrupted gap"),
    ("changes the prompt's own tokens", "the prompt does not end where a token ends"),
    ("is unknown to the tokenizer", "a word that the tokenizer does not know"),
    ("the tokenizer knows more tokens than the model", "a token that the model has no embedding for"),
    ("where most prompts have them at", "its tokens are elsewhere than in most prompts"),
    ("tokens long", "another number of tokens than the wording's other prompts"),
)


def wordings(tables: RunTables) -> TableBlock:
    """How the model does in each wording."""
    unit = tables.run.metric.unit
    # A token group's own corrupted prompts may be left out too ("group ..."); those say nothing about the wording.
    # (A list of truths would select columns where it is empty.)
    is_wrong = [_kind(reason) in WRONG and not _group(reason) for reason in tables.dropped["reason"]]
    wrong = tables.dropped[pd.Series(is_wrong, index=tables.dropped.index, dtype=bool)]
    rows = []
    for template, group in tables.prompts.groupby("template", sort=False):
        right = int((group["top1_id"] == group["answer_id"]).sum())
        rows.append(
            [
                str(template),
                str(len(group)),
                f"{right} ({percent(right / len(group))})",
                str(int((wrong["template"] == template).sum())),
                percent(group["answer_prob"].mean()),
                _spread(group["clean_metric"]),
                _spread(group["corrupted_metric"]),
            ]
        )
    return TableBlock(
        title="Wordings",
        columns=[
            *("wording", "prompts", "answer first", "left out: wrong", "probability"),
            *(f"clean ({unit})", f"corrupted ({unit})"),
        ],
        rows=rows,
        note=(
            "Over the prompts that were kept: how many the model answers first with the right token, the mean probability of "
            "the answer in the clean run, and the metric's mean (standard deviation) in the two runs. Left out: wrong "
            "counts the prompts that were left out because the model's first prediction was another token, or, of "
            "two answers that are a choice, because it prefers the foil."
        ),
        verbatim=frozenset({"wording"}),
    )


def prompts(tables: RunTables) -> TableBlock:
    """Every prompt pair that was measured."""
    unit = tables.run.metric.unit
    shown = tables.prompts.head(MOST_PROMPTS)
    texts = ["clean", "corrupted", "answer", "foil", "clean_top1"]
    rows = [
        [
            str(row["prompt"]),
            *(str(row[name]) for name in texts),
            *map(number, (row["clean_metric"], row["corrupted_metric"])),
        ]
        for row in shown.to_dict("records")
    ]
    note = "" if len(shown) == len(tables.prompts) else f"The first {len(shown)}; all of them are in prompts.parquet."
    return TableBlock(
        title=f"All {plural(len(tables.prompts), 'prompt')}",
        columns=[
            "prompt",
            "clean prompt",
            "corrupted prompt",
            "answer",
            "foil",
            "first",
            f"clean ({unit})",
            f"corrupted ({unit})",
        ],
        rows=rows,
        note=note,
        verbatim=frozenset({"clean prompt", "corrupted prompt", "answer", "foil", "first"}),
    )


def reasons(dropped: pd.DataFrame) -> TableBlock:
    """Reasons for leaving prompts out, counted by kind, the commonest first."""
    counts: Counter[str] = Counter()
    for reason in dropped["reason"]:
        group = _group(reason)
        counts[group + _kind(reason.removeprefix(group))] += 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return TableBlock(
        title="Left out, by reason", columns=["reason", "prompts"], rows=[[name, str(n)] for name, n in ordered]
    )


def drops(dropped: pd.DataFrame) -> TableBlock:
    """Every prompt that was left out, with its own reason."""
    return TableBlock(
        title=f"Every prompt left out ({len(dropped)})",
        columns=["word pair", "wording", "reason"],
        rows=dropped[["pair", "template", "reason"]].astype(str).to_numpy().tolist(),
        verbatim=frozenset({"wording"}),
    )


def _group(reason: str) -> str:
    """`group large: ` in front of a reason that concerns one token group of a layer_span probe only, else nothing."""
    return f"{reason.split(':')[0]}: " if reason.startswith("group ") else ""


def _kind(reason: str) -> str:
    return next((name for sign, name in KINDS if sign in reason), reason)


def _spread(values: pd.Series) -> str:
    mean, deviation = float(values.mean()), float(values.std())
    return f"{number(mean, mean - deviation, mean + deviation)} ({number(deviation, -deviation, deviation)})"
