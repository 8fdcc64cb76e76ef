"""What a model family is, as data: how its config is checked, what its sizes are, how its weights become TransformerLens'."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from interp.models.info import Sizes

# Generous, but a slip of the keyboard is refused before somebody tries to allocate it.
Layers = Annotated[int, Field(ge=1, le=10_000)]
Heads = Annotated[int, Field(ge=1, le=100_000)]
Width = Annotated[int, Field(ge=1, le=10_000_000)]
Positions = Annotated[int, Field(ge=1, le=1_000_000_000)]
Tokens = Annotated[int, Field(ge=2, le=1_000_000_000)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Precision = Literal["float32", "float16", "bfloat16", "float64", "auto"]


class ConfigFile(BaseModel):
    """The keys of a config.json that this project reads, as strictly as JSON allows; others are left to transformers."""

    model_config = ConfigDict(extra="allow", strict=True)

    model_type: str
    architectures: list[str] | None = None
    vocab_size: Tokens
    dtype: Precision | None = None
    torch_dtype: Precision | None = None
    tie_word_embeddings: bool = True
    quantization_config: None = Field(default=None, description="Quantised weights are not read.")

    @model_validator(mode="after")
    def _one_architecture(self) -> ConfigFile:
        if self.architectures is not None and len(self.architectures) > 1:
            raise ValueError(f"architectures names {len(self.architectures)} models, where one is needed")
        return self


@dataclass(frozen=True)
class Family:
    """One family of models.

    Args:
        architecture: the Hugging Face class.
        model_type: what a config.json calls it.
        schema: what its config.json must hold.
        sizes: the sizes, from a Hugging Face config and a name.
        settings: what HookedTransformerConfig needs beyond the sizes. UserError for what TransformerLens cannot express.
        state: the weights under TransformerLens' names, from a Hugging Face model and a HookedTransformerConfig.
        rewrites: TransformerLens' rewrites of weights that leave this family's outputs as they are, or do nothing to it.
        finish: puts into the HookedTransformer what its config cannot say.
    """

    architecture: str
    model_type: str
    schema: type[ConfigFile]
    sizes: Callable[[Any, str], Sizes]
    settings: Callable[[Any], Mapping[str, Any]]
    state: Callable[[Any, Any], dict[str, Tensor]]
    rewrites: frozenset[str]
    finish: Callable[[Any, Any], None] = lambda hooked, hf_model: None
