"""One transformer block as pure functions of weights taken out of a HookedTransformer.

The engine runs thousands of short continuations through the same weights. TransformerLens lays its weights out anew in
every call and passes every activation through hook points; here a block is six matrix products and nothing else. Tokens
are rows: what does not mix positions (norms, projections, MLP) takes a flat [token, ...] array of any origin. The arithmetic
is float32 also on weights in half precision: rounded anew in batches of other sizes, a head that does nothing would move.

`reason_against` names what a model has that these functions do not reproduce; such a model is run through its own blocks
(interp.interventions.hooked).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import gelu, layer_norm

from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.interventions.precision import wide
from interp.models.bridge import HookedBridge
from interp.models.own_hooks import own_forward, own_hooks
from interp.models.sparse_attention import GateRule

if TYPE_CHECKING:
    from transformer_lens.utilities import architectures
else:
    architectures = lazy("transformer_lens.utilities.architectures")

# Flags of a TransformerLens config under which a block computes something else, with the value that is understood here.
PLAIN = {
    "clip_qkv": None,
    "use_logn_attn": False,
    "use_dynamic_ntk_rope": False,
    "n_devices": 1,
    "use_attention_sinks": False,
    "ungroup_grouped_query_attention": False,
    "load_in_4bit": False,
}
KNOWN = ("transformer_lens", "torch", "interp")
"""Packages whose parts compute what they are called."""
NORMS = ("LayerNorm", "LayerNormPre", "RMSNorm", "RMSNormPre", "Identity")


def reason_against(model: Any) -> str | None:
    """Why a model's blocks must be run by the model itself; None when `Block` reproduces them (`foreign_hook` apart).

    UserError for a model whose hooks count other key-value heads than its weights have, or that looks at later tokens.
    """
    cfg = model.cfg
    if getattr(cfg, "ungroup_grouped_query_attention", False) and cfg.n_key_value_heads not in (None, cfg.n_heads):
        raise UserError(
            "the model shows its key-value heads once for every query head; call "
            "model.set_ungroup_grouped_query_attention(False), because keys and values are edited as the weights have them"
        )
    n_kv_heads = cfg.n_key_value_heads or cfg.n_heads
    for number, block in enumerate(model.blocks):
        weights = getattr(block.attn, "_W_K", getattr(block.attn, "W_K", None))
        if isinstance(weights, Tensor) and len(weights) != n_kv_heads:
            raise UserError(
                f"the model's config has n_key_value_heads = {cfg.n_key_value_heads}, but the weights of block {number} have "
                f"{len(weights)} of them"
            )
    if (direction := getattr(cfg, "attention_dir", "causal")) != "causal":
        raise UserError(
            f"the model's config has attention_dir = {direction!r}, but effects are measured by running a prompt on from its first "
            "edited token, which is right only where no token sees a later one"
        )
    if isinstance(model, HookedBridge):
        if model.anatomy is None:
            return "it is a TransformerBridge of a family without a record of its blocks"
    elif type(model).__name__ != "HookedTransformer":
        return f"it is a {type(model).__name__}"
    for flag, plain in PLAIN.items():
        if getattr(cfg, flag, plain) != plain:
            return f"its config has {flag} = {getattr(cfg, flag)!r}"
    if cfg.positional_embedding_type not in ("standard", "rotary"):
        return f"its positions are of type {cfg.positional_embedding_type}"
    for block in model.blocks:
        parts = {
            "attention": (block.attn, ("Attention", "GroupedQueryAttention")),
            "normalisation": (block.ln1, NORMS),
            **({} if cfg.attn_only else {"MLP": (block.mlp, ("MLP", "GatedMLP", "BiasedGatedMLP"))}),
            **{
                f"normalisation {name}": (getattr(holder, name), NORMS)
                for holder, name in (
                    (block, "ln1_post"),
                    (block, "ln2_post"),
                    (block.attn, "q_norm"),
                    (block.attn, "k_norm"),
                )
                if getattr(holder, name, None) is not None
            },
        }
        for what, (part, known) in parts.items():
            if type(part).__name__ not in known:
                return f"its {what} is a {type(part).__name__}"
    if str(cfg.act_fn).endswith("_ln"):
        return f"its activation is {cfg.act_fn}"
    return None


def foreign_hook(model: Any) -> str | None:
    """A hook that somebody left on the model, or a method put in the place of its own, changes what it computes.

    What it says, when it is in a block; the hooks of our own gate are known. UserError where the engine reads a model's
    output by itself, so that a hook there would be passed over.
    """
    foreign = None
    known = (*KNOWN, "transformers") if isinstance(model, HookedBridge) else KNOWN
    for name, part in model.named_modules():
        changed = len(part._forward_hooks) + len(part._forward_pre_hooks) != own_hooks(model, name, part)
        odd_class = name != "" and type(part).__module__.partition(".")[0] not in known
        strange = odd_class or ("forward" in vars(part) and not own_forward(model, part))
        if not changed and not strange:
            continue
        room, _, rest = name.partition(".")
        number, _, rest = rest.partition(".") if room == "blocks" else ("", "", name or "the whole model")
        what = (
            f"{'a hook' if changed else 'a strange forward'} on {rest or 'the whole'}"
            + f" of block {number}" * bool(number)
        )
        if room in ("", "ln_final", "unembed"):
            raise UserError(
                f"the model carries {what}, where the engine reads its output by itself; take it off (hooks: "
                "model.reset_hooks(including_permanent=True)), or change the weights instead"
            )
        if room == "blocks" and foreign is None:
            foreign = f"it carries {what}"
    return foreign


class Block:
    """The weights of one block. Shapes: d = d_model, H query heads on K key-value heads of size d_head.

    `parallel`: the MLP reads the stream before the attention. `window`: how many positions a query sees; None: all.
    `norm_after`: what is done to the sum of what the heads write before it is added; None: nothing.
    """

    def __init__(self, block: Any, cfg: Any) -> None:
        attention = block.attn
        grouped = hasattr(attention, "_W_K")
        names = ("W_Q", "_W_K", "_W_V") if grouped else ("W_Q", "W_K", "W_V")
        weights = [wide(getattr(attention, name).detach()) for name in names]
        biases = [wide(getattr(attention, name.replace("W", "b")).detach()) for name in names]
        self.n_heads, self.n_kv_heads, self.d_head = len(weights[0]), len(weights[1]), weights[0].shape[-1]
        self.attn_only = bool(cfg.attn_only)
        self.parallel = bool(cfg.parallel_attn_mlp)
        self.window: int | None = cfg.window_size if attention.attn_type == "local" else None
        self.cap = float(cfg.attn_scores_soft_cap or -1.0)
        self._qkv = torch.cat([rearrange(w, "head d_model d_head -> d_model (head d_head)") for w in weights], dim=1)
        self._qkv_bias = torch.cat([bias.flatten() for bias in biases])
        self.head_out: Float[Tensor, "head d_head d_model"] = wide(attention.W_O.detach())
        self._out, self._out_bias = self.head_out.flatten(0, 1), wide(attention.b_O.detach())
        self._scale = float(attention.attn_scale)
        gate = getattr(attention, "sparse_gate", None)
        self._rule: GateRule | None = None if gate is None else gate.rule
        self._dtype = self._out.dtype
        self._rotary = attention if cfg.positional_embedding_type == "rotary" else None
        self._adjacent = bool(getattr(cfg, "rotary_adjacent_pairs", False))
        self._q_norm, self._k_norm = (_norm_or_none(attention, name, cfg) for name in ("q_norm", "k_norm"))
        self._norm_by_head = bool(cfg.use_qk_norm)
        self._ln1, self.norm_after = _norms(block, "ln1", cfg)
        if not self.attn_only:
            self._ln2, self._after_mlp = _norms(block, "ln2", cfg)
            self._mlp = _mlp(block.mlp, cfg)

    def qkv(
        self, resid: Float[Tensor, "token d_model"]
    ) -> tuple[
        Float[Tensor, "token head d_head"], Float[Tensor, "token kv_head d_head"], Float[Tensor, "token kv_head d_head"]
    ]:
        """Queries, keys and values of the normalised residual stream, positions not yet applied."""
        made = torch.addmm(self._qkv_bias, self._ln1(resid), self._qkv)
        heads = torch.unflatten(made, 1, (self.n_heads + 2 * self.n_kv_heads, self.d_head))
        query, key, value = torch.split(heads, [self.n_heads, self.n_kv_heads, self.n_kv_heads], dim=1)
        return query, key, value

    def query(self, heads: Float[Tensor, "*any pos head d_head"], first: int) -> Float[Tensor, "*any pos head d_head"]:
        """Queries as scores are made of: normalised where the model does that, positions first, first + 1, ... applied."""
        return self._turned(self._normed(heads, self._q_norm), first)

    def key(self, heads: Float[Tensor, "*any pos head d_head"], first: int) -> Float[Tensor, "*any pos head d_head"]:
        """Keys likewise."""
        return self._turned(self._normed(heads, self._k_norm), first)

    def _normed(self, heads: Tensor, norm: Any) -> Tensor:
        if norm is None:
            return heads
        normed: Tensor = norm(heads) if self._norm_by_head else norm(heads.flatten(-2)).view(heads.shape)
        return normed

    def _turned(self, heads: Tensor, first: int) -> Tensor:
        if self._rotary is None:
            return heads
        places = slice(first, first + heads.shape[-3])
        if places.stop > len(self._rotary.rotary_cos):
            self._rotary._extend_rotary_embeddings(places.stop)
        cos, sin = (table[places, None] for table in (self._rotary.rotary_cos, self._rotary.rotary_sin))
        n_rotary = cos.shape[-1]
        turned, rest = heads[..., :n_rotary], heads[..., n_rotary:]
        if self._adjacent:
            flipped = torch.stack([-turned[..., 1::2], turned[..., ::2]], dim=-1).flatten(-2)
        else:
            half = n_rotary // 2
            flipped = torch.cat([-turned[..., half:], turned[..., :half]], dim=-1)
        turned = turned * cos + flipped * sin
        return turned if rest.shape[-1] == 0 else torch.cat([turned, rest], dim=-1)

    @property
    def scores_dtype(self) -> torch.dtype:
        """What scores are computed in: float64 where a gate looks at them, for rounding must not open or shut it."""
        return self._dtype if self._rule is None else torch.float64

    def scaled(self, query: Float[Tensor, "*any d_head"]) -> Float[Tensor, "*any d_head"]:
        """Queries over the square root of the head size, so that their products with keys are scores."""
        return query.to(self.scores_dtype) / self._scale

    def pattern(self, scores: Float[Tensor, "*any head query key"]) -> Float[Tensor, "*any head query key"]:
        """Attention weights; shut edges of a sparse model are 0 and rows are not renormalised."""
        weights = scores.softmax(-1)
        if self._rule is None:
            return weights
        return weights.mul_(self._rule.logits(scores) > 0).to(self._dtype)

    def summed(self, z: Float[Tensor, "token head d_head"]) -> Float[Tensor, "token d_model"]:
        """What all heads together write, before a norm that may follow."""
        return torch.addmm(self._out_bias, z.flatten(1), self._out)

    def out(self, z: Float[Tensor, "token head d_head"]) -> Float[Tensor, "token d_model"]:
        """What the attention adds to the residual stream."""
        written = self.summed(z)
        return written if self.norm_after is None else self.norm_after(written)

    def mlp(self, resid: Float[Tensor, "token d_model"]) -> Float[Tensor, "token d_model"]:
        """What the MLP adds to it; of a parallel block, from the stream before the attention."""
        written = self._mlp(self._ln2(resid))
        return written if self._after_mlp is None else self._after_mlp(written)


def _norms(block: Any, name: str, cfg: Any) -> tuple[Any, Any]:
    """The norms of what a part reads and of what it writes (None: none)."""
    if getattr(cfg, "original_architecture", None) in architectures.POST_NORM_ARCHITECTURES:
        return lambda x: x, norm_of(getattr(block, name), cfg)
    return norm_of(getattr(block, name), cfg), _norm_or_none(block, f"{name}_post", cfg)


def _norm_or_none(holder: Any, name: str, cfg: Any) -> Any:
    module = getattr(holder, name, None)
    return None if module is None else norm_of(module, cfg)


def norm_of(module: Any, cfg: Any) -> Any:
    """A normalisation of the last axis, as a function; in float32, but for models in float64."""
    kind = type(module).__name__
    if kind == "Identity":
        return lambda x: x
    if cfg.dtype == torch.float64:
        return module
    eps = float(module.eps)
    weight, bias = (wide(getattr(module, name, None)) for name in ("w", "b"))
    if kind.startswith("LayerNorm"):
        return lambda x: layer_norm(x, x.shape[-1:], weight, bias, eps)

    def rms(x: Tensor) -> Tensor:
        mean_square = torch.linalg.vector_norm(x, dim=-1, keepdim=True).square_().div_(x.shape[-1])
        normed = x * mean_square.add_(eps).rsqrt_()
        return normed if weight is None else normed.mul_(weight)

    return rms


def _mlp(module: Any, cfg: Any) -> Any:
    w_in, b_in, w_out, b_out = (wide(getattr(module, name).detach()) for name in ("W_in", "b_in", "W_out", "b_out"))
    # TransformerLens' own gelu_new takes eight passes over its input; torch's is the same function.
    tanh_gelu = getattr(module.act_fn, "__name__", "") in ("gelu_new", "gelu_pytorch_tanh")
    act = (lambda x: gelu(x, approximate="tanh")) if tanh_gelu else module.act_fn
    if type(module).__name__ == "MLP":
        return lambda x: torch.addmm(b_out, act(torch.addmm(b_in, x, w_in)), w_out)
    gate, shifted = wide(module.W_gate.detach()), bool(b_in.any())
    if type(module).__name__ == "BiasedGatedMLP":
        b_gate, b_up = wide(module.b_gate.detach()), wide(module.b_up.detach())
        return lambda x: torch.addmm(b_out, act(torch.addmm(b_gate, x, gate)) * torch.addmm(b_up, x, w_in), w_out)

    def gated(x: Tensor) -> Tensor:
        inner = act(x @ gate) * (x @ w_in)
        return torch.addmm(b_out, inner + b_in if shifted else inner, w_out)

    return gated


def blocks_of(model: Any) -> list[Block]:
    """The blocks of a model that `reason_against` has nothing against. They keep the weights that it has now."""
    return [Block(block, model.cfg) for block in model.blocks]
