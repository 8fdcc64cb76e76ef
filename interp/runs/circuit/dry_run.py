"""`interp validate`: what a run would do, from its config, tokenizer and sizes alone; no weights are loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from interp.analysis.findings_of_run import Sizes
from interp.analysis.seeding import generator
from interp.configs.loading import LoadedConfig
from interp.errors import UserError
from interp.interventions.cells import Dimensions
from interp.measure.study import Study
from interp.models import HuggingFaceSource, model_dimensions
from interp.models.config import ModelSource
from interp.models.load import device_of
from interp.prompts.book import reasons
from interp.prompts.select import Reader, choose_for_all
from interp.runs.checked import Checked, MemoryNeeded, ProbeAsked
from interp.runs.circuit.config import RunConfig
from interp.runs.circuit.memory import footprint
from interp.runs.circuit.preflight import check_probes
from interp.runs.circuit.prepare import encoder_for

MOST_REASONS = 8


def describe(config: LoadedConfig[RunConfig], console: Console) -> Checked:
    """Check prompts and probes, and print forward passes and memory; UserError when the run could not work.

    What was found is returned as plain data: `on_this_machine` is False, and nothing else there, where the model has
    yet to be fetched.
    """
    return describe_run(config.run, console)


def describe_run(settings: RunConfig, console: Console, beside: Sequence[ModelSource] = ()) -> Checked:
    """The same of a run that is one part of what a YAML asks for, whose prompts the models `beside` are asked, too."""
    dimensions = model_dimensions(settings.model)
    if dimensions is None:
        _warn(settings.model, console)
        console.print(
            "the model is not on this machine yet, so prompts and probes were not checked; run it to fetch it"
        )
        return {"on_this_machine": False}
    info, _ = dimensions
    encoders = [
        encoder_for(sizes, tokenizer, model.prepend_bos, settings)
        for model, (sizes, tokenizer) in [(settings.model, dimensions), *_there(beside)]
    ]
    readers = [Reader(encoder) for encoder in encoders]
    book = choose_for_all(settings.prompts, readers, generator(settings.seed, "prompts"))[0]
    study = Study(
        model=info.name,
        sizes=Dimensions(info.n_layers, info.n_heads, info.n_kv_heads, info.windows),
        running=None,
        book=book,
        metric=settings.metric,
        encoder=encoders[0],
        min_gap=0.0,
        probes={probe.label: probe for probe in settings.probes},
    )
    check_probes(settings.probes, study)
    _warn(settings.model, console)
    table = Table("probe", "kind", "prompts", "forward passes", box=None, pad_edge=False)
    asked: list[ProbeAsked] = [
        {
            "probe": probe.label,
            "kind": probe.kind,
            "prompts": probe.n_prompts(study),
            "forward_passes": probe.passes(study),
        }
        for probe in settings.probes
    ]
    total = sum(row["forward_passes"] for row in asked)
    for row in asked:
        table.add_row(row["probe"], row["kind"], str(row["prompts"]), f"{row['forward_passes']:,}")
    console.print(table)
    notes = book.notes
    for note in notes:
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
    why = reasons(book.dropped)
    if why:
        console.print("left out, by reason, an example each:", highlight=False)
    for count, example in why[:MOST_REASONS]:
        console.print(f"  {count:,}  {example}", highlight=False, markup=False)
    if len(why) > MOST_REASONS:
        console.print(f"  and {len(why) - MOST_REASONS} more reasons", highlight=False)
    return {
        "on_this_machine": True,
        "model": info.name,
        "prompts": len(book),
        "prompts_left_out": len(book.dropped),
        "left_out": [{"prompts": count, "example": example} for count, example in why],
        "notes": list(notes),
        "probes": asked,
        "forward_passes_at_most": total,
        "memory_gb": MemoryNeeded(
            peak=_gb(needed.peak),
            loading=_gb(needed.loading),
            measuring=_gb(needed.measuring),
            unbounded=_gb(needed.unbounded),
        ),
    }


def _gb(n_bytes: float) -> float:
    return round(n_bytes / 2**30, 3)


def _there(models: Sequence[ModelSource]) -> Iterator[tuple[ModelSource, tuple[Sizes, Any]]]:
    """The models that are on this machine already, with their sizes and tokenizers."""
    for model in models:
        if (dimensions := model_dimensions(model)) is not None:
            yield model, dimensions


def _warn(model: ModelSource, console: Console) -> None:
    for warning in _device_warnings(model):
        console.print(f"warning: {warning}", style="yellow", highlight=False, markup=False)


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
