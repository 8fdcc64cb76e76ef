"""What Llama and the many families built after it have in common."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from interp.models.families.anatomy import Anatomy
from interp.models.families.record import ConfigFile, Heads, Layers, Positions, Positive, Tokens, Width
from interp.models.families.rope import Rope, d_head_of, rotary_of
from interp.models.families.weights import Parts

Activation = Literal["silu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu", "relu"]
LayerKinds = list[Literal["full_attention", "sliding_attention"]] | None
"""Which layers have a window; None: the family's own rule."""


class DecoderFile(ConfigFile):
    """The keys of a config.json that these families share, with Llama's defaults."""

    vocab_size: Tokens
    tie_word_embeddings: bool = False
    hidden_size: Width = 4096
    intermediate_size: Width = 11008
    num_hidden_layers: Layers = 32
    num_attention_heads: Heads = 32
    num_key_value_heads: Heads | None = None
    head_dim: Width | None = None
    max_position_embeddings: Positions = 2048
    hidden_act: Activation = "silu"
    rms_norm_eps: Positive = 1e-6
    rope_theta: Positive | None = None
    rope_scaling: Rope | None = None
    rope_parameters: Rope | None = None

    @model_validator(mode="after")
    def _heads_fit(self) -> DecoderFile:
        heads, kv_heads = self.num_attention_heads, self.num_key_value_heads or self.num_attention_heads
        if self.hidden_size % heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {heads}")
        if heads % kv_heads:
            raise ValueError(f"num_attention_heads {heads} is not a multiple of num_key_value_heads {kv_heads}")
        d_head = self.head_dim or self.hidden_size // heads
        if d_head % 2:
            raise ValueError(f"head_dim is {d_head}, which is odd: rotary positions turn its entries in pairs")
        return self


PARTS = Parts(
    embed="model.embed_tokens",
    layers="model.layers",
    ln_final="model.norm",
    ln1="input_layernorm",
    ln2="post_attention_layernorm",
    qkv=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    out="self_attn.o_proj",
    mlp_in="mlp.up_proj",
    mlp_gate="mlp.gate_proj",
    mlp_out="mlp.down_proj",
)


def decoder(config: Any, **changes: Any) -> Anatomy:
    """Rotary positions, RMS norm before each part, grouped queries, a gated MLP; `changes` are what a family does otherwise."""
    heads = config.num_attention_heads
    common: dict[str, Any] = {
        "n_layers": config.num_hidden_layers,
        "n_heads": heads,
        "n_kv_heads": config.num_key_value_heads or heads,
        "d_model": config.hidden_size,
        "d_head": d_head_of(config),
        "d_mlp": config.intermediate_size,
        "d_vocab": config.vocab_size,
        "n_ctx": config.max_position_embeddings,
        "norm": "RMS",
        "gated_mlp": True,
    }
    if "act_fn" not in changes:
        common["act_fn"] = config.hidden_act
    if "eps" not in changes:
        common["eps"] = config.rms_norm_eps
    if "rotary" not in changes:
        common["rotary"] = rotary_of(config)
    return Anatomy(**common | changes)


def windows_of(config: Any) -> tuple[int | None, ...]:
    """How many positions each layer's queries see, told by `layer_types`; () where all see all."""
    kinds, window = config.layer_types, config.sliding_window
    if window is None or "sliding_attention" not in kinds:
        return ()
    return tuple(window if kind == "sliding_attention" else None for kind in kinds)
