"""What every report states about its run, whatever the recipe: model, metric, probes, prompts, how to reproduce."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from interp.analysis.bootstrap import interval_method
from interp.analysis.findings_of_run import ModelFound, RunFindings
from interp.report import prompts as prompt_tables
from interp.report.commands import report_command
from interp.report.story import TableBlock
from interp.report.tokens import FocusPrompt, focus_prompt
from interp.results.manifest import EngineFound, Manifest
from interp.results.tables import RunTables
from interp.words.numbers import estimate, fixed, number, significant
from interp.words.phrases import metric_words, percent, plural, tenth
from interp.words.visible import visible_token

SOURCES = {
    "zero": "set to zero",
    "mean": "replaced by its mean over prompts",
    "resample": "replaced by its value in another prompt",
    "clean": "replaced by its value in the clean run",
    "corrupted": "replaced by its value in the corrupted run",
    "other": "replaced by its value in the other run, in both directions",
}

BOS = "beginning-of-sequence token"


@dataclass(frozen=True)
class Facts:
    """All that the templates show beside the story."""

    focus: FocusPrompt
    run: list[tuple[str, str]]
    probes: TableBlock
    wordings: TableBlock
    prompts: TableBlock
    reasons: TableBlock
    drops: TableBlock
    commands: str
    reproduction: list[tuple[str, str]]
    config: str


def gather(tables: RunTables, manifest: Manifest, resolved: str) -> Facts:
    """Collect the facts of a run."""
    return Facts(
        focus=focus_prompt(tables),
        run=[*model_facts(tables.run.model), *_measurement(tables)],
        probes=_probes(tables, manifest.probe_seconds),
        wordings=prompt_tables.wordings(tables),
        prompts=prompt_tables.prompts(tables),
        reasons=prompt_tables.reasons(tables.dropped),
        drops=prompt_tables.drops(tables.dropped),
        commands=_commands(manifest),
        reproduction=reproduction(manifest),
        config=resolved,
    )


def model_facts(model: ModelFound) -> list[tuple[str, str]]:
    """What a report states about a model."""
    on = [name for name, applied in model.processing.items() if applied]
    return [
        (
            "model",
            f"{model.name} ({model.architecture}): {model.n_layers} layers, {model.n_heads} query heads on "
            f"{plural(model.n_kv_heads, 'key-value head')}, d_model {model.d_model}; from {model.origin}",
        ),
        ("weights", f"sha256 {model.weights_sha256}; {model.dtype} on {model.device}"),
        *_sparse(model),
        ("weight processing", f"{', '.join(on) or 'none'} (TransformerLens)"),
        ("logits against Hugging Face", _checked(model)),
        (BOS, "prepended, not counted in positions" if model.prepend_bos else "none"),
    ]


def _checked(model: ModelFound) -> str:
    if not model.checked_prompt:
        return "not compared: the model was built by its source, and is measured as it is"
    return (
        f"largest difference {significant(model.logits_max_abs_diff, 2)} logits on "
        f"“{visible_token(model.checked_prompt)}” (row means removed)"
    )


SIGNIFICANT_BITS = {"bfloat16": 8, "float16": 11}


def precision_caveat(run: RunFindings) -> list[str]:
    """What half precision does to a run's numbers, with its step at the size of the clean metric; none for float32."""
    dtype, size = run.model.dtype, abs(run.clean.mean)
    if dtype not in SIGNIFICANT_BITS or not size:
        return []
    step = 2.0 ** (math.floor(math.log2(size)) + 1 - SIGNIFICANT_BITS[dtype])
    return [
        f"The weights of {run.model.name} are in {dtype}, whose numbers near the clean metric ({number(size)}) lie "
        f"{significant(step, 2)} apart. Blocks, last norm, unembedding and metric are computed in float32 on these rounded "
        "weights, so effects can be finer than that step; where the run says that its interventions ran by hooks, the blocks "
        "round to it, and effects of a few steps are rounding."
    ]


def _sparse(model: ModelFound) -> list[tuple[str, str]]:
    sparse = model.sparse
    if sparse is None:
        return []
    if sparse.opened:
        return [("sparse attention", f"none: the weights of checkpoint {sparse.checkpoint}, with every gate held open")]
    where = f"checkpoint {sparse.checkpoint}" if sparse.checkpoint else "no checkpoint of ours"
    gate = "the logarithm of its softmax weight" if sparse.gate == "weight" else "its score"
    own = " (each head with a learnt bias of its own on top)" if sparse.head_bias_range else ""
    own += " (and another for the first token)" if sparse.first_bias_range else ""
    return [("sparse attention", f"an edge is open where {gate} plus {sparse.bias:g}{own} is above 0; {where}")]


def _measurement(tables: RunTables) -> list[tuple[str, str]]:
    run = tables.run
    kind, unit, left_out = run.metric.kind, run.metric.unit, len(tables.dropped)
    return [
        (
            "prompts",
            f"{plural(run.n_prompts, 'prompt pair')}: {plural(run.n_pairs, 'word pair')} in "
            f"{plural(run.n_templates, 'wording')}; {left_out} left out",
        ),
        ("metric", f"{metric_words(run)} ({kind}, in {unit}), read at the query position"),
        ("metric, clean run", f"{estimate(run.clean)} {unit}"),
        ("metric, corrupted run", f"{estimate(run.corrupted)} {unit}"),
        ("share", f"{percent(run.share_target)}, {run.share_definition} definition (see Definitions)"),
        (
            "intervals",
            f"{percent(run.confidence)} {interval_method(run.n_pairs)} bootstrap over word pairs, "
            f"{run.n_resamples:,} resamples",
        ),
    ]


def _probes(tables: RunTables, seconds: dict[str, float]) -> TableBlock:
    rows = []
    for label in tables.labels:
        effects = tables.values_of(label, "kind", "source", "site", "method")
        variants = tables.values_of(label, "part", "base", "group", "variant")
        rows.append(
            [
                str(label) if label == (kind := effects["kind"].iloc[0]) else f"{label} ({kind})",
                _edited(effects),
                f"{len(variants):,}",
                str(len(tables.values_of(label, "prompt"))),
                fixed(seconds.get(label), 1),
            ]
        )
    return TableBlock(
        title="Probes",
        columns=["probe", "what it changes", "variants", "prompts", "seconds"],
        rows=rows,
        note="A variant is one set of edits to a forward pass, measured on every prompt.",
    )


def _edited(effects: Any) -> str:
    changes = effects.loc[effects["source"] != "", ["site", "source"]].drop_duplicates().astype(str)
    if {"clean", "corrupted"} <= set(changes["source"]):
        changes = changes.assign(source=changes["source"].replace({"clean": "other", "corrupted": "other"}))
    parts = []
    for source, group in changes.groupby("source", sort=True):
        # Rows of several edits at once name no site of their own.
        sites = ", ".join(sorted({site or "sets of edits" for site in group["site"]}))
        parts.append(f"{sites}: {SOURCES.get(str(source), str(source))}")
    how = ", estimated by a gradient" if set(effects["method"]) == {"attribution"} else ""
    return "; ".join(parts) + how if parts else "nothing: it observes"


def _commands(manifest: Manifest) -> str:
    return (
        f"{manifest.command}\n\n# draw this page again from the tables, without the model\n"
        f"{report_command(manifest.folder)}"
    )


def _engine(engine: EngineFound | None) -> list[tuple[str, str]]:
    """How the interventions were run, and which needed no run; of the attempt that finished the run."""
    if engine is None or not engine.variants:
        return []
    how = "in one sweep over the layers"
    if engine.by_hooks_because:
        how = f"by hooks on the model's own blocks, because {engine.by_hooks_because}"
    return [
        (
            "interventions",
            f"{engine.variants:,} sets of edits, run exactly, {how}; {engine.unchanged:,} of them change exactly nothing "
            f"because attention is causal, and {engine.repeated:,} repeat another",
        )
    ]


def _gates(gates: dict[str, int] | None) -> list[tuple[str, str]]:
    """What the gates of a sparse model did on the run's own prompts."""
    if not gates:
        return []
    near = gates["within_1e-6_of_0"]
    return [
        (
            "gates",
            f"{tenth(gates['open'] / gates['edges'])} of the causal edges are open on these prompts "
            f"({fixed(gates['open'] / gates['queries'], 2)} keys a query and head); "
            f"{near or 'no'} of {gates['edges']:,} logits {'is' if near == 1 else 'are'} within 1e-6 of 0, where rounding decides",
        )
    ]


def reproduction(manifest: Manifest) -> list[tuple[str, str]]:
    """What a run's numbers depend on."""
    versions = dict(manifest.versions)
    commit = versions.pop("commit", None) or "not run from a checkout of its own"
    return [
        ("config hash", str(manifest.config_hash)),
        ("overrides", ", ".join(manifest.overrides) or "none"),
        ("seed", str(manifest.seed)),
        ("git commit", commit.replace("+changes", ", with uncommitted changes")),
        ("machine", f"{plural(manifest.threads or 1, 'thread')}; this took {fixed(manifest.seconds, 0)} s"),
        *_engine(manifest.engine),
        *_gates(manifest.gates),
        ("versions", ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))),
    ]
