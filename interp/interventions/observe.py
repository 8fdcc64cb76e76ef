"""What can be read off an unedited run: the logit lens, direct contributions to the logits, attention weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from einops import einsum
from jaxtyping import Float
from torch import Tensor

from interp.configs.lazy import lazy
from interp.errors import UserError
from interp.interventions.edits import Run
from interp.interventions.engine import Engine
from interp.interventions.precision import wide
from interp.metrics import Metric
from interp.prompts.pairs import PromptSet

if TYPE_CHECKING:
    from transformer_lens.utilities import architectures
else:
    architectures = lazy("transformer_lens.utilities.architectures")


@torch.no_grad()
def logit_lens(engine: Engine, prompts: PromptSet, metric: Metric, run: Run) -> Float[Tensor, "layer prompt"]:
    """The metric read from the residual stream before each block and, last, from the output (nostalgebraist 2020).

    Shape (n_layers + 1, prompt): entry l is the residual stream before block l, put through the final normalisation
    and the unembedding.
    """
    index = engine.rows(prompts, None)
    base = engine.runs(prompts)[run]
    streams = [base.site("resid_pre", layer) for layer in range(engine.sizes.n_layers)] + [base.final]
    return torch.stack(
        [metric(engine.readout(prompts, stream[:, prompts.query_index], index)).cpu() for stream in streams]
    )


def not_a_sum(cfg: Any) -> str | None:
    """Why a model's logits are no sum over heads and MLPs, even with the last norm held; None when they are one."""
    after = cfg.original_architecture in architectures.POST_NORM_ARCHITECTURES or cfg.use_normalization_before_and_after
    if after:
        return "a norm follows the sum over the heads of a layer, so no head has a share of its own"
    if (cfg.output_logits_soft_cap or -1) > 0:
        return f"logits are capped (at {cfg.output_logits_soft_cap:g}), so contributions do not add up"
    return None


@torch.no_grad()
def direct_logit_attribution(
    engine: Engine, prompts: PromptSet, run: Run, logit_weights: tuple[float, float]
) -> dict[tuple[str, int, int], Float[Tensor, " prompt"]]:
    """Direct contribution of every component to `logit_weights` times the logits of answer and foil.

    The final normalisation's scale is held at the run's value, which makes the logits linear in the components
    (Elhage et al. 2021). Keys are (part, layer, head) with -1 where there is none; parts are `embed` (token and position
    embedding), `head`, `attn_bias`, `mlp` and `unembed_bias`. The contributions add up to the metric exactly, for
    models whose blocks add attention and MLP outputs to the residual stream.
    """
    model, sizes = engine.model, engine.sizes
    if reason := not_a_sum(model.cfg):
        raise UserError(
            f"direct_logit_attribution: this model's logits are no sum over its components, because {reason}"
        )
    base, query = engine.runs(prompts)[run], prompts.query_index
    device = base.final.device
    on_answer, on_foil = logit_weights

    def read(unembed: Tensor) -> Tensor:
        answer, foil = (wide(unembed[tokens.to(device)]) for tokens in (prompts.answer, prompts.foil))
        return on_answer * answer + on_foil * foil

    weights, bias = read(model.unembed.W_U.T), read(model.unembed.b_U)
    project = _frozen_norm(model, base.final[:, query])

    def direct(vector: Float[Tensor, "prompt d_model"]) -> Float[Tensor, " prompt"]:
        return (project(vector) * weights).sum(-1).cpu()

    out = {("embed", -1, -1): direct(base.site("resid_pre", 0)[:, query])}
    for layer in range(sizes.n_layers):
        attention = model.blocks[layer].attn
        z = base.site("z", layer)[:, query]
        heads = einsum(wide(z), wide(attention.W_O), "prompt head d_head, head d_head d_model -> head prompt d_model")
        for head in range(sizes.n_heads):
            out["head", layer, head] = direct(heads[head])
        out["attn_bias", layer, -1] = direct(attention.b_O.expand(len(prompts), -1))
        if not model.cfg.attn_only:
            out["mlp", layer, -1] = direct(base.site("mlp_out", layer)[:, query])
    offset = 0.0 if model.cfg.normalization_type is None else getattr(model.ln_final, "b", 0.0)
    out["unembed_bias", -1, -1] = ((weights * offset).sum(-1) + bias).cpu()
    return out


def _frozen_norm(model: object, final: Float[Tensor, "prompt d_model"]):  # type: ignore[no-untyped-def]
    final = wide(final)
    kind = model.cfg.normalization_type  # type: ignore[attr-defined]
    if kind is None:
        return wide
    centred = kind.startswith("LN")
    norm = model.ln_final  # type: ignore[attr-defined]
    around = final - final.mean(-1, keepdim=True) if centred else final
    scale = (around.pow(2).mean(-1, keepdim=True) + norm.eps).sqrt()
    gain = getattr(norm, "w", 1.0)

    def project(vector: Tensor) -> Tensor:
        vector = wide(vector)
        vector = vector - vector.mean(-1, keepdim=True) if centred else vector
        return vector / scale * gain

    return project


@torch.no_grad()
def attention_weights(
    engine: Engine, prompts: PromptSet, run: Run, rows: list[int], layer: int
) -> Float[Tensor, "prompt head query key"]:
    """Attention weights of a layer's heads on the prompts in `rows` (the BOS token's row and column left out)."""
    weights = engine.runs(prompts)[run].site("pattern", layer)[:, :, prompts.bos :, prompts.bos :]
    return weights[rows].cpu()
