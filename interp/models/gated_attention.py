"""Sparse attention as an attention function of Hugging Face transformers, for training (arXiv 2512.05865).

Every model whose layers go through transformers' attention interface runs with it unchanged, without dropout. With scores
s_ij = q_i . k_j * scaling over the causal positions,

    gate     g_ij = s_ij + bias + b_h (+ f_h where j is the first key)    kind `score`, the source's
             the same with log softmax_j(s_i.)_ij in place of s_ij       kind `weight`: an edge is judged against its own row
    train    A_ij = 1[n_ij > 0], n_ij = g_ij + T logit(u), u ~ U(0, 1); backward as if A_ij were sigmoid(n_ij / T)
    infer    A_ij = 1[g_ij > 0]
    weights  w_ij = softmax_j(s_i.) * A_ij, not renormalised

b_h and f_h are one number a head (0 in the source), T is the temperature of the noise (1 in the source). Heads with
nothing to do rest on the first token, with a weight near 1 that no threshold of the head's own shuts before all else: f_h
is there to shut it. `Gate` holds kind, bias and mode, and counts open edges while a forward pass runs; b_h and f_h are
parameters of the layer. The twin for analysis is interp.models.sparse_attention; tests hold one against
the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from interp.configs.literals import check_literal
from interp.errors import UserError
from interp.models.check import TOLERANCE
from interp.models.config import GateKind
from interp.models.gating import Done, Edges, Settings, gated, judged_and_weights
from interp.models.gating_in_training import gated_in_training
from interp.models.room import room

NAME = "sparse_gate"
BIAS = "gate_bias"
FIRST_BIAS = "first_gate_bias"
UNKNOWN = {"softcap": "a soft cap of its scores", "s_aux": "attention sinks", "position_bias": "a bias of positions"}
"""What transformers hands to an attention function of some families, and ours does not compute."""
Mode = Literal["dense", "train", "infer"]
KEPT_MATRICES = 3.25
"""What the gradient of a layer needs of a query times a key: w, x, e and A of interp.models.gating_in_training."""
ON_CPU, PART_OF_GPU = 600_000_000, 0.25
"""Bytes, and share of a GPU, that these may take in all layers together; beyond, they are computed again."""


@dataclass(frozen=True)
class Watched:
    """One layer's attention in a forward pass: what its gate judges (without biases of heads), and `out`, with its gradient.

    Edges that are not causal are not `allowed`.
    """

    judged: Float[Tensor, "batch head query key"]
    allowed: Bool[Tensor, "batch 1 query key"]
    weights: Float[Tensor, "batch head query key"]
    value: Float[Tensor, "batch head key d_head"]
    out: Float[Tensor, "batch head query d_head"]


class Gate:
    """Kind, bias and mode of the gate of all layers, and what it did in the last forward pass.

    `expected` is the differentiable density term: expected open edges of a query with n keys, times n**-power, averaged
    over queries, heads and layers (power 0: open keys a query; 1: the open share of a row). `open_edges` holds, a layer,
    the number of open edges of every head, and `causal_edges` and `queries` how many a head has. In mode `infer`,
    `shut_rows` and `first_edges` count, a layer, queries without an open edge and open edges to the first position.
    `layers` is how many layers go through it.
    """

    def __init__(
        self, bias: float = 0.0, kind: GateKind = "score", power: float | None = None, temperature: float = 1.0
    ) -> None:
        check_literal(kind, GateKind, "kind of gate")
        self.layers = 0
        self.bias, self.kind = bias, kind
        self.power, self.temperature = power, temperature
        self.mode: Mode = "dense"
        self.noise: torch.Generator | None = None
        self.open_edges: dict[int, Float[Tensor, " head"]] = {}
        self.queries = 0.0
        self.shut_rows: list[float] = []
        self.first_edges: list[float] = []
        self.masks: dict[int, Bool[Tensor, "batch head query key"]] | None = None
        self.watched: dict[int, Watched] | None = None
        self._causal_edges: Tensor | None = None
        self._expected: list[Tensor] = []
        self._edges: dict[int, tuple[Tensor, Edges]] | None = None

    @contextmanager
    def running(self, mode: Mode, noise: torch.Generator | None = None, keep_masks: bool = False) -> Iterator[Gate]:
        """Run forward passes in this mode; counts start anew. `train` draws its noise from a generator on the CPU."""
        check_literal(mode, Mode, "mode of the gate")
        if mode == "train" and noise is None:
            raise ValueError("mode train draws noise: give its generator")
        before = self.mode, self.noise, self._edges
        self.mode, self.noise, self._edges = mode, noise, {}
        self.open_edges, self._causal_edges, self._expected = {}, None, []
        self.shut_rows, self.first_edges = [], []
        self.masks = {} if keep_masks else None
        try:
            yield self
        finally:
            self.mode, self.noise, self._edges = before
            # A gradient's memory is not held until the next pass.
            self._expected = [one.detach() for one in self._expected]

    @contextmanager
    def watching(self) -> Iterator[dict[int, Watched]]:
        """Run forward passes with the gates held open, and look at every layer."""
        with self.running("dense"):
            self.watched = {}
            try:
                yield self.watched
            finally:
                self.watched = None

    @property
    def expected(self) -> Float[Tensor, ""]:
        """The density term: a mean over all layers."""
        return torch.stack(self._expected).mean()

    @property
    def causal_edges(self) -> float:
        """Edges of a head that causality leaves."""
        return 0.0 if self._causal_edges is None else float(self._causal_edges)

    @property
    def measured(self) -> float:
        """Share of the causal edges that were open."""
        return float(torch.stack(list(self.open_edges.values())).mean() / self.causal_edges)

    @property
    def keys_a_query(self) -> float:
        """Open edges of a head, a query."""
        return float(torch.stack(list(self.open_edges.values())).mean() / self.queries)

    def edges(self, query: Tensor, key: Tensor, attention_mask: Tensor | None) -> Edges:
        """What the mask leaves; while a pass runs, layers that have the same mask share it."""
        if self._edges is None or attention_mask is None:
            return Edges.of(query, key, attention_mask)
        if id(attention_mask) not in self._edges:  # the mask is held, so that no other one gets its id
            self._edges[id(attention_mask)] = attention_mask, Edges.of(query, key, attention_mask)
        return self._edges[id(attention_mask)][1]

    def count(self, layer: int, done: Done) -> None:
        """Note what one layer did."""
        self._expected.append(done.expected)
        self.open_edges[layer] = done.open_edges
        # Not read yet: a GPU would be waited for in every layer.
        self._causal_edges, self.queries = done.causal_edges, float(done.queries)
        if self.mode == "infer" and done.mask is not None:
            self.shut_rows.append(float((~done.mask.any(-1)).sum()))
            self.first_edges.append(float(done.mask[..., 0].sum()))
        if self.masks is not None and done.mask is not None:
            self.masks[layer] = done.mask


def attach(model: Any, gate: Gate) -> None:
    """Let every attention layer of a Hugging Face model run through the gate (in mode `dense` at first).

    Raises UserError where layers go another way than transformers' interface, or where the attention has a part that is
    not in it: then the model with its gates held open is not the model.
    """
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, eager_mask

    AttentionInterface.register(NAME, gated_attention)
    AttentionMaskInterface.register(NAME, eager_mask)
    own = _logits(model)
    model.set_attn_implementation(NAME)
    layers = attention_layers(model)
    gate.layers = len(layers)
    for layer in layers:
        layer.sparse_gate = gate
    with torch.no_grad(), gate.watching() as watched:
        apart = float((_logits(model) - own).abs().max())
    if not layers or len(watched) < len(layers):
        raise UserError(
            f"{type(model).__name__} computes its attention without transformers' attention interface, so no gate can be put "
            "into it"
        )
    most = TOLERANCE.get(str(model.dtype).removeprefix("torch."), TOLERANCE["float32"])
    if not apart <= most:
        raise UserError(
            f"{type(model).__name__}: with every gate open its logits differ by {apart:.2g} from the model's own (allowed: "
            f"{most:g}), so its attention has a part that the gate does not know"
        )


def check_gate(model: Any) -> None:
    """What `attach` raises; the model is left as it was."""
    before = model.config._attn_implementation
    try:
        attach(model, Gate())
    finally:
        model.set_attn_implementation(before)


@torch.no_grad()
def _logits(model: Any) -> Float[Tensor, "1 pos d_vocab"]:
    """Logits of some tokens of the vocabulary, without dropout."""
    training, count = model.training, 8
    ids = [place * (model.config.vocab_size - 1) // count for place in range(1, count + 1)]
    try:
        return model.eval()(torch.tensor([ids], device=model.device)).logits.float()
    finally:
        model.train(training)


def set_head_bias(
    model: Any, head_bias: Float[Tensor, "layer head"] | None, first_bias: Float[Tensor, "layer head"] | None = None
) -> None:
    """Give every attention layer the biases of its heads, and those for their first key; None takes them away."""
    for name, biases in ((BIAS, head_bias), (FIRST_BIAS, first_bias)):
        for number, layer in enumerate(attention_layers(model)):
            layer.register_parameter(name, None)
            if biases is not None:
                mine = biases[number].to(device=next(layer.parameters()).device, dtype=torch.float32)
                layer.register_parameter(name, torch.nn.Parameter(mine.clone()))


def attention_layers(model: Any) -> list[Any]:
    """The attention layers of a Hugging Face model, in order."""
    layers = [
        module
        for module in model.modules()
        if hasattr(module, "layer_idx") and (hasattr(module, "head_dim") or hasattr(module, "head_size"))
    ]
    return sorted(layers, key=lambda layer: layer.layer_idx)


def gated_attention(
    module: Any,
    query: Float[Tensor, "batch head query d_head"],
    key: Float[Tensor, "batch kv_head key d_head"],
    value: Float[Tensor, "batch kv_head key d_head"],
    attention_mask: Float[Tensor, "batch 1 query key"] | None,
    scaling: float | None = None,
    **more: Any,
) -> tuple[Float[Tensor, "batch query head d_head"], Float[Tensor, "batch head query key"] | None]:
    """Attention with the module's gate, and its weights but in mode `train`; softmax and gate in float32 always.

    Raises UserError where the family's attention has a part that is not here.
    """
    if unknown := [words for name, words in UNKNOWN.items() if more.get(name) is not None]:
        raise UserError(
            f"{type(module).__name__} has {' and '.join(unknown)}, which attention with a gate does not have yet"
        )
    gate: Gate = module.sparse_gate
    groups = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    settings = Settings(gate.kind, gate.bias, gate.power, gate.temperature, scale, _noise_seed(gate))
    edges = gate.edges(query, key, attention_mask)
    if gate.mode == "dense":
        judged, log_weights = judged_and_weights(settings, query, key, edges.allowed)
        weights = log_weights.exp()
        out = weights.to(value.dtype) @ value
        if gate.watched is not None:
            if out.requires_grad:
                out.retain_grad()
            gate.watched[module.layer_idx] = Watched(
                judged.detach(), edges.allowed, weights.detach(), value.detach(), out
            )
        return out.transpose(1, 2).contiguous(), weights
    inputs = settings, query, key, value, edges, getattr(module, BIAS, None), getattr(module, FIRST_BIAS, None)
    if gate.mode == "train":
        out, done = gated_in_training(*inputs, has_room(gate.layers, query, key), gate.masks is not None)
    else:
        out, done = gated(*inputs)
    gate.count(module.layer_idx, done)
    return out.transpose(1, 2).contiguous(), done.weights


def has_room(layers: int, query: Tensor, key: Tensor) -> bool:
    """Whether the score matrices of all layers may be kept for the gradient, instead of computing them again."""
    matrix = query.shape[:-1].numel() * key.shape[-2] * torch.float32.itemsize
    return KEPT_MATRICES * matrix * layers <= room(query.device, ON_CPU, PART_OF_GPU)


def _noise_seed(gate: Gate) -> int | None:
    """A seed of this layer's noise, so that its gradient sees the same; None elsewhere than in training."""
    if gate.mode != "train":
        return None
    return int(torch.randint(2**62, (), generator=gate.noise))
