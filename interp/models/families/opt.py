"""OPT: GPT-2's blocks with three matrices for queries, keys and values, and two unused rows before the positions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from interp.models.families.anatomy import Anatomy
from interp.models.families.decoder import Activation
from interp.models.families.record import ConfigFile, Family, Heads, Layers, Positions, Tokens, Width
from interp.models.families.weights import Parts


class OptFile(ConfigFile):
    """An OPT's config.json."""

    model_type: Literal["opt"]
    vocab_size: Tokens = 50272
    hidden_size: Width = 768
    num_hidden_layers: Layers = 12
    num_attention_heads: Heads = 12
    ffn_dim: Width = 3072
    max_position_embeddings: Positions = 2048
    activation_function: Activation = "relu"
    word_embed_proj_dim: Width | None = None
    do_layer_norm_before: Literal[True] = Field(
        default=True, description="OPT-350m, which says false, is not supported."
    )
    layer_norm_elementwise_affine: Literal[True] = True
    remove_final_layer_norm: Literal[False] = Field(default=False, alias="_remove_final_layer_norm")

    @model_validator(mode="after")
    def _one_width(self) -> OptFile:
        if self.word_embed_proj_dim not in (None, self.hidden_size):
            raise ValueError(
                f"word_embed_proj_dim {self.word_embed_proj_dim} is not hidden_size {self.hidden_size}: embeddings of "
                "another width (OPT-350m) are not supported"
            )
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
        d_mlp=config.ffn_dim,
        d_vocab=config.vocab_size,
        n_ctx=config.max_position_embeddings,
        act_fn=config.activation_function,
        norm="LN",
        eps=1e-5,  # torch's own, which no config names
    )


FAMILY = Family(
    architecture="OPTForCausalLM",
    model_type="opt",
    schema=OptFile,
    anatomy=_anatomy,
    parts=Parts(
        embed="model.decoder.embed_tokens",
        pos_embed="model.decoder.embed_positions",
        pos_rows=2,
        layers="model.decoder.layers",
        ln_final="model.decoder.final_layer_norm",
        ln1="self_attn_layer_norm",
        ln2="final_layer_norm",
        qkv=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        out="self_attn.out_proj",
        mlp_in="fc1",
        mlp_out="fc2",
    ),
)
