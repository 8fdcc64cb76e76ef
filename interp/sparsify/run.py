"""`make sparsify`: from a config to sparse checkpoints and a report. An interrupted run goes on from its checkpoint."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from rich.console import Console

from interp.errors import UserError
from interp.lifecycle import carry_out
from interp.models.gated_attention import Gate, attach
from interp.models.load import DenseModel, device_of, load_dense
from interp.models.sparse_checkpoint import (
    ABOUT,
    SparseCheckpoint,
    checked,
    merged,
    read_checkpoint,
    write_about,
    write_checkpoint,
)
from interp.paths import user_path
from interp.results import atomic, versions
from interp.results.inputs import Inputs, digests
from interp.results.run_folder import RunFolder
from interp.results.sealed import digest_of
from interp.sparsify.checkpoint import Checkpoints
from interp.sparsify.config import SparsifyConfig, Stage
from interp.sparsify.evaluate import Judged, evaluate
from interp.sparsify.progress import training_progress
from interp.sparsify.publish import KEPT
from interp.sparsify.text import Sequences, sequences
from interp.sparsify.train import Trainer
from interp.sparsify.trainable import Trainable, frozen_dtype, trainable
from interp.yaml_config import LoadedConfig


def run(config: LoadedConfig[SparsifyConfig], console: Console, fresh: bool = False) -> Path:
    """Run a config to its report and return the report's path; raises UserError for everything that a user can mend."""
    settings = config.run

    def work(folder: RunFolder, inputs: Inputs) -> dict[str, Any]:
        return _train(config, folder, inputs, console)

    def publish_and_export(folder: RunFolder, console: Console) -> Path:
        if settings.export is not None:
            _export(folder, stage_folder(folder, len(settings.training.stages)), user_path(settings.export, "export"))
        return KEPT.publish(folder, console)

    return carry_out(config, console, replace(KEPT, publish=publish_and_export), work, fresh, "sparsify")


def stage_folder(folder: RunFolder, number: int) -> Path:
    """Where the checkpoint of a stage (counted from 1) lies."""
    return folder.path / "stages" / f"{number}"


def _train(config: LoadedConfig[SparsifyConfig], folder: RunFolder, inputs: Inputs, console: Console) -> dict[str, Any]:
    settings = config.run
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
    parts, made_from = folder.parts, _made_from(settings, dense, text, inputs)
    if parts.find("baseline", made_from) is None:
        folder.write_table("baseline.csv", _baseline(settings, model, text, console))
        parts.save("baseline", {}, made_from, ["baseline.csv"])
    if parts.find("training", made_from) is None:
        _steps(config, folder, dense, text, model, made_from, console)
        shutil.rmtree(folder.path / "checkpoints", ignore_errors=True)
    if parts.find("judged", made_from) is None:
        _judge(settings, text, folder, console)
        parts.save("judged", {}, made_from, ["frontier.csv", "heads.csv", *_files(folder, settings, described=True)])
    return {
        "model": {"name": dense.name, "origin": dense.origin, "weights_sha256": dense.weights_sha256},
        "text": {
            "origin": text.origin,
            "sha256": text.sha256,
            "train": len(text.train),
            "held_out": len(text.held_out),
        },
        "threads": torch.get_num_threads(),
        "device": device,
    }


def _made_from(settings: SparsifyConfig, dense: DenseModel, text: Sequences, inputs: Inputs) -> dict[str, str]:
    asked = settings.model_dump(mode="json", exclude={"name", "title", "question", "output", "export", "threads"})
    return {
        "the weights": dense.weights_sha256,
        "the text": text.sha256,
        "the settings": digest_of(asked),
        **digests(inputs),
        **versions.code(),
    }


def _steps(
    config: LoadedConfig[SparsifyConfig],
    folder: RunFolder,
    dense: DenseModel,
    text: Sequences,
    model: Trainable,
    made_from: dict[str, str],
    console: Console,
) -> None:
    """Train, from the last checkpoint where there is one, and keep every stage's weights and the log."""
    settings, manifest = config.run, folder.manifest()
    checkpoints = Checkpoints(
        folder.path / "checkpoints", made_from, partial(console.print, highlight=False, markup=False)
    )
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
        folder.write_table("log.csv", trainer.log)

    with training_progress(console, sum(stage.steps for stage in settings.training.stages)) as report:
        trainer.run(report, stage_done)
    folder.write_table("log.csv", trainer.log)
    folder.parts.save("training", {}, made_from, ["log.csv", *_files(folder, settings, described=False)])


def _files(folder: RunFolder, settings: SparsifyConfig, described: bool) -> list[str]:
    """The stages' descriptions, in which every judging writes what it found, or their other files."""
    stages = [stage_folder(folder, number) for number in range(1, len(settings.training.stages) + 1)]
    files = [file for stage in stages for file in sorted(stage.iterdir()) if (file.name == ABOUT) == described]
    return [file.relative_to(folder.path).as_posix() for file in files]


def _fits(settings: SparsifyConfig, dense: DenseModel) -> None:
    if settings.model.sparse is not None:
        raise UserError("model.sparse: training begins with a dense model; leave this out")
    if settings.training.begin is not None:
        checked(user_path(settings.training.begin, "training.begin"), dense.weights_sha256, "training.begin")
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
        places.insert(0, (0, float("nan"), user_path(settings.training.begin, "training.begin")))
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
        for file in [*sorted(checkpoint.iterdir()), *(folder.path / name for name in KEPT.tables)]:
            atomic.write_bytes(target / file.name, file.read_bytes())


def _device(settings: SparsifyConfig) -> str:
    return device_of(settings.model.device)
