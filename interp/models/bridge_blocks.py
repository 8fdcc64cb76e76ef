"""Blocks of a TransformerBridge in a HookedTransformer's words: weights, norms, rotary tables, windows.

A Bridge wraps Hugging Face's modules and leaves to them what TransformerLens' own blocks keep as settings. What its modules
hold (weights, whether folded or not, and the gains and biases of norms) is read off them whenever it is asked for; what only
Hugging Face's code knows is told by the family's record. Names of classes and attributes are TransformerLens', because the
engine goes by them (interp.interventions.block). A wrong reading is seen where the engine compares logits (.agreement).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import gelu, layer_norm

from interp.models.families.anatomy import Anatomy, LayerRotary, Rotary
from interp.models.rotary_tables import Tables

FIRST_POSITIONS = 256
"""Positions whose angles are computed at first; longer prompts make the tables longer."""


class LayerNorm:
    """A norm of the last axis that subtracts the mean: `w` and `b` of shape [d_model]."""

    def __init__(self, module: Any, cfg: Any) -> None:
        inner = module.original_component
        own = getattr(inner, "eps", None)
        self.eps = float(own if own is not None else getattr(inner, "variance_epsilon", cfg.eps))
        weight = module.weight
        # Gemma keeps what its gains have beyond 1.
        self.w: Tensor = 1.0 + weight.float() if module.uses_weight_offset else weight
        if (bias := getattr(inner, "bias", None)) is not None:
            self.b: Tensor = bias

    def __call__(self, x: Float[Tensor, "*any d_model"]) -> Float[Tensor, "*any d_model"]:
        """Normalised, in the precision of x."""
        bias = self.b.to(x) if hasattr(self, "b") else None
        return layer_norm(x, x.shape[-1:], self.w.to(x), bias, self.eps)


class RMSNorm(LayerNorm):
    """The same without a mean or a bias."""

    def __call__(self, x: Float[Tensor, "*any d_model"]) -> Float[Tensor, "*any d_model"]:
        """Normalised, in the precision of x."""
        return x * (x.pow(2).mean(-1, keepdim=True) + self.eps).rsqrt() * self.w.to(x)


def norm(module: Any, cfg: Any) -> LayerNorm | None:
    """A norm of a Bridge; None where there is none."""
    if module is None:
        return None
    return (RMSNorm if module.uses_rms_norm else LayerNorm)(module, cfg)


class MLP:
    """Two matrices: [d_model, d_mlp] and [d_mlp, d_model]."""

    def __init__(self, module: Any, act_fn: str) -> None:
        self.W_in, self.W_out = module.W_in, module.W_out
        self.b_in = _or_zeros(_bias(module, "in"), self.W_in, self.W_in.shape[1])
        self.b_out = _or_zeros(_bias(module, "out"), self.W_out, self.W_out.shape[1])
        self.act_fn = activation(act_fn)


class GatedMLP(MLP):
    """The same with a gate, (act(x W_gate) * (x W_in)) W_out. The bias of W_in comes before the product, as `b_up`."""

    def __init__(self, module: Any, act_fn: str) -> None:
        super().__init__(module, act_fn)
        self.W_gate = module.W_gate
        self.b_up, self.b_in = self.b_in, torch.zeros_like(self.b_in)
        self.b_gate = _or_zeros(_bias(module, "gate"), self.W_gate, self.W_gate.shape[1])


class BiasedGatedMLP(GatedMLP):
    """A GatedMLP with biases before the product."""


def _mlp(module: Any, act_fn: str) -> MLP:
    if getattr(module, "gate", None) is None:
        return MLP(module, act_fn)
    biases = [bias for part in ("in", "gate") if (bias := _bias(module, part)) is not None]
    return (BiasedGatedMLP if any(bool(bias.any()) for bias in biases) else GatedMLP)(module, act_fn)


def _bias(module: Any, part: str) -> Tensor | None:
    bias: Tensor | None = getattr(getattr(module, part), "bias", None)
    return bias


def _or_zeros(bias: Tensor | None, like: Tensor, *shape: int) -> Tensor:
    return like.new_zeros(shape) if bias is None else bias


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """An activation by Hugging Face's name."""
    if name in ("gelu_new", "gelu_pytorch_tanh"):  # two ways to write one function

        def gelu_new(x: Tensor) -> Tensor:
            return gelu(x, approximate="tanh")

        return gelu_new
    from transformers.activations import ACT2FN

    return ACT2FN[name]


class Attention:
    """An attention part: weights [head, d_model, d_head], W_O [head, d_head, d_model]; whatever else is the Bridge's own."""

    def __init__(self, module: Any, anatomy: Anatomy | None, layer: int, model: Any) -> None:
        self._module, self._anatomy, self._layer, self._model = module, anatomy, layer, model
        self._tables: tuple[Tensor, Tensor] | None = None

    def __getattr__(self, name: str) -> Any:
        module = self.__dict__["_module"]
        if name in ("_W_K", "_W_V"):
            return getattr(module, name[1:])
        if name in ("b_Q", "_b_K", "_b_V"):
            weight = getattr(module, f"W_{name[-1]}")
            return _or_zeros(getattr(module, f"b_{name[-1]}"), weight, len(weight), weight.shape[-1])
        if name in ("W_K", "W_V", "b_K", "b_V"):  # once for every query head
            shared = getattr(self, f"_{name}")
            return shared.repeat_interleave(len(module.W_Q) // len(shared), dim=0)
        return getattr(module, name)

    @property
    def b_O(self) -> Float[Tensor, " d_model"]:
        """The output bias."""
        weight = self._module.W_O
        return _or_zeros(self._module.b_O, weight, weight.shape[-1])

    @property
    def attn_type(self) -> str:
        """Whether queries have a window."""
        windows = () if self._anatomy is None else self._anatomy.windows
        return "local" if windows and windows[self._layer] is not None else "global"

    @property
    def attn_scale(self) -> float:
        """What products of queries and keys are divided by."""
        assert self._anatomy is not None
        scale = self._anatomy.attn_scale or self._anatomy.d_head**0.5
        return scale * (self._layer + 1) if self._anatomy.scale_by_layer else scale

    @property
    def q_norm(self) -> LayerNorm | None:
        """The norm of queries, before positions."""
        return norm(self._module._modules.get("q_norm"), self._model.cfg)

    @property
    def k_norm(self) -> LayerNorm | None:
        """The norm of keys."""
        return norm(self._module._modules.get("k_norm"), self._model.cfg)

    @property
    def rotary_cos(self) -> Float[Tensor, "pos rotary"]:
        """Cosines of the angles by which positions turn queries and keys."""
        return self._rotary_tables()[0]

    @property
    def rotary_sin(self) -> Float[Tensor, "pos rotary"]:
        """Their sines."""
        return self._rotary_tables()[1]

    def _rotary_tables(self) -> tuple[Tensor, Tensor]:
        if self._tables is None:
            own = self._own_rotary()
            longest = None if own is None else own.longest
            self._extend_rotary_embeddings(min(self._model.cfg.n_ctx, FIRST_POSITIONS, longest or FIRST_POSITIONS))
        assert self._tables is not None
        return self._tables

    def _own_rotary(self) -> LayerRotary | None:
        assert self._anatomy is not None
        assert self._anatomy.rotary is not None
        by_layer = self._anatomy.rotary.by_layer
        return by_layer[self._layer] if by_layer else None

    def _extend_rotary_embeddings(self, n_positions: int) -> None:
        assert self._anatomy is not None
        assert self._anatomy.rotary is not None
        rotary, own, device = self._anatomy.rotary, self._own_rotary(), self._module.W_O.device
        if own is None:
            self._tables = rotary_tables(self._model.original_model, rotary, self._layer, n_positions, device)
        else:
            sin, cos = Tables(own)(rotary.dim, n_positions)
            self._tables = cos.to(device), sin.to(device)


@torch.no_grad()
def rotary_tables(
    hf_model: Any, rotary: Rotary, layer: int, n_positions: int, device: Any
) -> tuple[Float[Tensor, "pos rotary"], Float[Tensor, "pos rotary"]]:
    """Cosines and sines of a layer, by Hugging Face's own module where it has one (so stretched frequencies are its own)."""
    modules = (part for part in hf_model.modules() if type(part).__name__.endswith("RotaryEmbedding"))
    module = next(modules, None)
    if module is None or rotary.adjacent_pairs:  # whose tables lie otherwise in Hugging Face's modules
        angles = torch.arange(n_positions, device=device)[:, None] / rotary.base ** (
            torch.arange(0, rotary.dim, 2, device=device) / rotary.dim
        )
        whole = angles.repeat_interleave(2, dim=1) if rotary.adjacent_pairs else torch.cat([angles, angles], dim=1)
        return whole.cos(), whole.sin()
    by_kind = "layer_type" in inspect.signature(module.forward).parameters
    kinds = {"layer_type": hf_model.config.layer_types[layer]} if by_kind else {}
    like = torch.zeros(1, device=device)  # float32, whatever the model's precision
    cos, sin = module(like, torch.arange(n_positions, device=device)[None], **kinds)
    return cos[0], sin[0]


class BridgeBlock:
    """One block: attention, MLP and norms; whatever else is the Bridge's own."""

    def __init__(self, module: Any, anatomy: Anatomy | None, layer: int, model: Any) -> None:
        self._module, self._anatomy, self._model = module, anatomy, model
        self.attn = Attention(module.attn, anatomy, layer, model)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_module"], name)

    def _norm(self, *names: str) -> LayerNorm | None:
        parts = self._module._modules
        return norm(next((parts[name] for name in names if name in parts), None), self._model.cfg)

    @property
    def _after(self) -> bool:
        return self._anatomy is not None and self._anatomy.norms == "after"

    @property
    def ln1(self) -> LayerNorm | None:
        """The norm of what attention reads, or of what it writes where a block has no other."""
        return self._norm("ln1_post" if self._after else "ln1")

    @property
    def ln2(self) -> LayerNorm | None:
        """The same of the MLP; one norm may serve both."""
        return self._norm("ln2_post") if self._after else self._norm("ln2", "ln1")

    @property
    def ln1_post(self) -> LayerNorm | None:
        """The norm of what attention writes, beside that of what it reads."""
        return None if self._after else self._norm("ln1_post")

    @property
    def ln2_post(self) -> LayerNorm | None:
        """The same of the MLP."""
        return None if self._after else self._norm("ln2_post")

    @property
    def mlp(self) -> MLP:
        """The MLP."""
        assert self._anatomy is not None
        return _mlp(self._module.mlp, self._anatomy.act_fn)
