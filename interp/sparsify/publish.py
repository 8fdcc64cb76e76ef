"""The training report: from the run folder's tables alone, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from interp.figures.base import save
from interp.figures.words import plural, tenth
from interp.lifecycle import Kept
from interp.paths import shown_path
from interp.report.commands import report_command
from interp.report.facts import reproduction
from interp.report.numbers import fixed, fixed_interval
from interp.report.render import DrawnFile, Page, write_page
from interp.report.story import Section, Story, TableBlock
from interp.report.terminal import print_answer
from interp.results import reading
from interp.results.run_folder import RESOLVED, RunFolder
from interp.sparsify import figures
from interp.sparsify.train import WATCHED

DEFINITIONS = {
    "Gate": (
        "An edge from query i to key j of a head is open where its attention score q·k/√d plus the bias is above 0. The "
        "softmax runs over all causal positions, shut edges get weight 0, and rows are not renormalised (arXiv 2512.05865)."
    ),
    "Density": "Open edges divided by causal edges, over all layers, heads and sequences.",
    "Loss above dense": (
        "Cross-entropy of the next token, in nats, minus the dense model's on the same tokens. The training loss may be "
        "another one (the KL divergence to the dense model, with the gate's noise); the report says which."
    ),
    "Multiplier": (
        "The weight of the expected density in the training loss (GECO, Rezende & Viola 2018): it grows while the loss is "
        "under its target and shrinks while it is over it."
    ),
}
TABLES = ("log.csv", "frontier.csv", "baseline.csv", "heads.csv")
FILES = {
    "config.yaml, config.resolved.yaml": "the config as given; with every default filled in",
    "manifest.json": "versions, seed, hashes, times, status",
    "stages/N/": "the checkpoint of every stage: adapter and sparse_attention.json",
    "log.csv": "one row a training step",
    "frontier.csv, baseline.csv": "loss and density of every stage's checkpoint; of the gate without training",
    "heads.csv": "open edges of every head",
    "figures/": "every figure as png, pdf and svg, with its numbers as csv",
}


@dataclass(frozen=True)
class TrainingTables:
    """Everything that a finished training run wrote."""

    log: pd.DataFrame
    stages: pd.DataFrame
    baseline: pd.DataFrame
    heads: pd.DataFrame
    manifest: dict[str, Any]
    config: dict[str, Any]

    @classmethod
    def load(cls, folder: RunFolder) -> TrainingTables:
        """Read a run folder; UserError when a table is missing or damaged."""
        log, stages, baseline, heads = (_table(folder.path / name) for name in TABLES)
        return cls(log, stages, baseline, heads, folder.manifest(), reading.read_yaml(folder.path / RESOLVED))


def _table(path: Path) -> pd.DataFrame:
    if reading.read_text(path).strip():
        return reading.read_csv(path)
    return pd.DataFrame(columns=["bias", "density", "above_dense", "kl"], dtype=float)  # a run without baselines


def publish(folder: RunFolder, console: Console) -> Path:
    """Draw the figures, write report.md and report.html, print the answer; returns the path of report.html."""
    tables = TrainingTables.load(folder)
    held_out = plural(int(tables.stages["sequences"].iloc[-1]), "held-out sequence")
    drawn = {
        "frontier": figures.frontier(tables.stages, tables.baseline, tables.log, held_out),
        "training_curves": figures.training_curves(
            tables.log, plural(min(WATCHED, int(tables.stages["sequences"].iloc[-1])), "held-out sequence")
        ),
        "head_densities": figures.head_densities(tables.heads, int(tables.stages["stage"].max()), held_out),
    }
    files = []
    for stem, made in drawn.items():
        save(made, folder.path / "figures", stem)
        png = folder.path / "figures" / f"{stem}.png"
        files.append(DrawnFile(stem, made.title, made.caption, png, float(made.figure.get_figwidth())))
    story = _story(tables)
    resolved = reading.read_text(folder.path / RESOLVED)
    again = report_command(shown_path(folder.path))
    commands = f"{tables.manifest['command']}\n\n# draw this page again, without the model\n{again}"
    page = Page(story, _facts(tables), DEFINITIONS, commands, reproduction(tables.manifest), resolved, FILES)
    write_page(folder.path, page, files)
    report = folder.path / "report.html"
    print_answer(console, story, report)
    return report


KEPT = Kept(TABLES, publish, also=("stages", "checkpoints"))


def _story(tables: TrainingTables) -> Story:
    last, text = tables.stages.iloc[-1], tables.manifest["text"]
    name = tables.manifest["model"]["name"]
    words = tables.config["title"] or tables.config["name"]
    return Story(
        title=words,
        question=tables.config["question"] or f"How few attention edges does {name} need, at (almost) its own loss?",
        answer=[
            f"After {plural(int(tables.log['step'].iloc[-1]), 'training step')}, {tenth(last['density'])} of the causal edges are "
            f"open on held-out text, at a loss {_signed(last['above_dense'])} nats a token above the dense model's "
            f"{_interval(last)} ({fixed(last['dense_loss'], 3)} nats; "
            f"{int(last['sequences'])} sequences of {tables.config['text']['context']} tokens).",
            *_without_training(tables.baseline, float(last["density"])),
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
                tables=[_stages(tables), *([] if tables.baseline.empty else [_baseline(tables)])],
            ),
            Section("Training", figures=["training_curves"]),
            Section("Heads", figures=["head_densities"]),
        ],
    )


def _without_training(baseline: pd.DataFrame, density: float) -> list[str]:
    if baseline.empty:
        return []
    closest = baseline.iloc[(baseline["density"] - density).abs().argmin()]
    return [
        f"Without training, the gate that comes closest leaves {tenth(closest['density'])} open (bias "
        f"{closest['bias']:+g}) and costs {_signed(closest['above_dense'])} nats.".replace("-", "−"),
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
    words = f"The last stage's training loss ends at {_signed(loss)} nats (mean of {figures.NOISY} steps), "
    if loss <= target:
        return f"{words}under its target of {_signed(target)}."
    bound = " with the multiplier at its minimum" if tables.log["multiplier"].iloc[-1] <= 1.01 * least else ""
    return f"{words}above its target of {_signed(target)}{bound}: more steps would lower it."


def cumulative_share(values: pd.Series) -> pd.Series:
    """Cumulative share of a sum."""
    return values.cumsum() / values.sum()


def _judged(tables: TrainingTables) -> list[TableBlock]:
    return [_stages(tables), *([] if tables.baseline.empty else [_baseline(tables)])]


def _stages(tables: TrainingTables) -> TableBlock:
    return TableBlock(
        title="Checkpoints, judged on held-out text in float32",
        columns=["stage", "target", "steps so far", "open edges", "loss above dense", "interval", "KL"],
        rows=[_stage_row(row, tables.log) for row in tables.stages.to_dict("records")],
        note="Targets hold for the training loss, which the gate's noise makes larger than the loss of the exact gate.",
    )


def _stage_row(row: dict[Any, Any], log: pd.DataFrame) -> list[str]:
    began = row["stage"] == 0
    return [
        str(int(row["stage"])),
        "where it began" if began else f"{row['target']:g}",
        "0" if began else str(int(log.loc[log["stage"] == row["stage"], "step"].max())),
        tenth(row["density"]),
        _signed(row["above_dense"]),
        _interval(row),
        fixed(row["kl"], 3),
    ]


def _baseline(tables: TrainingTables) -> TableBlock:
    return TableBlock(
        title="The dense weights under the gate alone",
        columns=["bias", "open edges", "loss above dense", "KL"],
        rows=[
            [f"{row['bias']:+g}", tenth(row["density"]), _signed(row["above_dense"]), fixed(row["kl"], 3)]
            for row in tables.baseline.to_dict("records")
        ],
    )


def _facts(tables: TrainingTables) -> list[tuple[str, str]]:
    training, text, manifest = tables.config["training"], tables.manifest["text"], tables.manifest
    adapter = training["adapter"]
    how = (
        f"LoRA of rank {adapter['rank']} on {'all' if adapter['layers'] == 'all' else 'the attention'} layers"
        if adapter["kind"] == "lora"
        else "all weights"
    )
    loss = training["loss"]
    return [
        ("base model", f"{manifest['model']['name']}, from {manifest['model']['origin']}"),
        ("its weights", f"sha256 {manifest['model']['weights_sha256']}"),
        ("gate", f"bias {tables.config['bias']:g}"),
        ("trained", f"{how}; batches of {training['batch']} sequences, learning rate {training['learning_rate']:g}"),
        (
            "training loss",
            f"{loss['kl']:g} × KL to the dense model + {loss['cross_entropy']:g} × cross-entropy above dense",
        ),
        (
            "text",
            f"{text['origin']}; {text['train']} to train on, {text['held_out']} held out (sha256 {text['sha256'][:16]})",
        ),
    ]


def _signed(value: float) -> str:
    return fixed(value, 3, signed=True)


def _interval(row: Mapping[Any, Any]) -> str:
    return fixed_interval(row["above_low"], row["above_high"], 3, signed=True)
