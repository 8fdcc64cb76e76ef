"""`--set training`: tokens a second of a step of sparse training, beside ordinary fine-tuning steps of the same model.

All contestants train the same weights (those of the attention) on rows of the same size, with AdamW in float32. Fine-tuning
minimises the cross-entropy, through Hugging Face's SDPA or eager attention. Ours has the gate with its noise, the density
term and the KL to the dense teacher: with the teacher run on every row, and with its last hidden states kept, as from the
second epoch on. Steps alternate, so that all contestants meet the same machine.
"""

from __future__ import annotations

import copy
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
import torch

from benchmarks.models import BenchmarkModel, ModelName
from interp.models.gated_attention import attention_layers
from interp.results import atomic
from interp.sparsify.checkpoint import Checkpoints
from interp.sparsify.config import AttentionWeights, GateConfig, Stage, Training
from interp.sparsify.log import Step
from interp.sparsify.pieces import Rows
from interp.sparsify.train import Trainer
from interp.sparsify.trainable import linear, trainable

LEARNING_RATE = 1e-5  # small, so that no step meets a model that another one has broken
REFERENCE, KEPT, NEW = "fine-tuning, SDPA", "sparse, teacher kept", "sparse, teacher run"


@dataclass(frozen=True)
class TrainingCase:
    """A model and the rows of a step."""

    model: ModelName
    batch: int
    length: int


CASES = (TrainingCase("smollm2", 4, 128), TrainingCase("smollm2", 1, 1024))
Seconds = dict[str, list[float]]


def measure(model: Any, case: TrainingCase, steps: int, progress: Callable[[], None] = lambda: None) -> Seconds:
    """Seconds of every contestant's steps; the first step of each is left out."""
    vocab = model.config.vocab_size
    tokens = torch.randint(vocab, ((steps + 1) * case.batch, case.length), generator=torch.Generator().manual_seed(0))
    rivals = {
        REFERENCE: _fine_tuning(model, "sdpa", tokens, case.batch),
        "fine-tuning, eager": _fine_tuning(model, "eager", tokens, case.batch),
    }
    taken: Seconds = {name: [] for name in (*rivals, KEPT, NEW)}
    # Rows that come again at every step have their teacher's states kept.
    for name, rows in ((KEPT, tokens[: case.batch]), (NEW, tokens)):
        for ours in _sparse(model, rows, case.batch, steps + 1, rivals, taken):
            taken[name].append(ours)
            progress()
        taken[name] = taken[name][1:]
    return {name: seconds[1:] if name in rivals else seconds for name, seconds in taken.items()}


def table(case: TrainingCase, taken: Seconds) -> pd.DataFrame:
    """One row a contestant: median seconds of a step, tokens a second, and both as a share of SDPA's."""
    tokens, reference = case.batch * case.length, median(taken[REFERENCE])
    return pd.DataFrame(
        [
            {
                **{"model": case.model, "batch": case.batch, "length": case.length, "contestant": name},
                **{"steps": len(seconds), "seconds_median": median(seconds)},
                **{"seconds_min": min(seconds), "seconds_max": max(seconds)},
                **{"tokens_per_s": tokens / median(seconds), "of_sdpa": reference / median(seconds)},
            }
            for name, seconds in taken.items()
        ]
    )


def run(folder: Path, steps: int, progress: Callable[[], None]) -> pd.DataFrame:
    """All cases; training.csv is written after each."""
    found = []
    for case in CASES:
        taken = measure(BenchmarkModel(case.model).hf_for("training"), case, steps, progress)
        found.append(table(case, taken))
        folder.mkdir(parents=True, exist_ok=True)
        atomic.write_table(folder / "training.csv", pd.concat(found, ignore_index=True))
    return pd.concat(found, ignore_index=True)


def _fine_tuning(model: Any, attention: str, tokens: torch.Tensor, batch: int) -> Iterator[None]:
    """An iterator whose every next is a step."""
    mine = copy.deepcopy(model).train().requires_grad_(False)
    mine.set_attn_implementation(attention)
    layers = attention_layers(mine)
    learnt = [getattr(layer, name).weight.requires_grad_() for layer in layers for name in linear(layer)]
    optimiser = torch.optim.AdamW(learnt, lr=LEARNING_RATE)
    while True:
        for rows in tokens.split(batch):
            mine(input_ids=rows, labels=rows).loss.backward()
            torch.nn.utils.clip_grad_norm_(learnt, 1.0)
            optimiser.step()
            optimiser.zero_grad()
            yield


def _sparse(
    model: Any, tokens: torch.Tensor, batch: int, steps: int, rivals: dict[str, Iterator[None]], taken: Seconds
) -> list[float]:
    """Seconds of our steps; after each of them every rival takes one."""
    training = Training(
        adapter=AttentionWeights(rank=1),
        stages=(Stage(target=1.0, steps=steps),),
        batch=batch,
        learning_rate=LEARNING_RATE,
        precision="float32",
        evaluate_every=steps,
        checkpoint_every=steps,
        diverged=1e6,
    )
    gate = GateConfig(kind="weight", learn_bias=True, first_bias=0.0, temperature=0.3, power=0.9)
    made = trainable(copy.deepcopy(model), training, gate, seed=0)
    ours: list[float] = []

    def report(row: Step) -> None:
        ours.append(row["seconds"])
        for name, step in rivals.items():
            began = time.perf_counter()
            next(step)
            taken[name].append(time.perf_counter() - began)

    with tempfile.TemporaryDirectory() as folder:
        held_out = tokens[:1, :8]
        Trainer(training, made, Rows(tokens), held_out, Checkpoints(Path(folder)), 0).run(report, lambda *_: None)
    return ours
