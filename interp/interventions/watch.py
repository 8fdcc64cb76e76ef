"""What a model is at the moment, so that a change of its hooks, parts, settings or weights is seen.

The engine keeps weights laid out anew and the activations of unedited runs. Somebody may zero a head between two calls, in
ways that leave no trace (`parameter.data[...] = 0` moves no version counter), so the values themselves are looked at: every
matrix times a fixed random vector, which reads each weight once and costs about as much as one forward pass of one token.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from interp.models.own_hooks import foreign_handles

SCALARS = (bool, int, float, str, torch.dtype)
# Attributes that change what no forward pass in evaluation computes; the others are where a Bridge's pass has got to.
PASSING = {"training", "context_level"} | {
    "_fired_hook_out",
    "_suppress_next_hook_in",
    "_stop_at_layer_idx",
    "_start_at_layer_idx",
    "_current_batch_size",
}


@dataclass(frozen=True, eq=False)
class State:
    """`form` is compared exactly; `digest` holds numbers that other weights would change."""

    form: Hashable
    digest: Float[Tensor, " number"]

    def same(self, other: State) -> bool:
        """Whether nothing was changed between the two; bit by bit, so that NaN equals itself."""
        return (
            self.form == other.form
            and self.digest.shape == other.digest.shape
            and torch.equal(self.digest.view(torch.uint8), other.digest.view(torch.uint8))
        )


@torch.no_grad()
def state_of(model: Any) -> State:
    """The state of a model."""
    parts = tuple(
        (
            name,
            id(module),
            type(module),
            *foreign_handles(model, module),
            _settings(module),
        )
        for name, module in model.named_modules()
    )
    tensors = [*model.named_parameters(), *model.named_buffers()]
    places = tuple(
        (
            name,
            tensor.data_ptr(),
            0 if tensor.is_inference() else tensor._version,
            tensor.shape,
            tensor.dtype,
            tensor.device,
        )
        for name, tensor in tensors
    )
    vectors: dict[Any, Tensor] = {}
    digests = [
        _digest(parameter.detach(), vectors)
        for _, parameter in model.named_parameters()
        if parameter.is_floating_point()
    ]
    digest = torch.cat([part.cpu().double() for part in digests]) if digests else torch.zeros(0, dtype=torch.float64)
    return State((parts, places, repr(sorted(vars(model.cfg).items(), key=str))), digest)


def _settings(part: Any) -> Hashable:
    """The plain values and functions that a module, or the gate of its attention, computes with."""
    own = {name: value for name, value in vars(part).items() if isinstance(value, SCALARS) and name not in PASSING}
    functions = {name: id(value) for name, value in vars(part).items() if callable(value)}
    gate = getattr(part, "sparse_gate", None)
    return tuple(sorted(own.items())), tuple(sorted(functions.items())), None if gate is None else _plain(gate)


def _plain(gate: Any) -> Hashable:
    """What a gate was given; what it only holds during a pass begins with `_`."""
    if isinstance(gate, Tensor):
        return tuple(gate.flatten().tolist())
    if isinstance(gate, (*SCALARS, type(None))):
        return gate
    return tuple((name, _plain(value)) for name, value in sorted(vars(gate).items()) if not name.startswith("_"))


def _digest(weights: Tensor, vectors: dict[Any, Tensor]) -> Float[Tensor, " number"]:
    """The weights themselves where they are few, else every row times one random vector: their order counts."""
    weights = weights if weights.dtype == torch.float64 else weights.float()
    if weights.ndim < 2:
        return weights.flatten()
    key = (weights.shape[-1], weights.dtype, weights.device)
    if key not in vectors:
        generator = torch.Generator().manual_seed(weights.shape[-1])
        vectors[key] = torch.randn(key[0], generator=generator, dtype=weights.dtype).to(weights.device)
    return (weights @ vectors[key]).flatten()
