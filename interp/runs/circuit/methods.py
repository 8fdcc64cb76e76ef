"""The methods of a run of probes in words, from its config: before it runs, and afterwards with what it found on the way.

Probes say their own sentences (`Probe.method`); here stand model, prompts, metric, statistics and software, and what they cite.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import interp
from interp.analysis.bootstrap import FEW
from interp.analysis.findings_of_run import ModelFound, RunFindings, SparseFound
from interp.errors import UserError
from interp.models import HuggingFaceSource, model_dimensions
from interp.models.config import ModelSource
from interp.prompts.config import PromptsConfig
from interp.prompts.task import Task
from interp.report.bibliography import entries, model_entry, software_entry
from interp.report.methods import Methods
from interp.results.manifest import Manifest
from interp.results.tables import RunTables
from interp.runs.circuit.config import Measured, RunConfig
from interp.words.phrases import percent, plural
from interp.words.tense import AFTER, BEFORE, Tense
from interp.words.visible import visible_token

MOST_WORDINGS = 6
DIGEST = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b")
PARAGRAPH = 700  # letters that short ones are gathered up to
SHARES = {
    "joint": "what is left of the effect of all edges when these heads alone keep theirs",
    "absolute": "these heads' part of the summed sizes of single effects",
    "net": "these heads' part of the summed single effects",
}


def explain(settings: RunConfig) -> Methods:
    """For `interp explain`."""
    return before(settings, {"": settings.model})


def before(settings: Measured, models: Mapping[str, ModelSource]) -> Methods:
    """What a config asks for, before it runs; `models` by label, one without a label where there is one."""
    told = [f"{_the_model(label, BEFORE)} {_asked_model(model)}" for label, model in models.items()]
    software = [f"Software: interp {interp.__version__}, with models in TransformerLens. Seed: {settings.seed}."]
    names = [model_entry(_name(model)) for model in models.values()]
    sparse = any(getattr(model, "sparse", None) is not None for model in models.values())
    prompts = _prompts(settings.prompts, BEFORE, _wordings(settings.prompts.task))
    return _methods(
        settings, BEFORE, told, prompts, software, [software_entry(interp.__version__, None), *names], sparse
    )


def after(settings: Measured, arms: Mapping[str, RunTables], manifest: Manifest) -> Methods:
    """What a finished run did; `arms` as `models` above."""
    told = [f"{_the_model(label, AFTER)} {_found_model(tables.run.model)}" for label, tables in arms.items()]
    versions = manifest.versions
    commit = versions.get("commit")
    made = [
        f"{name} {versions[name]}"
        for name in ("transformer-lens", "torch", "transformers", "numpy")
        if versions.get(name)
    ]
    software = [
        f"Software: interp {versions.get('interp') or interp.__version__}{f' (commit {commit})' if commit else ''}; "
        f"{', '.join(made) or 'versions were not recorded'}. Seed: {settings.seed}; config hash: {manifest.config_hash}."
    ]
    names = [model_entry(tables.run.model.name, tables.run.model.origin) for tables in arms.values()]
    cited = [software_entry(versions.get("interp") or interp.__version__, commit), *names]
    runs = [tables.run for tables in arms.values()]
    prompts = [*_prompts(settings.prompts, AFTER, [wording.template for wording in runs[0].wordings]), _used(runs)]
    return _methods(settings, AFTER, told, prompts, software, cited, any(run.model.sparse for run in runs))


def _methods(
    settings: Measured,
    it: Tense,
    models: list[str],
    prompts: list[str],
    software: list[str],
    cited: list[str],
    sparse: bool,
) -> Methods:
    metric, share, statistics = type(settings.metric).described(), settings.share, settings.statistics
    measured = (
        f"The metric {it.is_} the {metric['words']} ({metric['unit']}), read at the query position; an effect {it.is_} the "
        f"metric after an intervention minus the metric of the unedited run. Every intervention {it.is_} run exactly, with "
        "all later computation following it, unless a gradient is named."
    )
    reported = (
        f"Where a number of heads {it.is_} reported, it {it.is_} the smallest that accounts for {percent(share.target)} under the "
        f"{share.definition} definition ({SHARES[share.definition]})."
    )
    intervals = (
        f"Intervals {it.are} {percent(statistics.confidence)} bootstrap intervals with {statistics.n_resamples:,} "
        f"resamples of word pairs, whose prompts {it.are} drawn together (percentile intervals, BCa below {FEW} word "
        f"pairs); shares {it.are} ratios of means over prompts."
    )
    counts = any(probe.kind == "key_query_heads" for probe in settings.probes)
    paragraphs = [
        " ".join(models),
        " ".join([*prompts, measured]),
        *_in_paragraphs(probe.method(it) for probe in settings.probes),
        " ".join([intervals, *([reported] if counts else [])]),
        " ".join(software),
    ]
    sources = [source for probe in settings.probes for source in probe.cites]
    gate = ["draye2025sparse", "rezende2018taming"] if sparse else []
    keys = [*cited, "transformerlens", *gate, *sources, "davison1997bootstrap", "efron1987better"]
    return Methods(paragraphs, entries(keys))


def _in_paragraphs(told: Iterable[str]) -> list[str]:
    """What probes say, short ones together."""
    paragraphs: list[str] = []
    for text in told:
        if paragraphs and len(paragraphs[-1]) + len(text) <= PARAGRAPH:
            paragraphs[-1] += f" {text}"
        else:
            paragraphs.append(text)
    return paragraphs


def _the_model(label: str, it: Tense) -> str:
    return f"The model {it.is_}" if not label else f"The model called {label} {it.is_}"


def _asked_model(model: ModelSource) -> str:
    return f"{_name(model)}{_asked_sizes(model)}{_asked_settings(model)}."


def _asked_sizes(model: ModelSource) -> str:
    try:
        dimensions = model_dimensions(model)
    except UserError:
        dimensions = None
    if dimensions is None:
        return ""
    sizes = dimensions[0]
    return f" ({_sizes(sizes.architecture, sizes.n_layers, sizes.n_heads)})"


def _asked_settings(model: ModelSource) -> str:
    bos = f"{'with' if model.prepend_bos else 'without'} a beginning-of-sequence token"
    if not isinstance(model, HuggingFaceSource):
        return f", built by its source, {bos}"
    on = [name for name, wanted in model.processing.model_dump().items() if wanted]
    gated = ""
    if model.sparse is not None:
        gated = (
            ", with every gate of its sparse checkpoint held open"
            if model.sparse.opened
            else ", with gated (sparse) attention"
        )
    return f", in {model.dtype}, {bos}; weight processing of TransformerLens: {', '.join(on) or 'none'}{gated}"


def _name(model: ModelSource) -> str:
    return str(getattr(model, "name", None) or getattr(model, "path", None) or model.source)


def _sizes(architecture: str, n_layers: int, n_heads: int) -> str:
    return f"{architecture}, {n_layers} layers of {n_heads} heads"


def _found_model(model: ModelFound) -> str:
    on = [name for name, applied in model.processing.items() if applied]
    bos = f"{'with' if model.prepend_bos else 'without'} a beginning-of-sequence token"
    return (
        f"{model.name} ({_sizes(model.architecture, model.n_layers, model.n_heads)}; {_short(model.origin)}; weights sha256 "
        f"{model.weights_sha256[:12]}), in {model.dtype}, {bos}; weight processing of TransformerLens: "
        f"{', '.join(on) or 'none'}{_found_gate(model.sparse)}."
    )


def _short(origin: str) -> str:
    """Where a model comes from, with the beginnings of long digests; the table of the run has all of them."""
    return DIGEST.sub(r"\1", origin)


def _found_gate(sparse: SparseFound | None) -> str:
    if sparse is None:
        return ""
    if sparse.opened:
        return f"; the weights of the sparse checkpoint {sparse.checkpoint}, with every gate held open"
    at = "the logarithm of its softmax weight" if sparse.gate == "weight" else "its score"
    return f"; an attention edge is open where {at} plus {sparse.bias:g} is above 0 (checkpoint {sparse.checkpoint or 'none'})"


def _prompts(settings: PromptsConfig, it: Tense, wordings: list[str]) -> list[str]:
    task = settings.task
    line = next(iter((type(task).__doc__ or task.kind).strip().splitlines())).rstrip(".")
    shown = "; ".join(f"“{visible_token(wording)}”" for wording in wordings[:MOST_WORDINGS])
    more = f", and {len(wordings) - MOST_WORDINGS} more" if len(wordings) > MOST_WORDINGS else ""
    told = [
        f"Prompts {it.are} pairs of a clean and a corrupted prompt of the same number of tokens, of the task {task.kind} ({line})"
        + (f", in {plural(len(wordings), 'wording')}: {shown}{more}." if wordings else ".")
    ]
    if task.pairing == "shuffled":
        told.append(f"Every prompt {it.is_} asked for another one's answer, by a fixed random pairing.")
    places = "; ".join(
        f"{name}: {', '.join(f'{key} {value}' for key, value in role.model_dump(exclude_defaults=True).items())}"
        for name, role in settings.roles.items()
    )
    right = "ranked above the foil" if task.choice else "ranked first"
    kept = {
        "all": f"Prompts {it.are} kept whatever the model answers",
        "correct": f"Prompts {it.are} kept whose right answer {it.is_} {right} by the model",
        "correct_in_every_template": f"Word pairs {it.are} kept whose right answer {it.is_} {right} by the model in every wording",
    }[settings.keep]
    told.append(f"Positions {it.are} named by role ({places}).")
    told.append(f"{kept}, and only where the metric of the two runs differs by at least {settings.min_gap:g}.")
    return told


def _wordings(task: Task) -> list[str]:
    """Those that a task's settings list; none for a task that makes them as it goes."""
    templates = getattr(task, "templates", ())
    if not isinstance(templates, list | tuple):
        return []
    return [template for template in templates if isinstance(template, str)]


def _used(runs: list[RunFindings]) -> str:
    first = runs[0]
    rights = [f"{f'{run.model.name}: ' if len(runs) > 1 else ''}{percent(run.accuracy)}" for run in runs if run.n_asked]
    asked = f" {plural(first.n_asked, 'candidate')} were asked; answered right: {', '.join(rights)}." if rights else ""
    return (
        f"{plural(first.n_prompts, 'prompt pair')} of {plural(first.n_pairs, 'word pair')} in "
        f"{plural(first.n_templates, 'wording')} were measured, and {first.n_dropped:,} left out.{asked}"
    )
