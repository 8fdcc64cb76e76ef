"""What a model family is, as data: how its config is checked, what its blocks are, where its weights lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from interp.models.families.anatomy import Anatomy
from interp.models.families.weights import Parts

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
    """One family of models: everything that the project knows of it before it sees weights.

    Args:
        architecture: the Hugging Face class.
        model_type: what a config.json calls it.
        schema: what its config.json must hold.
        anatomy: what its blocks are, from a Hugging Face config. UserError for what TransformerLens cannot express.
        parts: the names of its modules; a function of the config where they differ within the family.
    """

    architecture: str
    model_type: str
    schema: type[ConfigFile]
    anatomy: Callable[[Any], Anatomy]
    parts: Parts | Callable[[Any], Parts]

    def parts_of(self, config: Any) -> Parts:
        """The names of a model's modules."""
        return self.parts(config) if callable(self.parts) else self.parts
