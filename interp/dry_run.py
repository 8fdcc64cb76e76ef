"""`interp validate`: what a run would do, from its config, tokenizer and sizes alone; no weights are loaded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from rich.console import Console
from rich.table import Table

from interp.analysis.seeding import generator
from interp.comparison.config import ComparisonConfig
from interp.config import RunConfig
from interp.errors import UserError
from interp.interventions.cells import Dimensions
from interp.interventions.engine import Engine
from interp.measure.study import Study
from interp.memory import footprint
from interp.models import HuggingFaceSource, model_dimensions
from interp.models.config import ModelSource
from interp.models.load import device_of
from interp.models.sparse_checkpoint import look
from interp.paths import user_path
from interp.preflight import check_probes
from interp.prompts.encoder import Encoder
from interp.prompts.select import choose_prompts
from interp.sparsify.config import SparsifyConfig
from interp.sparsify.run import check_context
from interp.yaml_config import LoadedConfig


def describe(config: LoadedConfig[RunConfig], console: Console) -> dict[str, Any]:
    """Check prompts and probes, and print forward passes and memory; UserError when the run could not work.

    What was found is returned as plain data: `on_this_machine` is False, and nothing else there, where the model has
    yet to be fetched.
    """
    return _describe(config.run, config, console)


def describe_comparison(config: LoadedConfig[ComparisonConfig], console: Console) -> dict[str, Any]:
    """The same of a comparison, one model at a time."""
    found = {}
    for label in config.run.models:
        console.print(f"{label}:", style="bold")
        found[label] = _describe(config.run.arm(label), config, console)
    return {"models": found}


def describe_training(config: LoadedConfig[SparsifyConfig], console: Console) -> dict[str, Any]:
    """The same of a training run: whether the model, where it is there, and the adapter to begin with can be used."""
    found, begin = model_dimensions(config.run.model), config.run.training.begin
    if found is not None:
        check_context(config.run, found[0].name, found[0].n_ctx)
    if begin is not None:
        look(user_path(begin, "training.begin"), "training.begin")
    console.print(f"{config.path}: the config is valid", highlight=False)
    return {"on_this_machine": found is not None}


def _describe(settings: RunConfig, config: LoadedConfig[Any], console: Console) -> dict[str, Any]:
    found = model_dimensions(settings.model)
    console.print(f"{config.path}: the config is valid", highlight=False)
    for warning in _device_warnings(settings.model):
        console.print(f"warning: {warning}", style="yellow", highlight=False, markup=False)
    if found is None:
        console.print(
            "the model is not on this machine yet, so prompts and probes were not checked; run it to fetch it"
        )
        return {"on_this_machine": False}
    info, tokenizer = found
    several = bool(settings.metric.sums_over)
    encoder = Encoder(tokenizer, settings.model.prepend_bos, info.d_vocab, info.n_ctx, several)
    book = choose_prompts(settings.prompts, encoder, [], generator(settings.seed, "prompts"))
    study = Study(
        model=info.name,
        sizes=Dimensions(info.n_layers, info.n_heads, info.n_kv_heads),
        engine=cast(Engine, None),
        book=book,
        metric=settings.metric,
        encoder=encoder,
        min_gap=0.0,
        probes={probe.label: probe for probe in settings.probes},
    )
    check_probes(settings.probes, study)
    table = Table("probe", "kind", "prompts", "forward passes", box=None, pad_edge=False)
    asked: list[dict[str, Any]] = [
        {"probe": one.label, "kind": one.kind, "prompts": one.n_prompts(study), "forward_passes": one.passes(study)}
        for one in settings.probes
    ]
    total = sum(one["forward_passes"] for one in asked)
    for one in asked:
        table.add_row(one["probe"], one["kind"], str(one["prompts"]), f"{one['forward_passes']:,}")
    console.print(table)
    for note in book.notes:
        console.print(f"note: {note}", highlight=False, markup=False)
    needed = footprint(info, study, settings.probes, settings.model, settings.compute.memory_gb)
    console.print(
        f"{len(book)} prompts before the model's answers are checked (fewer may remain), {len(book.dropped)} left out; "
        f"at most {total:,} forward passes of one prompt; about {needed.peak / 2**30:.2f} GB of memory "
        f"({needed.loading / 2**30:.2f} GB while the model is loaded, {needed.measuring / 2**30:.2f} GB while it is measured); "
        f"compute.memory_gb cannot bring it below {max(needed.loading, needed.unbounded) / 2**30:.2f} GB, which the libraries, "
        "the weights, the unedited runs of the largest template and the rows of the largest probe take",
        highlight=False,
    )
    return {
        "on_this_machine": True,
        "model": info.name,
        "prompts": len(book),
        "prompts_left_out": len(book.dropped),
        "notes": list(book.notes),
        "probes": asked,
        "forward_passes_at_most": total,
        "memory_gb": {
            name: round(getattr(needed, name) / 2**30, 3) for name in ("peak", "loading", "measuring", "unbounded")
        },
    }


def _device_warnings(model: ModelSource) -> Iterator[str]:
    """A config may be checked on another machine than the one that runs it, so what is missing here is no mistake."""
    if not isinstance(model, HuggingFaceSource):
        return
    try:
        device = device_of(model.device)
    except UserError as error:
        yield f"{error}, unless it runs on another machine"
        return
    if model.dtype == "float16" and device == "cpu":
        yield "model.dtype float16 is about six times slower on a CPU than float32"
