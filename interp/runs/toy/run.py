"""The toy from scratch to its report: learn to add, sparsify, measure what is left."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from safetensors.torch import load_file, save_file
from torch import Tensor

from interp.analysis.seeding import generator
from interp.configs.loading import LoadedConfig
from interp.errors import UserError
from interp.models.gated_attention import Gate, attach
from interp.results import atomic, versions
from interp.results.inputs import Inputs
from interp.results.run_folder import RunFolder
from interp.results.sealed import digest_of
from interp.runs.lifecycle import carry_out
from interp.runs.sparsify.tables import write_log
from interp.runs.toy.addition import QUESTION, VOCABULARY, Sums, all_sums, carries, encode, exact, text
from interp.runs.toy.config import ToyConfig
from interp.runs.toy.publish import KEPT, Density
from interp.sparsify.checkpoint import Checkpoints
from interp.sparsify.config import GateConfig
from interp.sparsify.pieces import Rows
from interp.sparsify.progress import training_progress
from interp.sparsify.train import Trainer
from interp.sparsify.trainable import trainable

KINDS = ("dense", "sparse")
DENSE, SPARSE = "dense.safetensors", "sparse.safetensors"


def run(config: LoadedConfig[ToyConfig], console: Console, fresh: bool = False) -> Path:
    """Run the toy to its report and return the report's path."""

    def work(folder: RunFolder, inputs: Inputs) -> dict[str, int]:
        return _train(config.run, folder, console)

    return carry_out(config, console, KEPT, work, fresh)


def _train(settings: ToyConfig, folder: RunFolder, console: Console) -> dict[str, int]:
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    sums, parts = all_sums(), folder.parts
    asked = settings.model_dump(mode="json", include={"model", "dense", "seed"})
    made_from = {"the dense model's settings": digest_of(asked), **versions.code()}
    dense = _model(settings)
    if parts.find("dense", made_from) is None:
        _learn(dense, sums, settings, console)
        _save(dense, folder.path / DENSE)
        parts.save("dense", {}, made_from, [DENSE])
    dense.load_state_dict(load_file(folder.path / DENSE))
    asked = settings.model_dump(mode="json", include={"sparse", "bias"})
    made_from |= {
        "dense.safetensors": folder.whole_part("dense").digest,
        "the sparse training's settings": digest_of(asked),
    }
    made = trainable(_copy(dense, settings), settings.sparse, GateConfig(bias=settings.bias), settings.seed)
    tell = partial(console.print, highlight=False, markup=False)
    if parts.find("training", made_from) is None:
        # The answer's last digit is only predicted, so the models never read it.
        trainer = Trainer(
            settings.sparse,
            made,
            Rows(sums.train[:, :-1]),
            sums.test[:, :-1],
            Checkpoints(folder.path / "checkpoints", made_from, tell),
            settings.seed,
            scored=slice(QUESTION - 1, None),
        )
        with training_progress(console, sum(stage.steps for stage in settings.sparse.stages)) as report:
            trainer.run(report, lambda number, stage: None)
        _save(made.model, folder.path / SPARSE)
        write_log(folder, trainer.log)
        parts.save("training", {}, made_from, [SPARSE, "log.csv"])
    made.model.load_state_dict(load_file(folder.path / SPARSE))
    gate = Gate(settings.bias)
    attach(dense, gate)
    gates = {"dense": (dense, gate, "dense"), "sparse": (made.model, made.gate, "infer")}
    folder.write_table("accuracy.csv", pd.concat([_judge(name, *gates[name], sums) for name in KINDS]))
    folder.write_table("attention.csv", pd.concat([_attention(name, *gates[name], settings) for name in KINDS]))
    folder.write_json("density.json", {name: _density(*gates[name], sums) for name in KINDS})
    return {"threads": torch.get_num_threads()}


def _model(settings: ToyConfig) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        model = GPT2LMHeadModel(
            GPT2Config(
                n_layer=settings.model.layers,
                n_head=settings.model.heads,
                n_embd=settings.model.width,
                n_positions=16,
                vocab_size=len(VOCABULARY),
                resid_pdrop=0.0,
                embd_pdrop=0.0,
                attn_pdrop=0.0,
                bos_token_id=None,
                eos_token_id=None,
            )
        )
    return model.eval()


def _copy(dense: Any, settings: ToyConfig) -> Any:
    model = _model(settings)
    model.load_state_dict(dense.state_dict())
    return model


def _learn(model: Any, sums: Sums, settings: ToyConfig, console: Console) -> None:
    """Cross-entropy on the answer's digits until the accuracy on test sums is reached; UserError when it never is."""
    dense = settings.dense
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=dense.learning_rate, weight_decay=dense.weight_decay, betas=(0.9, 0.98)
    )
    rng = generator(settings.seed, "toy", "batches")
    right = 0.0
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("learning to add", total=dense.steps)
        for step in range(dense.steps):
            batch = sums.train[rng.integers(len(sums.train), size=dense.batch)]
            for group in optimiser.param_groups:
                warm = min(1.0, (step + 1) / 50)
                group["lr"] = dense.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / dense.steps))
            logits = model(batch[:, :-1]).logits[:, QUESTION - 1 :]
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, QUESTION:].flatten())
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            progress.update(task, advance=1, description=f"learning to add: loss {float(loss.detach()):.4f}")
            if (step + 1) % dense.check_every == 0 or step + 1 == dense.steps:
                right = float(_right(model, sums.test).float().mean())
                if right >= dense.accuracy:
                    progress.console.print(f"step {step + 1}: {right:.1%} of the test sums are right")
                    return
    raise UserError(
        f"dense: after {dense.steps} steps {right:.1%} of the test sums are right, not {dense.accuracy:.1%}; give it more "
        "dense.steps"
    )


@torch.no_grad()
def _right(model: Any, tokens: Int[Tensor, "sum pos"]) -> Tensor:
    return exact(model(tokens[:, :-1]).logits.argmax(-1), tokens)


@torch.no_grad()
def _judge(name: str, model: Any, gate: Gate, mode: Any, sums: Sums) -> pd.DataFrame:
    """One row a test sum: is the whole answer right?"""
    with gate.running(mode):
        right = _right(model, sums.test)
    rows = []
    for tokens, fine in zip(sums.test, right.tolist(), strict=True):
        digits = tokens[:QUESTION].tolist()
        a, b = 10 * digits[0] + digits[1], 10 * digits[3] + digits[4]
        rows.append({"model": name, "sum": f"{a:02d}+{b:02d}", "carries": carries(a, b), "right": bool(fine)})
    return pd.DataFrame(rows)


@torch.no_grad()
def _density(model: Any, gate: Gate, mode: Any, sums: Sums) -> Density:
    """Open causal edges over all test sums, of the whole model and of every head."""
    with gate.running("infer" if mode == "infer" else "dense") as counted:
        model(sums.test[:, :-1])
    if mode == "dense":
        return {"density": 1.0, "by_head": None}
    by_head = torch.stack([counted.open_edges[layer] for layer in sorted(counted.open_edges)]) / counted.causal_edges
    return {"density": counted.measured, "by_head": by_head.tolist()}


@torch.no_grad()
def _attention(name: str, model: Any, gate: Gate, mode: Any, settings: ToyConfig) -> pd.DataFrame:
    """Attention weights of the examples: one row an edge."""
    tables = []
    for example in settings.examples:
        a, b = map(int, example.split("+"))
        tokens = encode([text(a, b)])[:, :-1]
        with gate.running(mode):
            weights = torch.stack(model(tokens, output_attentions=True).attentions)[:, 0].numpy()
        layer, head, query, key = np.nonzero(np.tril(np.ones_like(weights)))
        edges = {
            "layer": layer,
            "head": head,
            "query": query + 1,
            "key": key + 1,
            "weight": weights[layer, head, query, key],
        }
        tables.append(pd.DataFrame({"model": name, "sum": text(a, b), "carries": carries(a, b), **edges}))
    return pd.concat(tables, ignore_index=True)


def _save(model: Any, path: Path) -> None:
    temporary = path.with_name(path.name + atomic.TEMPORARY)
    with atomic.mendable(path.parent):
        # GPT-2 ties its unembedding to its embedding; safetensors wants every tensor once.
        save_file({name: tensor.clone().contiguous() for name, tensor in model.state_dict().items()}, temporary)
        temporary.replace(path)
