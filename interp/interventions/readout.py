"""From the residual stream at the query position to logits: all of them, or only the ones asked for."""

from __future__ import annotations

from typing import Any

import torch
from einops import einsum
from jaxtyping import Float, Int
from torch import Tensor

from interp.interventions.block import NORMS, norm_of
from interp.interventions.precision import wide


class ModelReadout:
    """The final residual stream of a batch of rows, normalised once and unembedded on demand.

    Rows are variant-major; `clean` is the final residual of the clean run of the prompts, for metrics that compare with it.
    """

    def __init__(
        self,
        model: Any,
        resid: Float[Tensor, "row d_model"],
        answer: Int[Tensor, " row"],
        foil: Int[Tensor, " row"],
        clean: Float[Tensor, "prompt d_model"],
        answers: Int[Tensor, "row right"] | None = None,
        foils: Int[Tensor, "row wrong"] | None = None,
    ) -> None:
        self._model = model
        self._resid = self._normalise(resid)  # and from here on in float32, whatever the model's precision
        self._clean = clean
        self.answer = answer
        self.foil = foil
        self.answers = answer[:, None] if answers is None else answers
        self.foils = foil[:, None] if foils is None else foils

    def logits(self) -> Float[Tensor, "row vocab"]:
        """All logits."""
        return self._unembed(self._resid)

    def logits_of(self, tokens: Int[Tensor, " row"]) -> Float[Tensor, " row"]:
        """The logit of one token a row, without unembedding the others."""
        unembed = self._model.unembed
        # Prompts repeat in every variant; a column of W_U is read across the whole matrix.
        asked, which = torch.unique(tokens, return_inverse=True)
        column = wide(unembed.W_U[:, asked].T.contiguous())[which]
        return self._cap(einsum(self._resid, column, "row d_model, row d_model -> row") + wide(unembed.b_U[tokens]))

    def clean_logits(self) -> Float[Tensor, "row vocab"]:
        """All logits of the clean run."""
        once = self._unembed(self._normalise(self._clean))
        return once.repeat(len(self._resid) // len(once), 1)

    def _normalise(self, resid: Float[Tensor, "row d_model"]) -> Float[Tensor, "row d_model"]:
        if self._model.cfg.normalization_type is None:
            return wide(resid)
        norm = self._model.ln_final
        if self._model.unembed.W_U.dtype in (torch.float32, torch.float64) or type(norm).__name__ not in NORMS:
            return wide(norm(resid[:, None])[:, 0])
        # TransformerLens' own rounds what it gives to the model's precision.
        normed: Tensor = norm_of(norm, self._model.cfg)(wide(resid))
        return normed

    def _unembed(self, resid: Float[Tensor, "row d_model"]) -> Float[Tensor, "row vocab"]:
        unembed = self._model.unembed
        if unembed.W_U.dtype == resid.dtype:
            return self._cap(unembed(resid[:, None])[:, 0])
        return self._cap(torch.addmm(wide(unembed.b_U), resid, wide(unembed.W_U)))

    def _cap(self, logits: Tensor) -> Tensor:
        cap = getattr(self._model.cfg, "output_logits_soft_cap", -1.0)
        return cap * torch.tanh(logits / cap) if cap and cap > 0 else logits
