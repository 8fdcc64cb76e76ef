"""Llama: rotary positions, RMS norm before each part, grouped queries, a gated MLP; biases where its config says so."""

from __future__ import annotations

from typing import Any, Literal

from einops import rearrange
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from interp.models.families.record import ConfigFile, Family, Heads, Layers, Positions, Positive, Width
from interp.models.info import Sizes

Activation = Literal["silu", "gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu", "relu"]


class Rope(BaseModel):
    """How positions turn queries and keys (`rope_parameters`; `rope_scaling` in older files)."""

    model_config = ConfigDict(extra="allow", strict=True)

    rope_type: Literal["default", "linear", "llama3"] | None = None
    type: Literal["default", "linear", "llama3"] | None = Field(default=None, description="rope_type, in older files.")
    rope_theta: Positive | None = None
    factor: Positive | None = None
    low_freq_factor: Positive | None = None
    high_freq_factor: Positive | None = None
    original_max_position_embeddings: Positions | None = None
    partial_rotary_factor: float | None = Field(default=None, ge=1, le=1)

    @model_validator(mode="after")
    def _nothing_is_missing(self) -> Rope:
        kind = self.rope_type or self.type or "default"
        ntk = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
        for name in {"default": (), "linear": ("factor",), "llama3": ntk}[kind]:
            if getattr(self, name) is None:
                raise ValueError(f"rope_type {kind} needs {name}")
        if kind == "llama3" and not (self.low_freq_factor or 0) < (self.high_freq_factor or 0):
            raise ValueError("low_freq_factor must be below high_freq_factor")
        return self


class LlamaFile(ConfigFile):
    """A Llama's config.json."""

    model_type: Literal["llama"]
    vocab_size: int = Field(default=32000, ge=2, le=1_000_000_000)
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
    attention_bias: bool = False
    mlp_bias: bool = False
    rope_theta: Positive | None = None
    rope_scaling: Rope | None = None
    rope_parameters: Rope | None = None

    @model_validator(mode="after")
    def _heads_fit(self) -> LlamaFile:
        heads, kv_heads = self.num_attention_heads, self.num_key_value_heads or self.num_attention_heads
        if self.hidden_size % heads:
            raise ValueError(f"hidden_size {self.hidden_size} is not a multiple of num_attention_heads {heads}")
        if heads % kv_heads:
            raise ValueError(f"num_attention_heads {heads} is not a multiple of num_key_value_heads {kv_heads}")
        d_head = self.head_dim or self.hidden_size // heads
        if d_head % 2:
            raise ValueError(f"head_dim is {d_head}, which is odd: rotary positions turn its entries in pairs")
        return self


def _sizes(config: Any, name: str) -> Sizes:
    heads = config.num_attention_heads
    return Sizes(
        name=name,
        architecture=FAMILY.architecture,
        n_layers=config.num_hidden_layers,
        n_heads=heads,
        n_kv_heads=config.num_key_value_heads or heads,
        d_model=config.hidden_size,
        d_head=getattr(config, "head_dim", None) or config.hidden_size // heads,
        d_mlp=config.intermediate_size,
        d_vocab=config.vocab_size,
        n_ctx=config.max_position_embeddings,
        gated_mlp=True,
    )


def _settings(config: Any) -> dict[str, Any]:
    heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
    return {
        "act_fn": config.hidden_act,
        "normalization_type": "RMS",
        "eps": config.rms_norm_eps,
        "positional_embedding_type": "rotary",
        "rotary_adjacent_pairs": False,
        "n_key_value_heads": kv_heads if kv_heads != heads else None,
        "gated_mlp": True,
        "final_rms": True,
        **_rotary(config.rope_parameters or {}),
    }


def _rotary(rope: dict[str, Any]) -> dict[str, Any]:
    theta = float(rope.get("rope_theta") or 10000.0)
    settings: dict[str, Any] = {"rotary_base": int(theta) if theta.is_integer() else theta}
    if rope.get("rope_type") == "linear":
        settings["rotary_scaling_factor"] = float(rope["factor"])
    elif rope.get("rope_type") == "llama3":
        settings |= {
            "use_NTK_by_parts_rope": True,
            "NTK_by_parts_factor": float(rope["factor"]),
            "NTK_by_parts_low_freq_factor": float(rope["low_freq_factor"]),
            "NTK_by_parts_high_freq_factor": float(rope["high_freq_factor"]),
            "NTK_original_ctx_len": int(rope["original_max_position_embeddings"]),
        }
    return settings


def _state(hf_model: Any, cfg: Any) -> dict[str, Tensor]:
    from transformer_lens.pretrained.weight_conversions import convert_llama_weights

    state = dict(convert_llama_weights(hf_model, cfg))
    if hf_model.config.attention_bias:  # TransformerLens' converter takes Llama to have none
        grouped = "_" if cfg.n_key_value_heads is not None else ""
        for layer, block in enumerate(hf_model.model.layers):
            attention = block.self_attn
            for name, part in (("b_Q", "q_proj"), (f"{grouped}b_K", "k_proj"), (f"{grouped}b_V", "v_proj")):
                bias = getattr(attention, part).bias
                state[f"blocks.{layer}.attn.{name}"] = rearrange(bias, "(head d) -> head d", d=cfg.d_head)
            state[f"blocks.{layer}.attn.b_O"] = attention.o_proj.bias
    return state


def _finish(hooked: Any, hf_model: Any) -> None:
    if hf_model.config.mlp_bias:
        from interp.models.biased_mlp import add_mlp_biases

        add_mlp_biases(hooked, [block.mlp for block in hf_model.model.layers])


FAMILY = Family(
    architecture="LlamaForCausalLM",
    model_type="llama",
    schema=LlamaFile,
    sizes=_sizes,
    settings=_settings,
    state=_state,
    # RMS norm subtracts no mean, so centring the writing weights would change the model; value biases stay where they are.
    rewrites=frozenset({"fold_ln", "center_unembed"}),
    finish=_finish,
)
