"""From a config to a study: model, prompts that pass the filters, metric."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pandas as pd
import torch

from interp.analysis.seeding import generator
from interp.config import RunConfig
from interp.interventions.cells import Dimensions
from interp.interventions.engine import Engine
from interp.models import LoadedModel
from interp.prompts.encode import Encoder
from interp.prompts.pairs import PromptSet
from interp.prompts.select import choose_prompts, drop_without_gap
from interp.study import Study


def prepare(config: RunConfig, model: LoadedModel) -> Study:
    """The study of a config: candidates tokenised, answered, paired and filtered on the loaded model."""
    encoder = Encoder(model.tokenizer, model.info.prepend_bos)
    engine = Engine(model.hooked, config.compute.memory_gb, config.seed)
    rng = generator(config.seed, "prompts")
    book = choose_prompts(config.prompts, encoder, lambda tokens, query: _top1(model.hooked, tokens, query), rng)
    gaps = [_gap(engine, prompts, config) for prompts in book.sets]
    strict = config.prompts.task.kind == "listed" and len(book) == 1
    book = drop_without_gap(book, gaps, config.prompts.min_gap, strict)
    return Study(
        model=model.info.name,
        sizes=Dimensions.of(model.hooked.cfg),
        engine=engine,
        book=book,
        metric=config.metric,
        encoder=encoder,
        min_gap=config.prompts.min_gap,
        probes={probe.label: probe for probe in config.probes},
    )


def prompts_table(study: Study) -> pd.DataFrame:
    """One row a prompt pair, as docs/tables.md describes."""
    rows: list[dict[str, Any]] = []
    focus = study.focus
    for prompts in study.book.sets:
        everyone = tuple(range(len(prompts)))
        clean = study.engine.read(prompts, study.metric, "clean").tolist()
        corrupted = study.engine.read(prompts, study.metric, "corrupted").tolist()
        with torch.no_grad():
            final = study.engine.runs(prompts)["clean"].final[:, prompts.query_index]
            logits = study.engine.readout(prompts, final, study.engine.rows(prompts, None)).logits()
        top1 = logits.argmax(-1).tolist()
        probability = logits.softmax(-1).cpu()[list(everyone), prompts.answer].tolist()
        for row, pair in enumerate(prompts.pairs):
            rows.append(
                {
                    **{"prompt": prompts.prompts[row], "set": prompts.name},
                    **{"template": pair.template, "pair": pair.pair},
                    "focus": prompts is focus.prompts and row == focus.rows[0],
                    **{name: getattr(pair, name) for name in ("clean", "corrupted", "answer", "foil")},
                    "clean_tokens": list(prompts.clean_tokens[row]),
                    "corrupted_tokens": list(prompts.corrupted_tokens[row]),
                    "roles": json.dumps({name: list(positions) for name, positions in prompts.roles.items()}),
                    **{"key": prompts.position("key"), "query": prompts.position("query")},
                    **{"clean_metric": clean[row], "corrupted_metric": corrupted[row]},
                    "gap": clean[row] - corrupted[row],
                    **{"clean_top1": study.encoder.text(top1[row]), "answer_prob": probability[row]},
                }
            )
    return pd.DataFrame(rows)


def dropped_table(study: Study) -> pd.DataFrame:
    """Every prompt that was left out, and why; those that only a token group left out included."""
    rows = [dataclasses.asdict(one) for one in study.book.dropped]
    for found in study.findings.values():
        for group in found.get("groups", ()):
            rows += group.get("dropped", ())
    return pd.DataFrame(rows, columns=["pair", "template", "reason"])


def _top1(model: Any, tokens: torch.Tensor, query: int) -> torch.Tensor:
    """The first prediction at the query, in batches of 64 prompts."""
    device = model.cfg.device
    with torch.no_grad():
        said = [model(part.to(device))[:, query].argmax(-1).cpu() for part in torch.split(tokens, 64)]
    return torch.cat(said)


def _gap(engine: Engine, prompts: PromptSet, config: RunConfig) -> list[float]:
    clean, corrupted = (engine.read(prompts, config.metric, run) for run in ("clean", "corrupted"))
    return (clean - corrupted).tolist()
