"""GPT-2: learned positions, LayerNorm before each part, biases everywhere, one fused matrix for queries, keys and values."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field, model_validator
from torch import Tensor

from interp.models.families.record import ConfigFile, Family, Heads, Layers, Positions, Positive, Width
from interp.models.info import Sizes

Activation = Literal["gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu", "relu", "silu"]


class Gpt2File(ConfigFile):
    """A GPT-2's config.json."""

    model_type: Literal["gpt2"]
    vocab_size: int = Field(default=50257, ge=2, le=1_000_000_000)
    n_embd: Width = Field(default=768, validation_alias=AliasChoices("n_embd", "hidden_size"))
    n_layer: Layers = Field(default=12, validation_alias=AliasChoices("n_layer", "num_hidden_layers"))
    n_head: Heads = Field(default=12, validation_alias=AliasChoices("n_head", "num_attention_heads"))
    n_positions: Positions = Field(
        default=1024, validation_alias=AliasChoices("n_positions", "max_position_embeddings")
    )
    n_inner: Width | None = None
    activation_function: Activation = "gelu_new"
    layer_norm_epsilon: Positive = 1e-5
    scale_attn_weights: bool = True
    scale_attn_by_inverse_layer_idx: bool = False
    add_cross_attention: Literal[False] = False

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Gpt2File:
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd {self.n_embd} is not a multiple of n_head {self.n_head}")
        return self


def _sizes(config: Any, name: str) -> Sizes:
    return Sizes(
        name=name,
        architecture=FAMILY.architecture,
        n_layers=config.n_layer,
        n_heads=config.n_head,
        n_kv_heads=config.n_head,
        d_model=config.n_embd,
        d_head=config.n_embd // config.n_head,
        d_mlp=config.n_inner or 4 * config.n_embd,
        d_vocab=config.vocab_size,
        n_ctx=config.n_positions,
        gated_mlp=False,
    )


def _settings(config: Any) -> dict[str, Any]:
    return {
        "act_fn": config.activation_function,
        "normalization_type": "LN",
        "eps": config.layer_norm_epsilon,
        "use_attn_scale": config.scale_attn_weights,
        "scale_attn_by_inverse_layer_idx": config.scale_attn_by_inverse_layer_idx,
    }


def _state(hf_model: Any, cfg: Any) -> dict[str, Tensor]:
    from transformer_lens.pretrained.weight_conversions import convert_gpt2_weights

    return dict(convert_gpt2_weights(hf_model, cfg))


FAMILY = Family(
    architecture="GPT2LMHeadModel",
    model_type="gpt2",
    schema=Gpt2File,
    sizes=_sizes,
    settings=_settings,
    state=_state,
    rewrites=frozenset({"fold_ln", "center_writing_weights", "center_unembed", "fold_value_biases"}),
)
