"""From a config to a study: model, prompts that pass the filters, metric."""

from __future__ import annotations

import json
from collections.abc import Sequence
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
from interp.prompts.book import nothing_left
from interp.prompts.config import PromptsConfig
from interp.prompts.encoder import Encoder
from interp.prompts.judged import Asked
from interp.prompts.pairs import PromptSet
from interp.prompts.select import NO_GAP, Reader, choose_for_all, drop_without_gap
from interp.prompts.together import numbered_alike
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


def encoder_for(sizes: Sizes, tokenizer: Any, prepend_bos: bool, config: Asks) -> Encoder:
    """Text to a model's tokens, as far as it knows and reads them."""
    return Encoder(
        tokenizer,
        prepend_bos,
        n_embeddings=sizes.d_vocab,
        n_context=sizes.n_ctx,
        several=bool(config.metric.sums_over),
    )


def prepare(config: Asks, models: Sequence[LoadedModel]) -> list[Study]:
    """A study a model, all on the same prompts: candidates tokenised, answered, paired and filtered by every model."""
    encoders = [encoder_for(model.info, model.tokenizer, model.info.prepend_bos, config) for model in models]
    readers = [Reader(encoder, (asked(model.hooked),)) for encoder, model in zip(encoders, models, strict=True)]
    books = choose_for_all(config.prompts, readers, generator(config.seed, "prompts"))
    strict = config.prompts.task.strict and len(books[0]) == 1
    engines = [Engine(model.hooked, config.compute.memory_gb, config.seed) for model in models]
    for number, engine in enumerate(engines):
        gaps = [_gap(engine, prompts, config) for prompts in books[number].sets]
        books[number] = drop_without_gap(books[number], gaps, config.prompts.min_gap, strict)
        # A later model may drop prompts that an earlier one passed.
        books = numbered_alike(books)
    nothing_left(books[0].sets, [dropped for book in books for dropped in book.dropped])
    for book, engine in zip(books, engines, strict=True):
        engine.forget(but=book.sets)
    return [
        Study(
            model=model.info.name,
            sizes=Dimensions.of(model.hooked.cfg),
            running=engine,
            book=book,
            metric=config.metric,
            encoder=encoder,
            min_gap=max(config.prompts.min_gap, NO_GAP),
            judged=book.judged[0],
            seed=config.seed,
            share_target=config.share.target,
            share_definition=config.share.definition,
            probes={probe.label: probe for probe in config.probes},
        )
        for model, engine, encoder, book in zip(models, engines, encoders, books, strict=True)
    ]


def prompts_table(study: Study) -> pd.DataFrame:
    """One row a prompt pair, as docs/tables.md describes."""
    rows: list[dict[str, object]] = []
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
    # Sets of another tokenizer may come in another order.
    return pd.DataFrame(rows).sort_values("prompt", ignore_index=True)


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
                log_probs = _unembedded(model, final).float().log_softmax(-1).cpu()
                said.append(log_probs.argmax(-1))
                logs.append(log_probs.gather(-1, right[:, None])[:, 0])
        return torch.cat(said), torch.cat(logs)

    return ask


def _unembedded(model: Any, final: torch.Tensor) -> torch.Tensor:
    """Logits at one position: those of all of them would be the largest array of the run."""
    nobody = torch.zeros(len(final), dtype=torch.long, device=final.device)
    return ModelReadout(model, final, nobody, nobody, final).logits()


def _gap(engine: Engine, prompts: PromptSet, config: Asks) -> list[float]:
    clean, corrupted = (read_metric(engine, prompts, config.metric, run) for run in ("clean", "corrupted"))
    return (clean - corrupted).tolist()
