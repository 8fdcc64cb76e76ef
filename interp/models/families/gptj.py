"""GPT-J: one LayerNorm for attention and MLP side by side, positions on a part of each head, in adjacent pairs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AliasChoices, Field, model_validator

from interp.models.families.anatomy import Anatomy, Rotary
from interp.models.families.decoder import Activation
from interp.models.families.record import ConfigFile, Family, Heads, Layers, Positions, Positive, Tokens, Width
from interp.models.families.weights import Parts


class GptjFile(ConfigFile):
    """A GPT-J's config.json."""

    model_type: Literal["gptj"]
    vocab_size: Tokens = 50400
    tie_word_embeddings: bool = False
    n_embd: Width = Field(default=4096, validation_alias=AliasChoices("n_embd", "hidden_size"))
    n_layer: Layers = Field(default=28, validation_alias=AliasChoices("n_layer", "num_hidden_layers"))
    n_head: Heads = Field(default=16, validation_alias=AliasChoices("n_head", "num_attention_heads"))
    n_positions: Positions = Field(
        default=2048, validation_alias=AliasChoices("n_positions", "max_position_embeddings")
    )
    n_inner: Width | None = None
    rotary_dim: Width = 64
    activation_function: Activation = "gelu_new"
    layer_norm_epsilon: Positive = 1e-5

    @model_validator(mode="after")
    def _heads_fit(self) -> GptjFile:
        if self.n_embd % self.n_head:
            raise ValueError(f"n_embd {self.n_embd} is not a multiple of n_head {self.n_head}")
        if self.rotary_dim % 2 or self.rotary_dim > self.n_embd // self.n_head:
            raise ValueError(
                f"rotary_dim {self.rotary_dim} must be even and at most the head's {self.n_embd // self.n_head} entries"
            )
        return self


def _anatomy(config: Any) -> Anatomy:
    return Anatomy(
        n_layers=config.n_layer,
        n_heads=config.n_head,
        n_kv_heads=config.n_head,
        d_model=config.n_embd,
        d_head=config.n_embd // config.n_head,
        d_mlp=config.n_inner or 4 * config.n_embd,
        d_vocab=config.vocab_size,
        n_ctx=config.n_positions,
        act_fn=config.activation_function,
        norm="LN",
        eps=config.layer_norm_epsilon,
        parallel=True,
        rotary=Rotary(config.rotary_dim, adjacent_pairs=True),
    )


FAMILY = Family(
    architecture="GPTJForCausalLM",
    model_type="gptj",
    schema=GptjFile,
    anatomy=_anatomy,
    parts=Parts(
        embed="transformer.wte",
        layers="transformer.h",
        ln_final="transformer.ln_f",
        ln1="ln_1",
        ln2="ln_1",
        qkv=("attn.q_proj", "attn.k_proj", "attn.v_proj"),
        out="attn.out_proj",
        mlp_in="mlp.fc_in",
        mlp_out="mlp.fc_out",
    ),
)
