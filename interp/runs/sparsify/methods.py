"""Sparse training in the words of a methods section."""

from __future__ import annotations

import interp
from interp.report.bibliography import entries, model_entry, software_entry
from interp.report.methods import Methods
from interp.results.manifest import Manifest
from interp.sparsify.config import SparsifyConfig, Training
from interp.sparsify.text_config import DatasetText, DocumentationText, FileText, TextSource
from interp.words.phrases import percent, plural
from interp.words.tense import AFTER, BEFORE, Tense

ADAPTERS = {
    "lora": "Low-rank adapters (LoRA)",
    "attention": "The weights of the attention layers",
    "full": "All weights",
}


def explain(settings: SparsifyConfig) -> Methods:
    """For `interp explain`."""
    return _methods(settings, BEFORE, [f"Software: interp {interp.__version__}. Seed: {settings.seed}."], None)


def after(settings: SparsifyConfig, manifest: Manifest) -> Methods:
    """What a finished run did."""
    return _methods(settings, AFTER, [software(manifest, settings.seed)], manifest.versions.get("commit"))


def software(manifest: Manifest, seed: int) -> str:
    """Versions, seed and hash of a finished run."""
    made = [
        f"{name} {manifest.versions[name]}" for name in ("torch", "transformers", "peft") if manifest.versions.get(name)
    ]
    version = manifest.versions.get("interp") or interp.__version__
    return f"Software: interp {version}; {', '.join(made)}. Seed: {seed}; config hash: {manifest.config_hash}."


def _methods(settings: SparsifyConfig, it: Tense, last: list[str], commit: str | None) -> Methods:
    gate, text, training = settings.gate, settings.text, settings.training
    looks_at = "the logarithm of its softmax weight" if gate.kind == "weight" else "its score"
    learnt = f", plus a bias of each head that {it.is_} learnt," if gate.learn_bias else ""
    name = str(getattr(settings.model, "name", None) or getattr(settings.model, "path", settings.model.source))
    sources = text.of if isinstance(text.of, tuple) else (text.of,)
    paragraphs = [
        f"The attention of {name} {it.is_} made sparse by a gate on every edge: an edge is open where {looks_at} plus "
        f"{gate.scalar:g}{learnt} is above 0, its weight is kept as it is when it is open, and the weights of a row are "
        f"not renormalised. In training the gate {it.is_} noisy (logistic noise of temperature {gate.temperature:g}), with "
        f"a straight-through gradient; densities {it.are} "
        "measured with the exact gate.",
        f"{trained(training, it)} The loss {it.is_} held against the dense model's on the same tokens.",
        f"Text {it.is_} {' and '.join(map(_text, sources))}, in sequences of {text.context} tokens; "
        f"{percent(text.held_out)} of them, chosen by their hash, {it.are} held out, and at most {text.evaluated} of these "
        f"{it.are} evaluated, at lengths of "
        f"{', '.join(map(str, text.lengths))} tokens. Intervals {it.are} over held-out sequences (normal approximation).",
        " ".join(last),
    ]
    cited = [software_entry(interp.__version__, commit), model_entry(name), "draye2025sparse", "rezende2018taming"]
    return Methods(paragraphs, entries(cited))


def trained(training: Training, it: Tense) -> str:
    """How: what is trained, on which loss, in which stages."""
    losses = [
        f"{weight:g} × {words}"
        for weight, words in (
            (training.loss.kl, "KL(dense || sparse)"),
            (training.loss.cross_entropy, "cross-entropy"),
        )
        if weight
    ]
    stages = ", ".join(f"{stage.target:g} nats for {plural(stage.steps, 'step')}" for stage in training.stages)
    return (
        f"{ADAPTERS[training.adapter.kind]} {it.are} trained, {training.batch} sequences a step, to open "
        f"as few edges as a target on the loss ({' + '.join(losses)}) allows: the density's multiplier {it.is_} raised "
        f"while the loss {it.is_} under its target and lowered while it {it.is_} above (GECO). Targets above the dense "
        f"model's loss: {stages}."
    )


def _text(source: TextSource) -> str:
    if isinstance(source, FileText):
        return f"the file {source.path}"
    if isinstance(source, DatasetText):
        return f"the data set {source.name}{f' ({source.subset})' if source.subset else ''}, split {source.split}"
    if isinstance(source, DocumentationText):
        return f"English in docstrings of {', '.join(source.packages)}"
    return f"what the dense model itself writes at temperature {source.temperature:g}"
