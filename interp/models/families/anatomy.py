"""What the blocks of a model are, as data: what a family's record reads off a config, and what is built from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from interp.analysis.findings_of_run import Sizes


@dataclass(frozen=True)
class LayerRotary:
    """One layer's rotary positions where TransformerLens has no setting for them (interp.models.rotary_tables).

    Args:
        frequencies: by how many radians per position each pair of entries is turned; all 0: positions are not told (NoPE).
        attention_factor: what turned queries and keys are multiplied by.
        longest: positions up to which these frequencies hold; None: any.
    """

    frequencies: tuple[float, ...]
    attention_factor: float = 1.0
    longest: int | None = None


@dataclass(frozen=True)
class Rotary:
    """How positions turn queries and keys: the first `dim` entries of a head, at frequencies base^(-2i/dim).

    `local_base` is that of layers with a window, where it is another one; `scaling` holds TransformerLens' settings of
    frequencies that were changed after training; `by_layer` what a layer has in their place (None: nothing). Empty: no layer.
    """

    dim: int
    base: float = 10_000.0
    local_base: float | None = None
    adjacent_pairs: bool = False
    scaling: Mapping[str, Any] = field(default_factory=dict)
    by_layer: tuple[LayerRotary | None, ...] = ()


@dataclass(frozen=True)
class Anatomy:
    """A model's sizes and blocks.

    Args:
        norm: LayerNorm, or RMS norm, which subtracts no mean and has no bias.
        norms: where a block normalises: what each part reads, what it writes, or both. A norm on what attention writes
            acts on the sum over the heads, so that no head's share of it is a sum's term any more.
        parallel: attention and MLP read the same residual stream, so no head's write passes the MLP of its own block.
        qk_norm: RMS norm of queries and keys before positions: of each head, or of all heads together.
        windows: a layer's queries see that many positions, their own included; None: all. Empty: all, in every layer.
        attn_scale: scores are q.k over this; None: the square root of d_head.
        score_cap, logit_cap: x becomes cap * tanh(x / cap).
        embed_scale: what embeddings are multiplied by.
        gain_offset: 1 where a norm multiplies by 1 + weight.
        rotary: None for learned positions.
    """

    n_layers: int
    n_heads: int
    n_kv_heads: int
    d_model: int
    d_head: int
    d_mlp: int
    d_vocab: int
    n_ctx: int
    act_fn: str
    norm: Literal["LN", "RMS"]
    eps: float
    norms: Literal["before", "after", "around"] = "before"
    parallel: bool = False
    gated_mlp: bool = False
    qk_norm: Literal["head", "all"] | None = None
    rotary: Rotary | None = None
    windows: tuple[int | None, ...] = ()
    attn_scale: float | None = None
    scale_by_layer: bool = False
    score_cap: float | None = None
    logit_cap: float | None = None
    embed_scale: float = 1.0
    gain_offset: float = 0.0

    @property
    def rewrites(self) -> frozenset[str]:
        """TransformerLens' rewrites of weights that leave this model's outputs as they are, or do nothing to it."""
        harmless = set()
        if self.norms != "after":
            harmless.add("fold_ln")
        if self.norm == "LN" and self.norms == "before":
            # RMS norm subtracts no mean, so centring what is written would change the model.
            harmless |= {"center_writing_weights", "fold_value_biases"}
        if self.logit_cap is None:
            harmless.add("center_unembed")  # a constant added to all logits, which a cap would not leave a constant
        return frozenset(harmless)

    def sizes(self, name: str, architecture: str) -> Sizes:
        """The sizes, for the manifest."""
        own = {field: getattr(self, field) for field in Sizes.model_fields if field not in ("name", "architecture")}
        return Sizes(name=name, architecture=architecture, **own)

    def settings(self) -> dict[str, Any]:
        """What HookedTransformerConfig needs."""
        grouped = self.n_kv_heads != self.n_heads
        settings = {
            "n_layers": self.n_layers,
            "d_model": self.d_model,
            "n_ctx": self.n_ctx,
            "d_head": self.d_head,
            "n_heads": self.n_heads,
            "d_mlp": self.d_mlp,
            "d_vocab": self.d_vocab,
            "act_fn": self.act_fn,
            "normalization_type": self.norm,
            "final_rms": self.norm == "RMS",
            "eps": self.eps,
            "n_key_value_heads": self.n_kv_heads if grouped else None,
            "gated_mlp": self.gated_mlp,
            "parallel_attn_mlp": self.parallel,
            "use_normalization_before_and_after": self.norms == "around",
            "use_qk_norm": self.qk_norm == "head",
            "scale_attn_by_inverse_layer_idx": self.scale_by_layer,
            "attn_scores_soft_cap": self.score_cap or -1.0,
            "output_logits_soft_cap": self.logit_cap or -1.0,
        }
        if self.attn_scale is not None:
            settings["attn_scale"] = self.attn_scale
        if self.rotary is not None:
            settings |= _rotary_settings(self.rotary)
        return settings | window_settings(self.windows)


def window_settings(windows: Sequence[int | None]) -> dict[str, Any]:
    """TransformerLens' settings of what layers' queries see: that many positions, or all."""
    sizes = {window for window in windows if window is not None}
    if not sizes:
        return {}
    return {
        "use_local_attn": True,
        "window_size": sizes.pop(),
        "attn_types": ["global" if window is None else "local" for window in windows],
    }


def _rotary_settings(rotary: Rotary) -> dict[str, Any]:
    return {
        "positional_embedding_type": "rotary",
        "rotary_dim": rotary.dim,
        "rotary_base": _whole(rotary.base),
        "rotary_base_local": None if rotary.local_base is None else _whole(rotary.local_base),
        "rotary_adjacent_pairs": rotary.adjacent_pairs,
        **rotary.scaling,
    }


def _whole(base: float) -> float:
    """As TransformerLens' own configs have it: a power of an int and of a float need not be the same float32."""
    return int(base) if float(base).is_integer() else float(base)
