"""Two-digit addition, dense and sparse, in the words of a methods section."""

from __future__ import annotations

import interp
from interp.report.bibliography import entries, software_entry
from interp.report.methods import Methods
from interp.results.manifest import Manifest
from interp.runs.sparsify.methods import software, trained
from interp.runs.toy.config import ToyConfig
from interp.words.phrases import plural
from interp.words.tense import AFTER, BEFORE, Tense


def explain(settings: ToyConfig) -> Methods:
    """For `interp explain`."""
    return _methods(settings, BEFORE, f"Software: interp {interp.__version__}. Seed: {settings.seed}.", None)


def after(settings: ToyConfig, manifest: Manifest) -> Methods:
    """What a finished run did."""
    return _methods(settings, AFTER, software(manifest, settings.seed), manifest.versions.get("commit"))


def _methods(settings: ToyConfig, it: Tense, last: str, commit: str | None) -> Methods:
    model, dense = settings.model, settings.dense
    paragraphs = [
        f"A GPT-2 of {plural(model.layers, 'layer')} with {plural(model.heads, 'head')} each and width {model.width} "
        f"{it.is_} trained from scratch to add two two-digit numbers, on nine tenths of the 10,000 sums: at most "
        f"{dense.steps:,} steps of {dense.batch} sums, cross-entropy on the answer's digits. From it, a sparse model "
        f"{it.is_} trained on the same sums, whose attention edges are open "
        f"where their score plus {settings.bias:g} is above 0.",
        trained(settings.sparse, it),
        f"Both {it.are} judged on the sums that neither {it.is_} trained on, by whether all five digits are right; "
        f"intervals {it.are} "
        f"Wilson's, and the two models {it.are} compared by McNemar's exact test.",
        last,
    ]
    cited = [software_entry(interp.__version__, commit), "draye2025sparse", "rezende2018taming"]
    return Methods(paragraphs, entries(cited))
