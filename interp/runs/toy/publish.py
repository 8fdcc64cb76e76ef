"""The toy's report: from its tables alone, without a model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypedDict

import pandas as pd
from rich.console import Console
from scipy import stats

from interp.configs.loading import validate_as
from interp.figures.base import save
from interp.report.commands import report_command
from interp.report.facts import reproduction
from interp.report.render import Page, write_page
from interp.report.story import Section, Story, TableBlock
from interp.report.terminal import print_answer
from interp.results import reading
from interp.results.run_folder import RESOLVED, RunFolder
from interp.runs.lifecycle import Kept
from interp.runs.sparsify.figures import training_curves
from interp.runs.sparsify.publish import DEFINITIONS
from interp.runs.toy.config import ToyConfig
from interp.runs.toy.figures import all_heads, by_example
from interp.runs.toy.methods import after
from interp.words.numbers import fixed, significant
from interp.words.phrases import plural, tenth

CARRIES = {0: "no carry", 1: "one carry", 2: "double carry"}
FILES = {
    "config.yaml, config.resolved.yaml": "the config as given; with every default filled in",
    "manifest.json": "versions, seed, times, status",
    "accuracy.csv": "every test sum and whether each model gets it right",
    "attention.csv": "attention weights of the examples",
    "density.json": "open edges over all test sums, by head",
    "log.csv": "one row a step of sparse training",
    "times.csv": "seconds of each of these steps",
    "dense.safetensors, sparse.safetensors": "both models",
    "figures/": "every figure as png, pdf and svg, with its numbers as csv",
}


class Density(TypedDict):
    """The share of causal edges that a model opens on the test sums, and that of every head, layer by layer; None: all."""

    density: float
    by_head: list[list[float]] | None


def publish(folder: RunFolder, console: Console) -> Path:
    """Draw the figures, write report.md and report.html, print the answer; returns the path of report.html."""
    accuracy, attention, log = (
        reading.read_csv(folder.path / f"{name}.csv") for name in ("accuracy", "attention", "log")
    )
    density = reading.read_json(folder.path / "density.json")
    config = validate_as(ToyConfig, reading.read_yaml(folder.path / RESOLVED), str(folder.path / RESOLVED))
    drawn = {
        "attention_by_example": by_example(attention),
        "attention_all_heads": all_heads(attention),
        "training_curves": training_curves(log, "test sums"),
    }
    files = [save(made, folder.path / "figures", stem) for stem, made in drawn.items()]
    story = _story(config, accuracy, attention, density)
    manifest = folder.manifest()
    commands = f"{manifest.command}\n\n# draw this page again, without the models\n{report_command(manifest.folder)}"
    resolved = reading.read_text(folder.path / RESOLVED)
    facts = _facts(config, log)
    methods = after(config, manifest)
    page = Page(story, facts, DEFINITIONS, commands, reproduction(manifest), resolved, FILES, methods)
    write_page(folder.path, page, files)
    report = folder.path / "report.html"
    print_answer(console, story, report)
    return report


def concluded(folder: RunFolder) -> Mapping[str, object]:
    """Of each model: the share of unseen sums that it gets right, with its interval, and the density of its edges."""
    accuracy = reading.read_csv(folder.path / "accuracy.csv")
    density = reading.read_json(folder.path / "density.json")
    by_model: dict[str, object] = {}
    for name, part in accuracy.groupby("model"):
        share, low, high = rate(part["right"])
        by_model[str(name)] = {
            "accuracy": {"mean": share, "low": low, "high": high, "n": len(part)},
            "density": density[str(name)]["density"],
        }
    return by_model


KEPT = Kept(
    ("accuracy.csv", "attention.csv", "density.json", "log.csv"),
    publish,
    also=("dense.safetensors", "sparse.safetensors", "checkpoints", "times.csv"),
    concluded=concluded,
)


def _story(config: ToyConfig, accuracy: pd.DataFrame, attention: pd.DataFrame, density: dict[str, Density]) -> Story:
    right = {name: part["right"] for name, part in accuracy.groupby("model")}
    count = len(right["dense"])
    lost = 100 * (right["dense"].mean() - right["sparse"].mean())
    dense, sparse = (right[name].to_numpy() for name in ("dense", "sparse"))
    # Exact McNemar test: only the sums that one of the models gets wrong tell them apart.
    only = int((dense & ~sparse).sum()), int((~dense & sparse).sum())
    p_value = float(stats.binomtest(only[0], sum(only)).pvalue) if sum(only) else 1.0
    return Story(
        title=config.title or config.name,
        question=config.question,
        answer=[
            f"With {tenth(density['sparse']['density'])} of the causal attention edges open, the sparse model gets "
            f"{_rate(right['sparse'])} of {count:,} sums right that it was never trained on; the dense model, with all edges, "
            f"{_rate(right['dense'])}.",
            f"Sparsity cost {fixed(lost, 1)} points of accuracy (exact McNemar test: p = {significant(p_value, 2)}).",
        ],
        observations=_observations(attention, density),
        caveats=[
            "One model and one seed; which edges survive differs between seeds.",
            "Density counts causal edges among the ten tokens that the models read (question and the first four digits of "
            "the answer).",
        ],
        sections=[
            Section("Attention, dense and sparse", figures=["attention_by_example", "attention_all_heads"]),
            Section("Accuracy", tables=[_accuracy_table(accuracy)]),
            Section("Training", figures=["training_curves"]),
        ],
    )


def _observations(attention: pd.DataFrame, density: dict[str, Density]) -> list[str]:
    sparse = attention[(attention["model"] == "sparse") & (attention["weight"] > 0)]
    total = attention[attention["model"] == "sparse"]
    sentences = []
    for sum_, part in total.groupby("sum", sort=False):
        opened = int((part["weight"] > 0).sum())
        sentences.append(f"{sum_} ({CARRIES[int(part['carries'].iloc[0])]}): {opened} of {len(part)} edges are open.")
    by_head = [share for layer in density["sparse"]["by_head"] or () for share in layer]
    silent = sum(share == 0 for share in by_head)
    if silent:
        sentences.append(f"{silent} of {len(by_head)} heads open no edge on any test sum.")
    last = int(attention["query"].max())
    for query in range(last - 3, last + 1):
        keys = sorted(set(sparse.loc[sparse["query"] == query, "key"]))
        words = (
            f"key position{'s' if len(keys) > 1 else ''} {', '.join(map(str, keys))}" if keys else "no position at all"
        )
        sentences.append(
            f"To write digit {query - last + 5} of the answer (query position {query}), the sparse model reads from {words} in "
            "the examples."
        )
    return sentences


def _accuracy_table(accuracy: pd.DataFrame) -> TableBlock:
    rows = []
    for carries, words in CARRIES.items():
        part = accuracy[accuracy["carries"] == carries]
        rights = [part.loc[part["model"] == name, "right"] for name in ("dense", "sparse")]
        rows.append([words, str(len(rights[0])), *map(_rate, rights)])
    return TableBlock(
        title="Sums never trained on, all five digits right",
        columns=["sums", "n", "dense", "sparse"],
        rows=rows,
        note="Brackets: 95 % Wilson intervals.",
    )


def rate(right: pd.Series) -> tuple[float, float, float]:
    """The share that is right, and the ends of its 95 % Wilson interval."""
    interval = stats.binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return float(right.mean()), float(interval.low), float(interval.high)


def _rate(right: pd.Series) -> str:
    """`99.7 % [99.1 %, 99.9 %]`."""
    mean, low, high = (f"{fixed(100 * share, 1)} %" for share in rate(right))
    return f"{mean} [{low}, {high}]"


def _facts(config: ToyConfig, log: pd.DataFrame) -> list[tuple[str, str]]:
    model, dense = config.model, config.dense
    return [
        (
            "model",
            f"GPT-2 with {model.layers} layers of {model.heads} heads, width {model.width}, from scratch",
        ),
        (
            "dense training",
            f"cross-entropy on the answer's digits, at most {plural(dense.steps, 'step')} of {dense.batch} sums",
        ),
        (
            "sparse training",
            f"{plural(len(log), 'step')} of {config.sparse.batch} sums, all weights, from the dense model",
        ),
        ("gate", f"bias {config.bias:g}"),
        ("test sums", "a tenth of the 10,000 sums, chosen by the hash of their text, never trained on"),
    ]
