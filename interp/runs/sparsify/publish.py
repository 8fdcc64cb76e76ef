"""The training report: from the run folder's tables alone, without a model."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from interp.configs.loading import validate_as
from interp.configs.paths import shown_path
from interp.figures.base import save
from interp.report.commands import report_command
from interp.report.facts import reproduction
from interp.report.render import Page, write_page
from interp.report.story import Section, Story
from interp.report.terminal import print_answer
from interp.results import reading
from interp.results.run_folder import RESOLVED, RunFolder
from interp.runs.lifecycle import Kept
from interp.runs.sparsify import figures
from interp.runs.sparsify.blocks import facts, interval, other_texts, signed, stages, untrained
from interp.runs.sparsify.by_length import frontier_by_length
from interp.runs.sparsify.methods import after
from interp.runs.sparsify.tables import TABLES, TrainingTables, means_over_prompts
from interp.sparsify.config import SparsifyConfig
from interp.sparsify.train import WATCHED
from interp.words.numbers import fixed
from interp.words.phrases import plural, tenth

DEFINITIONS = {
    "Gate": (
        "An edge from query i to key j of a head is open where the gate's logit is above 0: the attention score q·k/√d plus "
        "a bias (gate `score`, arXiv 2512.05865), or the logarithm of the softmax weight plus a bias (gate `weight`, which "
        "judges an edge against its own row). The softmax runs over all causal positions, shut edges get weight 0, and rows "
        "are not renormalised."
    ),
    "Density": "Open edges divided by causal edges, over all layers, heads and sequences; it falls as texts grow longer.",
    "Open keys a query": "Open edges divided by heads and query positions: a density that texts of any length share.",
    "Loss above dense": (
        "Cross-entropy of the next token, in nats, minus the dense model's on the same tokens. The training loss may be "
        "another one (the KL divergence to the dense model, with the gate's noise); the report says which."
    ),
    "Multiplier": (
        "The weight of the expected density in the training loss (GECO, Rezende & Viola 2018): it grows while the loss is "
        "under its target and shrinks while it is over it."
    ),
}
FILES = {
    "config.yaml, config.resolved.yaml": "the config as given; with every default filled in",
    "manifest.json": "versions, seed, hashes, times, status",
    "stages/N/": "the checkpoint of every stage: adapter and sparse_attention.json",
    "log.csv": "one row a training step",
    "times.csv": "seconds of each training step",
    "frontier.csv, baseline.csv": "loss and density of every stage's checkpoint; of the gate without training",
    "heads.csv": "open edges of every head",
    "lengths.csv, prompts.csv": "the last checkpoint by length of text; on a task's own prompts, by wording",
    "figures/": "every figure as png, pdf and svg, with its numbers as csv",
}


def publish(folder: RunFolder, console: Console) -> Path:
    """Draw the figures, write report.md and report.html, print the answer; returns the path of report.html."""
    tables = TrainingTables.load(folder)
    held_out = plural(int(tables.stages["sequences"].iloc[-1]), "held-out sequence")
    drawn = {
        "frontier": figures.frontier(tables.stages, tables.untrained, tables.log, held_out),
        "training_curves": figures.training_curves(
            tables.log, plural(min(WATCHED, int(tables.stages["sequences"].iloc[-1])), "held-out sequence")
        ),
        "head_densities": figures.head_densities(tables.heads, int(tables.stages["stage"].max()), held_out),
    }
    if "length" in tables.lengths:
        drawn["frontier_by_length"] = frontier_by_length(tables)
    files = [save(made, folder.path / "figures", stem) for stem, made in drawn.items()]
    story = _story(tables, drawn)
    resolved = reading.read_text(folder.path / RESOLVED)
    again = report_command(shown_path(folder.path))
    commands = f"{tables.manifest.command}\n\n# draw this page again, without the model\n{again}"
    settings = validate_as(SparsifyConfig, tables.config, str(folder.path / RESOLVED))
    methods = after(settings, tables.manifest)
    page = Page(story, facts(tables), DEFINITIONS, commands, reproduction(tables.manifest), resolved, FILES, methods)
    write_page(folder.path, page, files)
    report = folder.path / "report.html"
    print_answer(console, story, report)
    return report


def concluded(folder: RunFolder) -> Mapping[str, object]:
    """Loss and density of every stage, of the last one as `trained`; by length of text, and by wording of a task's prompts."""
    tables = TrainingTables.load(folder)
    stages = {f"stage_{row['stage']}": _numbers(row) for row in tables.stages.to_dict("records")}
    lengths = {f"length_{row['length']}": _numbers(row) for row in tables.lengths.to_dict("records") if "length" in row}
    wordings = {f"wording_{number}": _numbers(row) for number, row in enumerate(tables.prompts.to_dict("records"), 1)}
    return {**stages, "trained": list(stages.values())[-1], **lengths, **wordings}


def _numbers(row: Mapping[Hashable, Any]) -> dict[str, Any]:
    """A row's numbers; the loss with its interval over sequences."""
    plain = {
        str(name): value
        for name, value in row.items()
        if name not in ("stage", "length", "target", "template", "tokens")
    }
    if {"above_low", "above_high", "sequences"} <= plain.keys():
        low, high, n = (plain.pop(name) for name in ("above_low", "above_high", "sequences"))
        plain["above_dense"] = {"mean": plain["above_dense"], "low": low, "high": high, "n": int(n)}
    return plain


KEPT = Kept(TABLES, publish, also=("stages", "checkpoints", "times.csv"), concluded=concluded)


def _story(tables: TrainingTables, drawn: Collection[str]) -> Story:
    last, text = tables.stages.iloc[-1], tables.manifest["text"]
    name = tables.manifest["model"]["name"]
    words = tables.config["title"] or tables.config["name"]
    return Story(
        title=words,
        question=tables.config["question"] or f"How few attention edges does {name} need, at (almost) its own loss?",
        answer=[
            f"After {plural(int(tables.log['step'].iloc[-1]), 'training step')}, {tenth(last['density'])} of the causal edges "
            f"are open on held-out text ({fixed(last['keys_a_query'], 1)} keys a query), at a loss "
            f"{signed(last['above_dense'])} nats a token above the dense model's {interval(last.to_dict())} "
            f"({fixed(last['dense_loss'], 3)} nats; "
            f"{int(last['sequences'])} sequences of {tables.config['text']['context']} tokens).",
            *_without_training(tables.untrained, float(last["density"])),
            *on_prompts(tables.prompts),
        ],
        observations=[*_observations(tables)],
        caveats=[
            f"Text: {text['origin']}. A model is judged on the kind of text that it was trained on; other text may cost more.",
            "Densities depend on the length of the context: the same model opens a smaller share of more edges.",
            "Intervals are over held-out sequences (normal approximation); one training run was made, with one seed.",
        ],
        sections=[
            Section(
                "Density against loss",
                figures=["frontier"],
                tables=[stages(tables), *([] if tables.untrained.empty else [untrained(tables)])],
            ),
            *other_texts(tables, [stem for stem in drawn if stem == "frontier_by_length"]),
            Section("Training", figures=["training_curves"]),
            Section("Heads", figures=["head_densities"]),
        ],
    )


def _without_training(baseline: pd.DataFrame, density: float) -> list[str]:
    if baseline.empty:
        return []
    closest = baseline.iloc[(baseline["density"] - density).abs().argmin()]
    return [
        f"Without training, the gate that comes closest leaves {tenth(closest['density'])} open ({closest['gate']}, bias "
        f"{closest['bias']:+g}) and costs {signed(closest['above_dense'])} nats.".replace("-", "−"),
    ]


def on_prompts(prompts: pd.DataFrame) -> list[str]:
    """What the twin is worth on a task's own prompts, in one sentence; none without a task."""
    if "template" not in prompts or prompts.empty:
        return []
    mean = means_over_prompts(prompts)
    return [
        f"On the task's own prompts ({plural(int(prompts['prompts'].sum()), 'prompt')} in {plural(len(prompts), 'wording')}, never "
        f"trained on) {tenth(mean['density'])} of the edges are open ({fixed(mean['keys_a_query'], 1)} keys a query), the answer's "
        f"loss is {signed(mean['above_dense'])} nats above dense, and {tenth(mean['accuracy'])} of the answers are right (dense: "
        f"{tenth(mean['dense_accuracy'])})."
    ]


def _observations(tables: TrainingTables) -> list[str]:
    last = tables.heads[tables.heads["stage"] == tables.heads["stage"].max()]
    order = last.sort_values("density", ascending=False)
    busiest = ", ".join(f"L{row.layer}-H{row.head} ({tenth(row.density)})" for row in order.head(3).itertuples())
    shares = cumulative_share(order["density"])
    return [
        f"{int((last['density'] < 0.001).sum())} of {len(last)} heads keep fewer than one causal edge in a thousand; "
        f"{int((shares < 0.5).sum()) + 1} heads hold half of all open edges. The densest are {busiest}.",
        f"The expected density under the gate's noise ends at {tenth(tables.log['expected_density'].iloc[-1])}, and the "
        f"multiplier at {fixed(tables.log['multiplier'].iloc[-1], 2)}.",
        _target_sentence(tables),
    ]


def _target_sentence(tables: TrainingTables) -> str:
    """Whether the training loss met its last target, and what held it back when not."""
    target, loss = float(tables.log["target"].iloc[-1]), float(tables.log["loss"].tail(figures.NOISY).mean())
    least = tables.config["training"]["geco"]["minimum"]
    words = f"The last stage's training loss ends at {signed(loss)} nats (mean of {figures.NOISY} steps), "
    if loss <= target:
        return f"{words}under its target of {signed(target)}."
    bound = " with the multiplier at its minimum" if tables.log["multiplier"].iloc[-1] <= 1.01 * least else ""
    return f"{words}above its target of {signed(target)}{bound}: more steps would lower it."


def cumulative_share(values: pd.Series) -> pd.Series:
    """Cumulative share of a sum."""
    return values.cumsum() / values.sum()
