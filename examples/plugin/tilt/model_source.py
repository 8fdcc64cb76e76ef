"""Model source `planted`: a HookedTransformer with weights written by hand, in which one head copies a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from interp.models import BuiltModel, model_sources

if TYPE_CHECKING:
    from transformer_lens import HookedTransformer

N_IDS, N_TOKENS = 8, 6


@model_sources.register
class Planted(BuiltModel):
    """Attention only: head L1-H2 reads the token at one position into the query; every other head writes nothing."""

    source: Literal["planted"] = "planted"
    key: int = Field(default=2, ge=1, le=N_TOKENS, description="Position that the head reads, from 1.")
    gain: float = Field(default=3.0, ge=-100, le=100, description="Logits that the copied token gets.")

    def build(self) -> HookedTransformer:
        """The residual stream holds one-hot tokens, one-hot positions and the output, side by side."""
        import torch
        from transformer_lens import HookedTransformer, HookedTransformerConfig

        width = N_IDS + N_TOKENS
        cfg = HookedTransformerConfig(
            n_layers=3,
            n_heads=4,
            d_model=width + N_IDS,
            d_head=width,
            d_vocab=N_IDS,
            n_ctx=N_TOKENS,
            attn_only=True,
            normalization_type=None,
            device="cpu",
            seed=0,
        )
        model = HookedTransformer(cfg)
        tokens, places, output = slice(0, N_IDS), slice(N_IDS, width), slice(width, width + N_IDS)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.zero_()
            model.embed.W_E[:, tokens] = torch.eye(N_IDS)
            model.pos_embed.W_pos[:, places] = torch.eye(N_TOKENS)
            model.unembed.W_U[output] = torch.eye(N_IDS)
            head = model.blocks[1].attn
            sharp = (40.0 * cfg.d_head**0.5) ** 0.5  # the head's softmax is 1 at the key to within rounding
            head.W_Q[2, places, 0] = sharp
            head.W_K[2, N_IDS + self.key - 1, 0] = sharp
            head.W_V[2, tokens, :N_IDS] = torch.eye(N_IDS)
            head.W_O[2, :N_IDS, output] = self.gain * torch.eye(N_IDS)
        return model.eval()
