"""From a config to a study: model, prompts that pass the filters, metric."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.analysis.findings_of_run import Sizes
from interp.analysis.seeding import generator
from interp.interventions.budget import TOKENS_AT_ONCE
from interp.interventions.cells import Dimensions
from interp.interventions.engine import Engine
from interp.interventions.readout import ModelReadout
from interp.measure.metric import read_metric
from interp.measure.study import Study
from interp.metrics import Metric
from interp.models import LoadedModel
from interp.probes import Probe
from interp.prompts.config import PromptsConfig
from interp.prompts.encoder import Encoder
from interp.prompts.judged import Asked
from interp.prompts.pairs import PromptSet
from interp.prompts.select import NO_GAP, choose_prompts, drop_without_gap
from interp.runs.circuit.config import Compute, Share


@runtime_checkable
class Asks(Protocol):
    """What a study is made from: part of a RunConfig, or what a notebook says."""

    @property
    def prompts(self) -> PromptsConfig: ...
    @property
    def metric(self) -> Metric: ...
    @property
    def seed(self) -> int: ...
    @property
    def compute(self) -> Compute: ...
    @property
    def share(self) -> Share: ...
    @property
    def probes(self) -> tuple[Probe, ...]: ...


def first_prompt(config: Asks) -> str | None:
    """The first prompt that a run may ask; the converted model is held against Hugging Face's on it."""
    return next((pair.clean for pair in config.prompts.task.candidates()), None)


def shared_encoder(models: Sequence[tuple[Sizes, Any]], prepend_bos: bool, config: Asks) -> Encoder:
    """Text to the tokens that all models (sizes and tokenizer of each) read it as."""
    (_, tokenizer), *others = models
    return Encoder(
        tokenizer,
        prepend_bos,
        n_embeddings=min(sizes.d_vocab for sizes, _ in models),
        n_context=min(sizes.n_ctx for sizes, _ in models),
        several=bool(config.metric.sums_over),
        others=[other for _, other in others],
    )


def prepare(config: Asks, models: Sequence[LoadedModel]) -> list[Study]:
    """A study a model, all on the same prompts: candidates tokenised, answered, paired and filtered by every model."""
    encoder = shared_encoder([(model.info, model.tokenizer) for model in models], models[0].info.prepend_bos, config)
    rng = generator(config.seed, "prompts")
    book = choose_prompts(config.prompts, encoder, [asked(model.hooked) for model in models], rng)
    strict = config.prompts.task.strict and len(book) == 1
    studies: list[Study] = []
    for number, model in enumerate(models):
        engine = Engine(model.hooked, config.compute.memory_gb, config.seed)
        gaps = [_gap(engine, prompts, config) for prompts in book.sets]
        book = drop_without_gap(book, gaps, config.prompts.min_gap, strict)
        engine.forget(but=book.sets)
        studies.append(
            Study(
                model=model.info.name,
                sizes=Dimensions.of(model.hooked.cfg),
                engine=engine,
                book=book,
                metric=config.metric,
                encoder=encoder,
                min_gap=max(config.prompts.min_gap, NO_GAP),
                judged=book.judged[number],
                seed=config.seed,
                share_target=config.share.target,
                share_definition=config.share.definition,
                probes={probe.label: probe for probe in config.probes},
            )
        )
    # A later model may have dropped prompts that an earlier one passed.
    return [replace(study, book=book) for study in studies]


def prompts_table(study: Study) -> pd.DataFrame:
    """One row a prompt pair, as docs/tables.md describes."""
    rows: list[dict[str, Any]] = []
    focus = study.focus
    for prompts in study.book.sets:
        everyone = tuple(range(len(prompts)))
        clean = read_metric(study.engine, prompts, study.metric, "clean").tolist()
        corrupted = read_metric(study.engine, prompts, study.metric, "corrupted").tolist()
        with torch.no_grad():
            final = study.engine.runs(prompts)["clean"].final[:, prompts.query_index]
            logits = study.engine.readout(prompts, final, study.engine.rows(prompts, None)).logits()
        top1 = logits.argmax(-1).tolist()
        probability = logits.softmax(-1).cpu()[list(everyone), prompts.answer].tolist()
        for row, pair in enumerate(prompts.pairs):
            rows.append(
                {
                    "prompt": prompts.prompts[row],
                    "set": prompts.name,
                    "template": pair.template,
                    "pair": pair.pair,
                    "focus": prompts is focus.prompts and row == focus.rows[0],
                    **{name: getattr(pair, name) for name in ("clean", "corrupted", "answer", "foil")},
                    "clean_tokens": list(prompts.clean_tokens[row]),
                    "corrupted_tokens": list(prompts.corrupted_tokens[row]),
                    **{
                        f"{run}_ids": getattr(prompts, run)[row, prompts.bos :].tolist()
                        for run in ("clean", "corrupted")
                    },
                    "roles": json.dumps({name: list(positions) for name, positions in prompts.roles.items()}),
                    "key": prompts.position("key"),
                    "query": prompts.position("query"),
                    "clean_metric": clean[row],
                    "corrupted_metric": corrupted[row],
                    "gap": clean[row] - corrupted[row],
                    "clean_top1": study.encoder.text(top1[row]),
                    "answer_prob": probability[row],
                    "answer_id": int(prompts.answer[row]),
                    "foil_id": int(prompts.foil[row]),
                    "top1_id": top1[row],
                }
            )
    return pd.DataFrame(rows)


def asked(model: Any) -> Asked:
    """A model as what is asked candidates, in batches of at most 64 prompts."""

    def ask(
        tokens: Int[Tensor, "prompt pos"], query: int, wanted: Int[Tensor, " prompt"]
    ) -> tuple[Int[Tensor, " prompt"], Float[Tensor, " prompt"]]:
        device, rows = model.cfg.device, max(1, min(64, TOKENS_AT_ONCE["cpu"] // tokens.shape[1]))
        said, logs = [], []
        with torch.no_grad():
            for part, right in zip(torch.split(tokens, rows), torch.split(wanted, rows), strict=True):
                final = model(part.to(device), stop_at_layer=model.cfg.n_layers)[:, query]
                found = _unembedded(model, final).float().log_softmax(-1).cpu()
                said.append(found.argmax(-1))
                logs.append(found.gather(-1, right[:, None])[:, 0])
        return torch.cat(said), torch.cat(logs)

    return ask


def _unembedded(model: Any, final: torch.Tensor) -> torch.Tensor:
    """Logits at one position: those of all of them would be the largest array of the run."""
    nobody = torch.zeros(len(final), dtype=torch.long, device=final.device)
    return ModelReadout(model, final, nobody, nobody, final).logits()


def _gap(engine: Engine, prompts: PromptSet, config: Asks) -> list[float]:
    clean, corrupted = (read_metric(engine, prompts, config.metric, run) for run in ("clean", "corrupted"))
    return (clean - corrupted).tolist()
