"""Rotary positions that TransformerLens has no setting for: other ones in each layer, or none (NoPE), YaRN, LongRoPE.

Its attention keeps cosines and sines of all angles in two tables, which it and the engine's own blocks read. A layer gets
other tables here, and the function that makes them longer; nothing else of the attention changes:

    cos[p, i] = factor * cos(p f_i)     sin[p, i] = factor * sin(p f_i)     entries i and i + n/2 turn as one pair

With all frequencies 0 every cosine is 1 and every sine 0, so queries and keys stay as they are, to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from interp.errors import UserError
from interp.models.families.anatomy import LayerRotary, Rotary


@dataclass(frozen=True)
class Tables:
    """Makes the tables of a layer, in the place of its attention's `calculate_sin_cos_rotary`."""

    rotary: LayerRotary

    def __call__(
        self, rotary_dim: int, n_ctx: int, base: float = 10_000, dtype: torch.dtype = torch.float32
    ) -> tuple[Float[Tensor, "pos rotary_dim"], Float[Tensor, "pos rotary_dim"]]:
        """Sines and cosines, in TransformerLens' order. UserError for positions at which other frequencies would hold."""
        longest = self.rotary.longest
        if longest is not None and n_ctx > longest:
            raise UserError(
                f"a prompt of {n_ctx:,} tokens is longer than the {longest:,} up to which the model's positions are read "
                "(LongRoPE has other frequencies beyond); use shorter prompts"
            )
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        angles = torch.arange(n_ctx, dtype=wide)[:, None] * torch.tensor(self.rotary.frequencies, dtype=wide)
        angles = torch.cat([angles, angles], dim=-1)
        factor = self.rotary.attention_factor
        return (angles.sin() * factor).to(dtype), (angles.cos() * factor).to(dtype)


def give_tables(model: Any, rotary: Rotary | None) -> None:
    """Put the tables that a family's record asks for into the layers of a HookedTransformer, in place."""
    layers = () if rotary is None else rotary.by_layer
    for block, own in zip(model.blocks, layers, strict=False):
        if own is not None:
            attention = block.attn
            attention.calculate_sin_cos_rotary = Tables(own)
            attention._extend_rotary_embeddings(len(attention.rotary_cos))
