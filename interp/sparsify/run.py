"""`make sparsify`: from a config to sparse checkpoints and a report. An interrupted run goes on from its checkpoint."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from rich.console import Console

from interp.errors import UserError
from interp.models.gated_attention import Gate, attach
from interp.models.load import DenseModel, device_of, load_dense
from interp.models.sparse_checkpoint import (
    SparseCheckpoint,
    checked,
    merged,
    read_checkpoint,
    write_about,
    write_checkpoint,
)
from interp.results import atomic
from interp.results.run_folder import RunFolder, marked
from interp.run_manifest import manifest_of
from interp.sparsify.checkpoint import Checkpoints
from interp.sparsify.config import SparsifyConfig, Stage
from interp.sparsify.evaluate import Judged, evaluate
from interp.sparsify.progress import training_progress
from interp.sparsify.text import Sequences, sequences
from interp.sparsify.train import Trainer
from interp.sparsify.trainable import Trainable, frozen_dtype, trainable
from interp.yaml_config import LoadedConfig

TABLES = ("log.csv", "frontier.csv", "baseline.csv", "heads.csv")


def run(config: LoadedConfig[SparsifyConfig], console: Console) -> Path:
    """Run a config to its report and return the report's path; raises UserError for everything that a user can mend."""
    settings = config.run
    with RunFolder.open(settings.output.folder(), settings.name, settings.resolved(), config.text) as folder:
        if folder.manifest().get("status") != "finished":
            console.print(f"run folder: {folder.path}")
            _train(config, folder, console)
        else:
            console.print(f"{folder.path} is finished; its report is drawn again")
        if settings.export is not None:
            _export(folder, stage_folder(folder, len(settings.training.stages)), settings.export)
        from interp.sparsify.publish import publish

        return publish(folder, console)


def stage_folder(folder: RunFolder, number: int) -> Path:
    """Where the checkpoint of a stage (counted from 1) lies."""
    return folder.path / "stages" / f"{number}"


def _train(config: LoadedConfig[SparsifyConfig], folder: RunFolder, console: Console) -> None:
    settings, started = config.run, time.monotonic()
    before = folder.manifest().get("seconds", 0.0)
    manifest = manifest_of(config, folder, "sparsify")
    folder.write_manifest(manifest)
    with marked(folder, manifest):
        if settings.threads is not None:
            torch.set_num_threads(settings.threads)
        dense = load_dense(settings.model, console)
        _fits(settings, dense)
        device = _device(settings)
        # Sampled by the plain model, before the gate is attached.
        sampler = dense.hf_model.to(device=device, dtype=frozen_dtype(settings.training))
        text = sequences(settings.text, sampler, dense.tokenizer, settings.seed, dense.weights_sha256, console)
        model = trainable(sampler, settings.training, settings.bias, settings.seed)
        console.print(
            f"{dense.name}: {len(text.train)} sequences of {settings.text.context} tokens to train on, "
            f"{len(text.held_out)} held out; {text.origin}"
        )
        if not (folder.path / "baseline.csv").is_file():
            folder.write_table("baseline.csv", _baseline(settings, model, text, console))
        checkpoints = Checkpoints(folder.path / "checkpoints")
        trainer = Trainer(settings.training, model, text.train, text.held_out, checkpoints, settings.seed)

        def stage_done(number: int, stage: Stage) -> None:
            about = SparseCheckpoint(
                bias=settings.bias,
                base=dense.name,
                base_weights_sha256=dense.weights_sha256,
                trained={
                    **{name: manifest[name] for name in ("name", "config_hash", "seed", "command")},
                    **{"stage": number + 1, "target": stage.target, "steps": trainer.rows[-1]["step"]},
                    **{
                        "began_with": settings.training.begin,
                        "text_sha256": text.sha256,
                        "context": settings.text.context,
                    },
                },
            )
            write_checkpoint(stage_folder(folder, number + 1), model.model, about)
            folder.write_table("log.csv", pd.DataFrame(trainer.rows))

        with training_progress(console, sum(stage.steps for stage in settings.training.stages)) as report:
            trainer.run(report, stage_done)
        folder.write_table("log.csv", pd.DataFrame(trainer.rows))
        _judge(settings, text, folder, console)
    folder.write_manifest(
        {
            **manifest,
            "status": "finished",
            "model": {"name": dense.name, "origin": dense.origin, "weights_sha256": dense.weights_sha256},
            "text": {
                "origin": text.origin,
                "sha256": text.sha256,
                "train": len(text.train),
                "held_out": len(text.held_out),
            },
            "threads": torch.get_num_threads(),
            "device": device,
            "seconds": round(before + time.monotonic() - started, 1),
        }
    )
    shutil.rmtree(folder.path / "checkpoints", ignore_errors=True)


def _fits(settings: SparsifyConfig, dense: DenseModel) -> None:
    if settings.model.sparse is not None:
        raise UserError("model.sparse: training begins with a dense model; leave this out")
    if settings.training.begin is not None:
        checked(Path(settings.training.begin), dense.weights_sha256)
    longest = dense.hf_model.config.max_position_embeddings
    if settings.text.context > longest:
        raise UserError(
            f"text.context: {settings.text.context} tokens are more than {dense.name}'s context of {longest}"
        )


def _baseline(settings: SparsifyConfig, model: Trainable, text: Sequences, console: Console) -> pd.DataFrame:
    """Loss and density of the dense weights under the gate alone, at several biases."""
    rows = []
    with console.status("measuring the untrained gate"), model.untrained() as plain:
        for bias in settings.baseline_biases:
            model.gate.bias = bias
            rows.append({"bias": bias, **facts(evaluate(plain, model.gate, model.teacher, text.held_out))})
        model.gate.bias = settings.bias
    return pd.DataFrame(rows)


def _judge(settings: SparsifyConfig, text: Sequences, folder: RunFolder, console: Console) -> None:
    """Every stage's checkpoint read back from its file and judged on held-out text in float32."""
    rows, heads = [], []
    places = [
        (number, stage.target, stage_folder(folder, number)) for number, stage in enumerate(settings.training.stages, 1)
    ]
    if settings.training.begin is not None:
        places.insert(0, (0, float("nan"), Path(settings.training.begin)))
    for number, target, place in places:
        with console.status(f"judging stage {number} on held-out text"):
            dense = load_dense(settings.model)
            teacher = dense.hf_model.to(_device(settings))
            sparse = load_dense(settings.model)
            model = merged(sparse.hf_model, place, sparse.weights_sha256).to(_device(settings))
            gate = Gate(settings.bias)
            attach(model, gate)
            judged = evaluate(model, gate, partial(_logits, teacher), text.held_out)
        rows.append({"stage": number, "target": target, **facts(judged)})
        heads += [
            {"stage": number, "layer": layer, "head": head, "density": float(judged.by_head[layer, head])}
            for layer in range(judged.by_head.shape[0])
            for head in range(judged.by_head.shape[1])
        ]
        if number == 0:
            continue  # another run's
        about = read_checkpoint(place)
        measured = {name: rows[-1][name] for name in ("density", "above_dense", "dense_loss", "sequences")}
        write_about(place, replace(about, trained={**about.trained, **measured}))
    folder.write_table("frontier.csv", pd.DataFrame(rows))
    folder.write_table("heads.csv", pd.DataFrame(heads))


def _logits(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    return model(tokens).logits


def facts(judged: Judged) -> dict[str, float]:
    """A row of a table: losses in nats a token with the interval of the difference, densities as shares."""
    excess = judged.excess
    half = float(1.96 * excess.std(correction=1) / len(excess) ** 0.5) if len(excess) > 1 else float("nan")
    return {
        **{"density": judged.density, "expected_density": judged.expected, "loss": judged.loss},
        **{"dense_loss": judged.dense_loss, "above_dense": judged.above_dense, "kl": judged.kl},
        **{"above_low": judged.above_dense - half, "above_high": judged.above_dense + half},
        "sequences": len(excess),
    }


def _export(folder: RunFolder, checkpoint: Path, target: Path) -> None:
    """The checkpoint with the log that made it: what is shipped can be held against how it came about."""
    with atomic.mendable(target):
        target.mkdir(parents=True, exist_ok=True)
        for file in [*sorted(checkpoint.iterdir()), *(folder.path / name for name in TABLES)]:
            atomic.write_bytes(target / file.name, file.read_bytes())


def _device(settings: SparsifyConfig) -> str:
    return device_of(settings.model.device)
