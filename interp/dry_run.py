"""`interp validate`: what a run would do, from its config, tokenizer and sizes alone; no weights are loaded."""

from __future__ import annotations

from typing import Any, cast

from rich.console import Console
from rich.table import Table

from interp.analysis.seeding import generator
from interp.comparison.config import ComparisonConfig
from interp.config import RunConfig
from interp.interventions.cells import Dimensions
from interp.interventions.engine import Engine
from interp.measure.study import Study
from interp.memory import footprint
from interp.models import model_dimensions
from interp.models.load import device_of
from interp.preflight import check_probes
from interp.prompts.encoder import Encoder
from interp.prompts.select import choose_prompts
from interp.yaml_config import LoadedConfig


def describe(config: LoadedConfig[Any], console: Console) -> None:
    """Check prompts and probes, and print forward passes and memory; UserError when the run could not work.

    A comparison is checked one model at a time; what trains a model has no probes to check.
    """
    if isinstance(config.run, RunConfig):
        _describe(config.run, config, console)
    elif isinstance(config.run, ComparisonConfig):
        for label in config.run.models:
            console.print(f"{label}:", style="bold")
            _describe(config.run.arm(label), config, console)
    else:
        console.print(f"{config.path}: the config is valid", highlight=False)


def _describe(settings: RunConfig, config: LoadedConfig[Any], console: Console) -> None:
    found = model_dimensions(settings.model)
    console.print(f"{config.path}: the config is valid", highlight=False)
    if settings.model.dtype == "float16" and device_of(settings.model.device) == "cpu":
        console.print("warning: model.dtype float16 is about six times slower on a CPU than float32", style="yellow")
    if found is None:
        console.print(
            "the model is not on this machine yet, so prompts and probes were not checked; run it to fetch it"
        )
        return
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
    total = 0
    for probe in settings.probes:
        passes = probe.passes(study)
        total += passes
        table.add_row(probe.label, probe.kind, str(probe.n_prompts(study)), f"{passes:,}")
    console.print(table)
    for note in book.notes:
        console.print(f"note: {note}", highlight=False, markup=False)
    needed = footprint(info, study, settings.probes, settings.compute.memory_gb)
    console.print(
        f"{len(book)} prompts before the model's answers are checked (fewer may remain), {len(book.dropped)} left out; "
        f"at most {total:,} forward passes of one prompt; about {needed.peak / 2**30:.2f} GB of memory "
        f"({needed.loading / 2**30:.2f} GB while the model is loaded, {needed.measuring / 2**30:.2f} GB while it is measured); "
        f"compute.memory_gb cannot bring it below {max(needed.loading, needed.unbounded) / 2**30:.2f} GB, which the libraries, "
        "the weights, the unedited runs of the largest template and the rows of the largest probe take",
        highlight=False,
    )
