"""The log of training: what a step says, as a row of log.csv and of the checkpoints."""

from __future__ import annotations

from typing import NotRequired, TypedDict

LOG = (
    *("loss", "expected_density", "noisy_density", "multiplier", "constraint", "gradient_norm", "tokens"),
    *("learning_rate", "seconds", "step", "stage", "target", "held_out_loss", "held_out_kl", "density"),
)
"""Columns of the log, in this order also where rows come back from a checkpoint, whose keys are sorted."""


class Taken(TypedDict):
    """What a step of the optimiser came to: losses in nats a token, densities as shares."""

    loss: float
    expected_density: float
    noisy_density: float
    noisy_keys_a_query: float
    multiplier: float
    constraint: float | None
    gradient_norm: float
    tokens: int
    learning_rate: float
    seconds: float


class HeldOut(TypedDict):
    """The gated model on held-out text, at the steps after which it is looked at."""

    held_out_loss: float
    held_out_kl: float
    density: float
    keys_a_query: float


class Step(Taken):
    """A row of the log: a step, where in training it was, and now and then what held-out text said after it."""

    step: int
    stage: int
    target: float
    held_out_loss: NotRequired[float]
    held_out_kl: NotRequired[float]
    density: NotRequired[float]
    keys_a_query: NotRequired[float]
