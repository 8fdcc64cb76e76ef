"""The schema of one `make sparsify` run: dense model in, sparse checkpoint and training report out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from interp.configs.external import EXTERNAL
from interp.configs.loading import AnyConfig
from interp.configs.section import Section
from interp.models import HuggingFaceSource, ModelSource, model_sources
from interp.models.config import USUAL_BIAS, GateKind
from interp.prompts.config import PromptsConfig
from interp.sparsify.text_config import Text

# No score or log weight is below its negative, and the gradient of a gate so far from its threshold is exactly 0.
ALWAYS_OPEN = 1e6


class Lora(Section):
    """Low-rank adapters on the attention layers (or all linear layers), with PEFT."""

    kind: Literal["lora"] = "lora"
    rank: int = Field(default=16, ge=1, le=10_000, description="Rank of the adapters.")
    alpha: float = Field(
        default=32.0, gt=0, le=1e6, description="Scale of the adapters: what they add is multiplied by alpha / rank."
    )
    layers: Literal["attention", "all"] = Field(
        default="attention", description="Linear layers with an adapter: those of the attention, or all."
    )


class AttentionWeights(Section):
    """All weights of the attention layers; what ships is the low-rank part of the difference (SVD)."""

    kind: Literal["attention"] = "attention"
    rank: int = Field(default=64, ge=1, le=1_000_000, description="Rank that is kept of every matrix's difference.")


class Full(Section):
    """All weights are trained; the checkpoint is a whole model."""

    kind: Literal["full"] = "full"


class Loss(Section):
    """The loss that is held under the target: cross-entropy on the text, KL to the dense teacher, or a mix."""

    kl: float = Field(default=1.0, ge=0, le=1e6, description="Weight of KL(dense || sparse), in nats a token.")
    cross_entropy: float = Field(default=0.0, ge=0, le=1e6, description="Weight of the cross-entropy on the text.")

    @model_validator(mode="after")
    def _something(self) -> Loss:
        if self.kl + self.cross_entropy == 0:
            raise ValueError("both weights are 0; give kl or cross_entropy a weight")
        return self


class Stage(Section):
    """Training towards one target; a stage begins with the weights of the one before. Each is a point of the frontier."""

    target: float = Field(ge=-1e6, le=1e6, description="Loss to stay under, in nats a token above the dense model's.")
    steps: int = Field(ge=1, le=100_000_000, description="Steps of the stage.")
    decay: bool = Field(
        default=True,
        description="Let the learning rates fall over the last third of the stage; false: another goes on.",
    )

    @field_validator("target")
    @classmethod
    def _above_the_dense_model(cls, target: float) -> float:
        if not target > 0:
            raise ValueError(
                f"{target:g} nats above the dense model is a loss that the dense model itself does not reach, so no sparse "
                "one can be held under it; give a positive target, 0.05 say"
            )
        return target


class GecoConfig(Section):
    """How the pressure on the density follows the loss."""

    rate: float = Field(default=0.05, gt=0, le=1, description="Largest relative change of the multiplier in a step.")
    start: float = Field(default=1.0, gt=0, le=1e9, description="The multiplier of the density at the beginning.")
    minimum: float = Field(
        default=0.05, gt=0, le=1e9, description="The multiplier never falls below it: some pressure remains."
    )
    maximum: float = Field(default=1000.0, gt=0, le=1e9, description="The multiplier never rises above it.")
    smoothing: float = Field(default=0.9, ge=0, lt=1, description="Of the moving average of loss - target.")

    @model_validator(mode="after")
    def _in_order(self) -> GecoConfig:
        if self.minimum > self.maximum:
            raise ValueError(
                f"minimum {self.minimum:g} is above maximum {self.maximum:g}; the multiplier is held between the two, so give "
                "a minimum that is at most the maximum"
            )
        return self


class Training(Section):
    """Optimiser and schedule."""

    adapter: Annotated[Lora | AttentionWeights | Full, Field(discriminator="kind")] = Field(
        default=Lora(), description="What is trained: low-rank adapters, the attention layers' weights, or all weights."
    )
    loss: Loss = Field(default=Loss(), description="The loss that the target is about.")
    begin: Annotated[str | None, EXTERNAL] = Field(
        default=None,
        description="Folder of a sparse checkpoint to go on from, made by an earlier run with this adapter.",
    )
    stages: tuple[Stage, ...] = Field(min_length=1, description="Targets, one after the other, from easy to hard.")
    geco: GecoConfig = Field(
        default=GecoConfig(), description="How fast the pressure on the density follows the loss, and its limits."
    )
    batch: int = Field(default=4, ge=1, le=1_000_000, description="Sequences of a step, over all processes.")
    learning_rate: float = Field(default=1e-3, gt=0, le=10, description="Largest learning rate of the weights.")
    bias_learning_rate: float = Field(default=0.02, gt=0, le=10, description="Of the gate's learnt bias of each head.")
    warmup: int = Field(
        default=10, ge=0, le=10_000_000, description="Steps of linear warm-up at the beginning of every stage."
    )
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        default="bfloat16",
        description="tf32: float32 whose matrix products are rounded to 10 bits on NVIDIA GPUs, in training alone; "
        "elsewhere float32. bfloat16: what stays in float32 beside it (the adapter) is multiplied so, too.",
    )
    clip_norm: float = Field(default=1.0, gt=0, le=1e9, description="Gradients are scaled down to this norm.")
    evaluate_every: int = Field(
        default=50, ge=1, le=100_000_000, description="Steps between evaluations on held-out text."
    )
    checkpoint_every: int = Field(
        default=50, ge=1, le=100_000_000, description="Steps between checkpoints to go on from."
    )

    @model_validator(mode="after")
    def _adapter_to_begin_with(self) -> Training:
        if self.begin is not None and isinstance(self.adapter, Full):
            raise ValueError(
                "begin needs an adapter of kind lora or attention; a fully trained checkpoint is a model of its own"
            )
        return self

    diverged: float = Field(
        default=3.0, gt=0, le=1e6, description="Stop when the smoothed loss is this far above the target."
    )


class Calibration(Section):
    """Where the heads' biases begin: where shutting edges costs the dense model least (Fisher information)."""

    price: float = Field(
        gt=0, le=1e9, description="Nats a token that the density term is worth: what training's multiplier begins with."
    )
    rows: int = Field(default=8, ge=1, le=100_000, description="Training sequences that it is measured on.")


class GateConfig(Section):
    """Which edges are open: those whose logit is above 0."""

    kind: GateKind = Field(
        default="score",
        description="score: the attention score, as in arXiv 2512.05865. weight: the logarithm of the softmax weight, so "
        "that an edge is judged against its own row.",
    )
    bias: float | None = Field(
        default=None, ge=-1e6, le=1e6, description="Added to every logit; null: 0 (score) or 4 (weight)."
    )
    learn_bias: bool = Field(default=False, description="Learn another bias for each head, beside the one for all.")
    first_bias: float | None = Field(
        default=None,
        ge=-1e6,
        le=1e6,
        description="Learn another bias for each head's edges to the first token, from this value on, so that a head can "
        "shut the token that it rests on and nothing else; null: none.",
    )
    calibrate: Calibration | None = Field(
        default=None,
        description="Begin the learnt biases where shutting edges costs least; null: at 0 and `first_bias`.",
    )
    temperature: float = Field(
        default=1.0,
        gt=0,
        le=100,
        description="Of the noise in training, logistic as in the source (1). Under the gate `weight` a logit is at most "
        "its bias, so that noise of temperature 1 shuts sure edges too.",
    )
    power: float | None = Field(
        default=None,
        ge=0,
        le=2,
        description="How the density term weighs the open edges of a query with n keys: n**-power, every query counted "
        "alike (0: open keys a query; 1: the open share of a row; more: short rows before all). null: all causal edges "
        "alike, as in the source.",
    )

    @model_validator(mode="after")
    def _learnt(self) -> GateConfig:
        if not self.learn_bias and (self.calibrate is not None or self.first_bias is not None):
            what = "calibrate" if self.calibrate is not None else "first_bias"
            raise ValueError(f"{what} is for biases that are learnt; give learn_bias: true with it")
        return self

    @property
    def scalar(self) -> float:
        """The bias of all heads."""
        return USUAL_BIAS[self.kind] if self.bias is None else self.bias


class Untrained(Section):
    """Gates on the dense weights to compare with, by their bias: the threshold alone, without training."""

    score: tuple[Annotated[float, Field(ge=-1e6, le=1e6)], ...] = Field(
        default=(8.0, 4.0, 2.0, 1.0, 0.0, -1.0, -2.0), description="Biases of the gate on the score."
    )
    weight: tuple[Annotated[float, Field(ge=-1e6, le=1e6)], ...] = Field(
        default=(7.0, 5.5, 4.6, 4.0, 3.5, 3.0, 2.3), description="Biases of the gate on the softmax weight."
    )
    sequences: int = Field(
        default=16, ge=1, le=1_000_000, description="Held-out sequences that they are measured on, at most."
    )


class SparsifyConfig(AnyConfig):
    """One run of `make sparsify`."""

    study: Literal["sparsify"] = "sparsify"
    model: Annotated[HuggingFaceSource, model_sources] = Field(
        description="The dense model: a packaged one, a directory, or a name of the hub."
    )
    gate: GateConfig = Field(default=GateConfig(), description="The rule by which an edge is open.")
    untrained: Untrained = Field(default=Untrained(), description="Gates without training, to compare with.")
    task: PromptsConfig | None = Field(
        default=None, description="Prompts that the result is judged on beside text, by wording; never trained on."
    )
    text: Text = Field(default=Text(), description="What it is trained and judged on.")
    training: Training = Field(description="Optimiser, schedule and stages.")
    control: bool = Field(
        default=False,
        description="Train a dense control too, in a run folder of its own: the same adapter, text, steps and seed, with every "
        "gate held open. It needs a loss that moves a dense model (training.loss.cross_entropy).",
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="CPU threads of torch; null leaves its default."
    )
    export: Path | None = Field(
        default=None, description="Folder that the last stage's checkpoint is copied to, beside the run folder."
    )

    @model_validator(mode="after")
    def _one_beginning(self) -> SparsifyConfig:
        if self.gate.calibrate is not None and self.training.begin is not None:
            raise ValueError(
                "gate.calibrate and training.begin both say where the gates' biases begin; leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _control_that_learns(self) -> SparsifyConfig:
        if self.control and not self.training.loss.cross_entropy:
            raise ValueError(
                "control: with the KL to the dense model alone, a model whose gates are open has loss 0 and no gradient, so the "
                "control would be the dense model itself; give training.loss.cross_entropy a weight, or compare with the dense "
                "model and leave control out"
            )
        if self.control and self.training.begin is not None:
            raise ValueError(
                "control: training.begin starts from weights that were trained under the gate; a control has to start from the "
                "dense model, so leave one of them out"
            )
        return self

    def of_control(self) -> SparsifyConfig:
        """The run of the dense control: this one with gates that no score can shut, and nothing learnt about them."""
        changes = {
            "name": f"{self.name}-control",
            "title": f"{self.title or self.name}: dense control",
            "gate": GateConfig(kind=self.gate.kind, bias=ALWAYS_OPEN),
            "untrained": Untrained(score=(), weight=()),
            "control": False,
            "export": None if self.export is None else self.export.with_name(f"{self.export.name}-control"),
        }
        return self.model_copy(update=changes)

    @field_validator("model")
    @classmethod
    def _trainable(cls, model: ModelSource) -> ModelSource:
        if not isinstance(model, HuggingFaceSource):
            raise ValueError(
                f"training needs a model in a Hugging Face directory, and source {model.source!r} has none"
            )
        if model.sparse is not None:
            raise ValueError("training begins with a dense model; leave its `sparse` out")
        return model
