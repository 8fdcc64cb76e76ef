"""What every report states about its run, whatever the recipe: tokens, facts, drops, wordings, how to reproduce."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pandas as pd

from interp.report.story import TableBlock
from interp.results.tables import RunTables


@dataclass(frozen=True)
class Token:
    """One token of the focus prompt: position from 1, text in both runs, and the role that sits there."""

    position: int
    clean: str
    corrupted: str
    role: str


@dataclass(frozen=True)
class Facts:
    """All that the templates show beside the story."""

    tokens: list[Token]
    focus: dict[str, Any]
    run: list[tuple[str, str]]
    wordings: TableBlock
    dropped: list[tuple[str, int]]
    dropped_rows: TableBlock
    command: str
    versions: list[tuple[str, str]]
    config: str


def gather(tables: RunTables, manifest: dict[str, Any], resolved: str) -> Facts:
    """Collect the facts of a run."""
    return Facts(
        tokens=_tokens(tables),
        focus=tables.metrics["run"]["focus"],
        run=_run_facts(tables, manifest),
        wordings=_wordings(tables),
        dropped=_reasons(tables.dropped),
        dropped_rows=TableBlock(
            title="Every prompt left out",
            columns=["word pair", "wording", "reason"],
            rows=tables.dropped[["pair", "template", "reason"]].astype(str).values.tolist(),
        ),
        command=str(manifest["command"]),
        versions=sorted(manifest["versions"].items()),
        config=resolved,
    )


def _tokens(tables: RunTables) -> list[Token]:
    focus = tables.prompts[tables.prompts["focus"]].iloc[0]
    roles: dict[int, list[str]] = {}
    for name, positions in json.loads(focus["roles"]).items():
        for position in positions:
            roles.setdefault(position, []).append(name)
    pairs = zip(focus["clean_tokens"], focus["corrupted_tokens"], strict=True)
    return [
        Token(place, clean, corrupted, ", ".join(roles.get(place, ())))
        for place, (clean, corrupted) in enumerate(pairs, 1)
    ]


def _run_facts(tables: RunTables, manifest: dict[str, Any]) -> list[tuple[str, str]]:
    run = tables.metrics["run"]
    model = run["model"]
    on = [name for name, applied in model["processing"].items() if applied]
    return [
        (
            "model",
            f"{model['name']} ({model['architecture']}): {model['n_layers']} layers, {model['n_heads']} query heads on "
            f"{model['n_kv_heads']} key-value heads, d_model {model['d_model']}; from {model['origin']}",
        ),
        ("weights", f"sha256 {model['weights_sha256']}; {model['dtype']} on {model['device']}"),
        ("weight processing", f"{', '.join(on) or 'none'} (TransformerLens)"),
        (
            "logits against Hugging Face",
            f"largest difference {model['logits_max_abs_diff']:.1e} on {model['checked_prompt']} (row means removed)",
        ),
        ("beginning-of-sequence token", "prepended, not counted in positions" if model["prepend_bos"] else "none"),
        (
            "prompts",
            f"{run['n_prompts']} of {run['n_pairs']} word pairs in {run['n_templates']} wordings; {run['n_dropped']} left out",
        ),
        (
            "metric",
            f"{run['metric']['kind']} ({run['metric']['unit']}), read at the role query: clean {_estimate(run['clean'])}, "
            f"corrupted {_estimate(run['corrupted'])}",
        ),
        ("share", f"{100 * run['share_target']:.0f} %, {run['share_definition']} definition"),
        (
            "intervals",
            f"{100 * run['confidence']:.0f} % percentile bootstrap over word pairs, {run['n_resamples']} resamples",
        ),
        (
            "run",
            f"config hash {manifest['config_hash']}, seed {manifest['seed']}, {manifest['threads']} threads, "
            f"{manifest['seconds']:.0f} s of measuring",
        ),
    ]


def _wordings(tables: RunTables) -> TableBlock:
    rows = []
    for template, group in tables.prompts.groupby("template", sort=False):
        right = (group["clean_top1"].str.strip() == group["answer"].str.strip()).mean()
        rows.append(
            [
                str(template),
                str(len(group)),
                f"{100 * right:.0f} %",
                f"{100 * group['answer_prob'].mean():.0f} %",
                f"{group['clean_metric'].mean():.2f}",
                f"{group['corrupted_metric'].mean():.2f}",
            ]
        )
    return TableBlock(
        title="Wordings",
        columns=["wording", "prompts", "answer ranked first", "mean probability", "clean metric", "corrupted metric"],
        rows=rows,
        note="Over the prompts that were kept.",
    )


def _reasons(dropped: pd.DataFrame) -> list[tuple[str, int]]:
    """Reasons with their numbers removed, so that equal ones are counted together."""
    kinds = (
        ("no single token", "the word or the answer is not a single token"),
        ("where one is needed", "the word or the answer is not a single token"),
        ("the model answers", "the model's first prediction is another token"),
        ("right here, but only in", "the model is right in this wording, but not in all of them"),
        ("max_pairs", "beyond max_pairs"),
        ("is below min_gap", "no clean-corrupted gap"),
        ("tokens long", "another number of tokens than the wording's other prompts"),
    )
    counts: Counter[str] = Counter()
    for reason in dropped["reason"]:
        group = f"{reason.split(':')[0]}: " if reason.startswith("group ") else ""
        name = next((text for sign, text in kinds if sign in reason), reason.removeprefix(group))
        counts[group + name] += 1
    return counts.most_common()


def _estimate(estimate: dict[str, Any]) -> str:
    if estimate["low"] is None:
        return f"{estimate['mean']:.2f}"
    return f"{estimate['mean']:.2f} [{estimate['low']:.2f}, {estimate['high']:.2f}]"
