"""The schema of the toy's run."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from interp.configs.loading import AnyConfig
from interp.configs.section import Section
from interp.sparsify.config import Training


class ToyModel(Section):
    """A small GPT-2."""

    layers: int = Field(default=4, ge=1, le=100, description="Transformer blocks.")
    heads: int = Field(default=4, ge=1, le=256, description="Attention heads a block.")
    width: int = Field(default=128, ge=8, le=16_384, description="Width of the residual stream.")


class DenseTraining(Section):
    """How the dense model learns to add: AdamW with a cosine schedule, until it is right often enough."""

    steps: int = Field(
        default=4000, ge=1, le=100_000_000, description="At most; training stops when the accuracy is reached."
    )
    batch: int = Field(default=256, ge=1, le=1_000_000, description="Sums a step.")
    learning_rate: float = Field(default=1e-3, gt=0, le=10, description="Largest learning rate of AdamW.")
    weight_decay: float = Field(default=0.1, ge=0, le=100, description="Weight decay of AdamW.")
    accuracy: float = Field(default=0.999, gt=0, le=1, description="Exact match on sums never trained on, to stop at.")
    check_every: int = Field(default=100, ge=1, le=100_000_000, description="Steps between checks of the accuracy.")


class ToyConfig(AnyConfig):
    """Learn, sparsify, compare."""

    study: Literal["toy_addition"] = "toy_addition"
    model: ToyModel = Field(default=ToyModel(), description="The shape of the model.")
    dense: DenseTraining = Field(default=DenseTraining(), description="How it learns to add.")
    bias: float = Field(default=0.0, ge=-1e6, le=1e6, description="Bias of every head's gate; 0 as in the source.")
    sparse: Training = Field(description="How its attention is made sparse afterwards.")
    examples: tuple[str, ...] = Field(
        default=("21+34", "36+28", "57+68"), description="Sums whose attention is drawn: no carry, one carry, two."
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="CPU threads of torch; null leaves its default."
    )

    @field_validator("examples")
    @classmethod
    def _two_digits(cls, examples: tuple[str, ...]) -> tuple[str, ...]:
        for example in examples:
            a, plus, b = example.partition("+")
            if not (plus and len(a) == len(b) == 2 and a.isdigit() and b.isdigit()):
                raise ValueError(f"{example!r} is no sum of two two-digit numbers; write it as 36+28")
        return examples
