"""`interp.study`: a model with its prompts and its metric, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from interp.api.given import of_kind, section
from interp.api.models import load
from interp.api.prompts import Keep, Prompts, by_frame, by_lists, by_task
from interp.api.roles import Role
from interp.api.studies import NotebookStudy
from interp.configs.loading import Seed
from interp.configs.mistakes import quoted
from interp.configs.section import Section
from interp.errors import UserError
from interp.metrics import Metric, metrics
from interp.models import LoadedModel
from interp.models.by_hand import must_be_at_rest
from interp.probes import Probe
from interp.prompts.config import PromptsConfig
from interp.prompts.task import Task
from interp.runs.circuit.config import Compute, Share, unsuitable, usual_metric
from interp.runs.circuit.prepare import prepare


def study(
    model: Any,
    clean: Prompts | pd.DataFrame | None = None,
    corrupted: Prompts | None = None,
    answer: Prompts | None = None,
    foil: Prompts | None = None,
    *,
    task: str | Mapping[str, Any] | Task | None = None,
    key: Role | None = None,
    query: Role = "end",
    roles: Mapping[str, Role] | None = None,
    cluster: Sequence[str | int | None] | str | None = None,
    metric: str | Metric | None = None,
    keep: Keep | None = None,
    min_gap: float = 0.1,
    seed: int = 0,
    memory_gb: float | None = None,
) -> NotebookStudy:
    """A model with its prompts and its metric, ready to be measured.

    Args:
        model: what `interp.load` returns or takes.
        clean, corrupted, answer, foil: lists of equal length: prompts, and the next token of each. A model without a
            tokenizer takes lists of token ids. Or one frame, as `clean`, with these columns, and `pair` and `template` if it
            has them (docs/prompts.md); a row that does not fit is left out (`study.dropped`).
        task: instead of lists, a task by its name ("antonyms"), its settings, or itself.
        key, query, roles: positions counted from 1 (BOS not counted), "end", or a token's text; a list has one position, or
            one token, for every prompt; "{column}" takes them from a frame's column. Without `key` it is the first token in
            which the two prompts of a pair differ.
        cluster: names the prompts that belong together (a list, or a frame's column); intervals resample clusters.
        metric: "logit_diff", or any other metric (`interp list`); default: the task's usual one, for most "logit_diff".
        keep: "all" or "correct" prompts; default: all of one's own, the correct ones of a task.
        min_gap: pairs whose clean and corrupted metric differ by less are left out, in units of the metric.

    Raises:
        UserError: a list, role, task, metric or prompt is wrong; the message says which and what would be right.
    """
    loaded = model if isinstance(model, LoadedModel) else load(model)
    must_be_at_rest(loaded.hooked)
    if not isinstance(roles, Mapping | None):
        raise UserError(f"roles must be a mapping of names to places, not {quoted(roles)}")
    places = {"key": key, "query": query, **(roles or {})}
    seed = section(Seeded, {"seed": seed}).seed
    lists: dict[str, Any] = {"clean": clean, "corrupted": corrupted, "answer": answer, "foil": foil}
    if task is None and isinstance(clean, pd.DataFrame):
        if any(given is not None for given in (corrupted, answer, foil)):
            raise UserError("a frame holds corrupted, answer and foil as columns; leave these out, or give four lists")
        prompts = by_frame(loaded, clean, cluster, keep or "all", min_gap, places)
    elif task is None:
        prompts = by_lists(loaded, lists, cluster, keep or "all", min_gap, places)
    elif any(given is not None for given in [*lists.values(), cluster]):
        raise UserError("give either lists of prompts or a task, not both")
    else:
        prompts = by_task(
            task, keep or "correct", min_gap, {name: role for name, role in places.items() if role is not None}
        )
    chosen = usual_metric(prompts.task) if metric is None else of_kind(metrics, metric, {}, Metric)
    if why := unsuitable(chosen, prompts.task):
        raise UserError(f"metric: {why}")
    if chosen.moved_by_a_shift and loaded.info.processing.get("center_unembed"):
        raise UserError(
            f"the metric {chosen.kind} reads a raw logit, which a centred unembedding moves; load the model without "
            "processing.center_unembed"
        )
    question = Question(prompts, chosen, seed, section(Compute, {"memory_gb": memory_gb}))
    return NotebookStudy(prepare(question, [loaded])[0], seed)


class Seeded(Section):
    """The seed of a study, within a YAML's bounds."""

    seed: Seed = 0


@dataclass(frozen=True)
class Question:
    """What a study is made from (interp.runs.circuit.prepare.Asks)."""

    prompts: PromptsConfig
    metric: Metric
    seed: int
    compute: Compute
    share: Share = field(default_factory=Share)
    probes: tuple[Probe, ...] = ()
