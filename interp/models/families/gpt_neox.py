"""GPT-NeoX and Pythia: LayerNorm, attention and MLP side by side, positions on a part of each head, biases."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import Activation
from interp.models.families.record import ConfigFile, Family, Heads, Layers, Positions, Positive, Tokens, Width
from interp.models.families.rope import Rope, rotary_of
from interp.models.families.weights import Parts


class NeoxFile(ConfigFile):
    """A GPT-NeoX's config.json."""

    model_type: Literal["gpt_neox"]
    vocab_size: Tokens = 50432
    tie_word_embeddings: bool = False
    hidden_size: Width = 6144
    intermediate_size: Width = 24576
    num_hidden_layers: Layers = 44
    num_attention_heads: Heads = 64
    max_position_embeddings: Positions = 2048
    hidden_act: Activation = "gelu"
    layer_norm_eps: Positive = 1e-5
    use_parallel_residual: bool = True
    rotary_pct: float = Field(default=0.25, gt=0, le=1)
    rotary_emb_base: Positive = 10_000.0
    rope_scaling: Rope | None = None
    rope_parameters: Rope | None = None

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> NeoxFile:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {self.num_attention_heads}"
            )
        return self


def _anatomy(config: Any) -> Anatomy:
    heads = config.num_attention_heads
    return Anatomy(
        n_layers=config.num_hidden_layers,
        n_heads=heads,
        n_kv_heads=heads,
        d_model=config.hidden_size,
        d_head=config.hidden_size // heads,
        d_mlp=config.intermediate_size,
        d_vocab=config.vocab_size,
        n_ctx=config.max_position_embeddings,
        act_fn=config.hidden_act,
        norm="LN",
        eps=config.layer_norm_eps,
        parallel=config.use_parallel_residual,
        rotary=rotary_of(config),
    )


FAMILY = Family(
    architecture="GPTNeoXForCausalLM",
    model_type="gpt_neox",
    schema=NeoxFile,
    anatomy=_anatomy,
    parts=Parts(
        embed="gpt_neox.embed_in",
        layers="gpt_neox.layers",
        ln_final="gpt_neox.final_layer_norm",
        ln1="input_layernorm",
        ln2="post_attention_layernorm",
        qkv=("attention.query_key_value",),
        fused="by group",
        out="attention.dense",
        mlp_in="mlp.dense_h_to_4h",
        mlp_out="mlp.dense_4h_to_h",
    ),
)
