"""`make sparsify`: from a config to sparse checkpoints and a report. An interrupted run goes on from its checkpoint."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from rich.console import Console

from interp.configs.loading import LoadedConfig
from interp.configs.paths import user_path
from interp.errors import UserError
from interp.models.convert import sizes_of
from interp.models.families import supported
from interp.models.gated_attention import FIRST_BIAS, check_gate, set_head_bias
from interp.models.load import DenseModel, device_of, load_dense
from interp.models.sparse_checkpoint import (
    ABOUT,
    SparseCheckpoint,
    checked,
    read_checkpoint,
    write_about,
    write_checkpoint,
)
from interp.results import atomic, versions
from interp.results.inputs import Inputs, digests
from interp.results.run_folder import RunFolder
from interp.results.sealed import digest_of
from interp.runs.lifecycle import cannot_restore, carry_out
from interp.runs.sparsify.publish import KEPT
from interp.runs.sparsify.tables import write_log
from interp.sparsify.calibrate import calibrated
from interp.sparsify.checkpoint import Checkpoints
from interp.sparsify.config import SparsifyConfig, Stage
from interp.sparsify.evaluate import evaluate
from interp.sparsify.judge import by_length, facts, on_prompts, read_twin, untrained_gates
from interp.sparsify.progress import training_progress
from interp.sparsify.teacher import Teacher
from interp.sparsify.text import Sequences, sequences
from interp.sparsify.train import Trainer
from interp.sparsify.trainable import Trainable, exported, frozen_dtype, learnt_biases, trainable

PARTS = ("baseline", "training", "judged")
JUDGED = ("frontier.csv", "heads.csv", "lengths.csv", "prompts.csv")


def run(config: LoadedConfig[SparsifyConfig], console: Console, fresh: bool = False) -> Path:
    """Run a config to its report and return the report's path; raises UserError for everything that a user can mend."""
    settings = config.run

    def work(folder: RunFolder, inputs: Inputs) -> Mapping[str, object]:
        return _train(config, folder, inputs, console)

    def publish_and_export(folder: RunFolder, console: Console) -> Path:
        if settings.export is not None:
            _export(folder, stage_folder(folder, len(settings.training.stages)), user_path(settings.export, "export"))
        return KEPT.publish(folder, console)

    kept = replace(KEPT, publish=publish_and_export, restore=_must_be_whole)
    report = carry_out(config, console, kept, work, fresh, "sparsify")
    if settings.control:
        console.print("the dense control, with its gates held open:", style="bold")
        run(replace(config, run=settings.of_control()), console, fresh)
    return report


def _must_be_whole(folder: RunFolder) -> None:
    """Damaged when a table, or a checkpoint that would be exported, is not as it was written: then it is made again."""
    cannot_restore(folder)
    for label in PARTS:
        folder.whole_part(label)


def stage_folder(folder: RunFolder, number: int) -> Path:
    """Where the checkpoint of a stage (counted from 1) lies."""
    return folder.path / "stages" / f"{number}"


def _train(
    config: LoadedConfig[SparsifyConfig], folder: RunFolder, inputs: Inputs, console: Console
) -> Mapping[str, object]:
    settings = config.run
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    dense = load_dense(settings.model, console)
    _fits(settings, dense)
    device = _device(settings)
    # Sampled by the plain model, before the gate is attached.
    sampler = dense.hf_model.to(device=device, dtype=frozen_dtype(settings.training))
    text = sequences(settings.text, sampler, dense.tokenizer, settings.seed, dense.weights_sha256, console)
    model = trainable(sampler, settings.training, settings.gate, settings.seed)
    console.print(
        f"{dense.name}: {len(text.train)} sequences of {settings.text.context} tokens to train on, "
        f"{len(text.held_out)} held out; {text.origin}"
    )
    parts, made_from = folder.parts, _made_from(settings, dense, text, inputs)
    if parts.find("baseline", made_from) is None:
        folder.write_table("baseline.csv", _untrained(settings, model, text, console))
        parts.save("baseline", {}, made_from, ["baseline.csv"])
    if parts.find("training", made_from) is None:
        _steps(config, folder, dense, text, model, made_from, console)
        shutil.rmtree(folder.path / "checkpoints", ignore_errors=True)
    if parts.find("judged", made_from) is None:
        _judge(settings, text, folder, console)
        parts.save("judged", {}, made_from, [*JUDGED, *_files(folder, settings, described=True)])
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
    calibration = settings.gate.calibrate
    if calibration is not None and checkpoints.last() is None:
        with console.status("calibrating the gates"):
            learns_first = settings.gate.first_bias is not None
            biases = calibrated(model.model, model.gate, learns_first, text.train, calibration, settings.seed)
        set_head_bias(model.model, biases[0], biases[1] if learns_first else None)
    trainer = Trainer(settings.training, model, text.train, text.held_out, checkpoints, settings.seed)

    def stage_done(number: int, stage: Stage) -> None:
        about = SparseCheckpoint(
            base=dense.name,
            base_weights_sha256=dense.weights_sha256,
            gate=settings.gate.kind,
            bias=settings.gate.scalar,
            head_bias=learnt_biases(model),
            first_bias=learnt_biases(model, FIRST_BIAS),
            trained={
                **manifest.model_dump(include={"name", "config_hash", "seed", "command"}),
                **{"stage": number + 1, "target": stage.target, "steps": trainer.rows[-1]["step"]},
                **{
                    "began_with": settings.training.begin,
                    "text_sha256": text.sha256,
                    "context": settings.text.context,
                },
            },
        )
        adapter = exported(model, settings.training)
        write_checkpoint(stage_folder(folder, number + 1), model.model, about, adapter)
        write_log(folder, trainer.log)

    with training_progress(console, sum(stage.steps for stage in settings.training.stages)) as report:
        trainer.run(report, stage_done)
    write_log(folder, trainer.log)
    folder.parts.save("training", {}, made_from, ["log.csv", *_files(folder, settings, described=False)])


def _files(folder: RunFolder, settings: SparsifyConfig, described: bool) -> list[str]:
    """The stages' descriptions, in which every judging writes what it found, or their other files."""
    stages = [stage_folder(folder, number) for number in range(1, len(settings.training.stages) + 1)]
    files = [file for stage in stages for file in sorted(stage.iterdir()) if (file.name == ABOUT) == described]
    return [file.relative_to(folder.path).as_posix() for file in files]


def _fits(settings: SparsifyConfig, dense: DenseModel) -> None:
    if settings.training.begin is not None:
        checked(user_path(settings.training.begin, "training.begin"), dense.weights_sha256, "training.begin")
    hf_config = dense.hf_model.config
    windows = sizes_of(hf_config, dense.name).windows if supported(hf_config) else ()
    check_context(settings, dense.name, hf_config.max_position_embeddings, windows)
    # Before text is sampled, which takes minutes.
    check_gate(dense.hf_model)


def check_context(settings: SparsifyConfig, name: str, n_ctx: int, windows: Sequence[int | None]) -> None:
    """UserError when the sequences are longer than the model's context, or cut into pieces longer than a layer's window."""
    context = settings.text.context
    if context > n_ctx:
        raise UserError(f"text.context: {context} tokens are more than {name}'s context of {n_ctx}")
    narrowest = min((window for window in windows if window is not None), default=context)
    if settings.text.shortest is not None and context > narrowest:
        raise UserError(
            f"text.shortest: rows of {context} tokens are cut into pieces by a mask, which takes the place of {name}'s window of "
            f"{narrowest} tokens; give a text.context of at most {narrowest}, or leave text.shortest out"
        )


def _untrained(settings: SparsifyConfig, made: Trainable, text: Sequences, console: Console) -> pd.DataFrame:
    with console.status("measuring untrained gates"):
        return untrained_gates(settings, made, text)


def _judge(settings: SparsifyConfig, text: Sequences, folder: RunFolder, console: Console) -> None:
    """Every stage's checkpoint read back from its file and judged on held-out text in float32; the last one on more."""
    rows, heads = [], []
    places = [
        (number, stage.target, stage_folder(folder, number)) for number, stage in enumerate(settings.training.stages, 1)
    ]
    if settings.training.begin is not None:
        places.insert(0, (0, float("nan"), user_path(settings.training.begin, "training.begin")))
    dense = load_dense(settings.model)
    teacher = Teacher(dense.hf_model.to(_device(settings)))
    for number, target, place in places:
        with console.status(f"judging stage {number} on held-out text"):
            twin = read_twin(settings.model, place, teacher, _device(settings))
            judged = evaluate(twin.model, twin.gate, teacher, text.held_out)
        rows.append({"stage": number, "target": target, **facts(judged)})
        heads += [
            {"stage": number, "layer": layer, "head": head, "density": float(judged.by_head[layer, head])}
            for layer in range(judged.by_head.shape[0])
            for head in range(judged.by_head.shape[1])
        ]
        if number == 0:
            continue  # another run's
        about = read_checkpoint(place)
        names = ("density", "keys_a_query", "above_dense", "dense_loss", "sequences")
        measured = {name: rows[-1][name] for name in names}
        write_about(place, replace(about, trained={**about.trained, **measured}))
    folder.write_table("frontier.csv", pd.DataFrame(rows))
    folder.write_table("heads.csv", pd.DataFrame(heads))
    with console.status("judging other lengths, and prompts"):
        folder.write_table("lengths.csv", by_length(twin, text, settings.text.lengths))
        asked = [] if settings.task is None else settings.task.task.candidates()
        on = on_prompts(twin, dense.tokenizer, asked)
        folder.write_table("prompts.csv", on)


def _export(folder: RunFolder, checkpoint: Path, target: Path) -> None:
    """The checkpoint with the log that made it: what is shipped can be held against how it came about."""
    with atomic.mendable(target):
        target.mkdir(parents=True, exist_ok=True)
        for file in [*sorted(checkpoint.iterdir()), *(folder.path / name for name in KEPT.tables)]:
            atomic.write_bytes(target / file.name, file.read_bytes())


def _device(settings: SparsifyConfig) -> str:
    return device_of(settings.model.device)
