"""The training loop: gated model under GECO, one stage a target, with Accelerate for one process or many.

Every step draws its batch and its gate noise from the run's seed and the step's number alone, so a run that goes on from
a checkpoint takes the same steps as one that was never interrupted.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import pandas as pd
import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.errors import UserError
from interp.models.gated_attention import BIAS
from interp.sparsify.checkpoint import Checkpoints, TrainingState
from interp.sparsify.config import Stage, Training
from interp.sparsify.evaluate import evaluate
from interp.sparsify.geco import Geco
from interp.sparsify.log import LOG, HeldOut, Step, Taken
from interp.sparsify.loss import excess_loss, excess_loss_of_hidden
from interp.sparsify.pieces import Rows
from interp.sparsify.readout import NO_POSITIONS, last_hidden, logits_of, trains_readout
from interp.sparsify.trainable import Trainable

# Held-out sequences that are looked at during training; every stage is judged on all of them at the end.
WATCHED = 16

Report = Callable[[Step], None]


class Trainer:
    """Trains the parameters that require a gradient until every stage is done.

    `scored` are the positions whose predictions count in the loss. Raises UserError on NaN or a diverging loss;
    the checkpoints before it are kept.
    """

    def __init__(
        self,
        config: Training,
        made: Trainable,
        train: Rows,
        held_out: Int[Tensor, "sequence pos"],
        checkpoints: Checkpoints,
        seed: int,
        scored: slice = slice(None),
    ) -> None:
        from accelerate import Accelerator

        self._config = config
        model = made.model
        self._accelerator = Accelerator(cpu=model.device.type == "cpu", mixed_precision=made.mixed_precision)
        if config.batch % self._accelerator.num_processes:
            raise UserError(
                f"training.batch: {config.batch} sequences cannot be shared by {self._accelerator.num_processes} processes"
            )
        learnt = [
            (name.endswith(BIAS), parameter) for name, parameter in model.named_parameters() if parameter.requires_grad
        ]
        self._rates = [config.learning_rate, config.bias_learning_rate]
        groups = [
            {"params": [parameter for is_bias, parameter in learnt if is_bias == bool(number)], "lr": rate}
            for number, rate in enumerate(self._rates)
        ]
        optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0.0)
        self.model, self._optimiser = self._accelerator.prepare(model, optimiser)
        self._hf_model, self._gate, self._teacher = made.hf_model, made.gate, made.teacher
        self._teacher.to(self._accelerator.device)
        self._whole = trains_readout(made.hf_model)
        self._train, self._held_out = train, held_out[:WATCHED]
        self._checkpoints, self._seed, self._scored = checkpoints, seed, scored
        self.rows: list[Step] = []

    def run(self, report: Report, stage_done: Callable[[int, Stage], None]) -> None:
        """All stages, from the last checkpoint where there is one. `report` sees every step's row of the log."""
        stages = self._config.stages
        first = [sum(stage.steps for stage in stages[:number]) for number in range(len(stages) + 1)]
        state = self._checkpoints.restore(self._plain(), self._optimiser)
        step = 0 if state is None else state.step
        self.rows = [] if state is None else state.rows
        geco = None if state is None else Geco(**state.geco)
        for number, stage in enumerate(stages):
            if step >= first[number + 1]:
                continue
            if geco is None or step == first[number]:
                geco = self._geco(stage, None if geco is None else geco.multiplier)
            while step < first[number + 1]:
                with _products(self._config.precision):
                    taken = self._step(step, step - first[number], stage, geco)
                step += 1
                # mypy knows no union of two TypedDicts.
                row: Step = {**taken, "step": step, "stage": number + 1, "target": stage.target}  # type: ignore[typeddict-item]
                last = step == first[number + 1]
                if last or step % self._config.evaluate_every == 0:
                    row.update(self._held_out_row())  # type: ignore[typeddict-item]
                self.rows.append(row)
                report(row)
                if last:
                    # Before the checkpoint: a run killed in between takes the stage's last steps again.
                    stage_done(number, stage)
                if last or step % self._config.checkpoint_every == 0:
                    self._save(TrainingState(step=step, geco=vars(geco), rows=self.rows))

    @property
    def log(self) -> pd.DataFrame:
        """One row a step taken, also by earlier attempts."""
        return pd.DataFrame(self.rows, columns=list(LOG))

    def _geco(self, stage: Stage, multiplier: float | None) -> Geco:
        settings = self._config.geco
        return Geco(
            target=stage.target,
            rate=settings.rate,
            multiplier=settings.start if multiplier is None else multiplier,
            minimum=settings.minimum,
            maximum=settings.maximum,
            smoothing=settings.smoothing,
            scale=stage.target,
        )

    def _step(self, step: int, of_stage: int, stage: Stage, geco: Geco) -> Taken:
        """One step of the optimiser; the row that it adds to the log."""
        accelerator, gate, began = self._accelerator, self._gate, time.monotonic()
        rows = self._batch(step)
        inputs = self._train.inputs(rows, accelerator.device)
        batch = inputs["input_ids"]
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * schedule(of_stage, stage.steps, self._config.warmup, stage.decay)
        # No dropout: the loss is held against the dense model's, which has none when it is used.
        self.model.eval()
        noise = torch.Generator().manual_seed(_seed(self._seed, "gate", str(step), str(accelerator.process_index)))
        teacher = self._teacher.of_rows(rows, inputs)
        with gate.running("train", noise) as counted:
            loss = self._loss(teacher, inputs)
            density = counted.expected
        multiplier = geco.multiplier
        accelerator.backward(loss + multiplier * density)
        norm = accelerator.clip_grad_norm_(
            [parameter for parameter in self.model.parameters() if parameter.requires_grad], self._config.clip_norm
        )
        mean = accelerator.reduce(torch.stack([loss.detach(), density.detach()]), reduction="mean").tolist()
        if not all(map(math.isfinite, [*mean, float(norm)])):
            raise UserError(self._stopped(step, "the loss or its gradient is NaN or infinite"))
        self._optimiser.step()
        self._optimiser.zero_grad()
        geco.update(mean[0])
        if geco.constraint is not None and geco.constraint > self._config.diverged:
            raise UserError(self._stopped(step, f"the loss is {geco.constraint:.2f} nats above its target"))
        return {
            "loss": mean[0],
            "expected_density": mean[1],
            "noisy_density": gate.measured,
            "noisy_keys_a_query": gate.keys_a_query,
            "multiplier": multiplier,
            "constraint": geco.constraint,
            "gradient_norm": float(norm),
            "tokens": batch.numel(),
            "learning_rate": self._optimiser.param_groups[0]["lr"],
            "seconds": round(time.monotonic() - began, 3),
        }

    def _loss(self, teacher: Float[Tensor, "row pos d_model"], inputs: dict[str, Tensor]) -> Float[Tensor, ""]:
        """The loss above the dense model's, whose last hidden states are given."""
        weights, scored, tokens = self._config.loss, self._scored, inputs["input_ids"][:, self._scored]
        if self._whole:
            with torch.no_grad():
                wanted = self._teacher.logits(teacher[:, scored]).float().log_softmax(-1)
            student = self.model(**inputs).logits[:, scored].float().log_softmax(-1)
            return excess_loss(weights, wanted, student, tokens)
        with last_hidden(self._hf_model) as found:
            self.model(**inputs, logits_to_keep=NO_POSITIONS)
        with self._accelerator.autocast():
            # What is frozen is the teacher's, too.
            return excess_loss_of_hidden(
                weights,
                partial(logits_of, self._hf_model),
                teacher[:, scored],
                found[0][:, scored],
                tokens,
                len(self._hf_model.get_output_embeddings().weight),
            )

    def _stopped(self, step: int, why: str) -> str:
        kept = self._checkpoints.last()
        where = f"the last good checkpoint, {kept}, is kept" if kept else "there is no checkpoint yet"
        return f"training stopped at step {step + 1}: {why}; {where}; try a smaller training.learning_rate"

    def _batch(self, step: int) -> list[int]:
        """This process' share of a step's rows: epoch by epoch through a permutation of the training sequences."""
        size, count = self._config.batch, len(self._train)
        rows = []
        for position in range(step * size, (step + 1) * size):
            epoch, place = divmod(position, count)
            rows.append(int(_permutation(count, _seed(self._seed, "order", str(epoch)))[place]))
        return rows[self._accelerator.process_index :: self._accelerator.num_processes]

    def _held_out_row(self) -> HeldOut:
        self.model.eval()
        judged = evaluate(self._plain(), self._gate, self._teacher, self._held_out, scored=self._scored)
        return {
            "held_out_loss": judged.above_dense,
            "held_out_kl": judged.kl,
            "density": judged.density,
            "keys_a_query": judged.keys_a_query,
        }

    def _plain(self) -> Any:
        return self._accelerator.unwrap_model(self.model)

    def _save(self, state: TrainingState) -> None:
        if self._accelerator.is_main_process:
            self._checkpoints.save(self._plain(), self._optimiser, state)
        self._accelerator.wait_for_everyone()


def schedule(step: int, steps: int, warmup: int, decay: bool = True) -> float:
    """Factor on the learning rate: linear warm-up, constant, and with `decay` a linear fall to a tenth over the last third."""
    rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
    if not decay:
        return rise
    left = (steps - step) / max(1.0, steps / 3)
    return rise * max(0.1, min(1.0, left))


@contextmanager
def _products(precision: str) -> Iterator[None]:
    """Matrix products of float32 as the precision says, while a step is taken: what is judged is judged in full."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(before if precision == "float32" else "high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


@lru_cache(maxsize=4)
def _permutation(count: int, seed: int) -> Int[Tensor, " count"]:
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))


def _seed(seed: int, *labels: str) -> int:
    digest = hashlib.sha256("\0".join([str(seed), *labels]).encode()).digest()
    return int.from_bytes(digest[:7], "little")
