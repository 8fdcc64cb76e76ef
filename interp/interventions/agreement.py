"""Whether the engine's runs give what the model itself gives.

`block.py` follows the settings that it knows of a TransformerLens config, and a model's own blocks are run without the
code around them. Somebody may set a field by hand that changes what a forward pass computes, today's or tomorrow's. So
of every prompt set the first prompt is given to the model as well, and the logits are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from interp.errors import UserError, cut
from interp.interventions.readout import ModelReadout
from interp.interventions.runs import Runs
from interp.models.bridge import HookedBridge
from interp.prompts.pairs import PromptSet

EXACT, ROUNDED = 1e-3, 0.1
"""How far the logits may be apart, as a part of their spread: in float32, and where a half-precision model rounds its own, or a
gate is a step."""


@torch.no_grad()
def agreed_runs(
    model: Any, prompts: PromptSet, ways: Sequence[Callable[[list[Tensor]], list[Any]]]
) -> tuple[Runs, float | None]:
    """The runs by the first of several ways that gives the model's own logits; and how far the way before it was from them.

    UserError when none does, or when the model cannot read the prompt itself.
    """
    query = prompts.query_index
    own = own_logits(model, prompts.clean[:1], query)
    stray = None
    for way in ways:
        runs = Runs(prompts, way)
        final = runs["clean"].final[:1, query]
        nobody = torch.zeros(1, dtype=torch.long, device=final.device)
        before, stray = stray, apart(model, own, ModelReadout(model, final, nobody, nobody, final).logits())
        if stray is None:
            return runs, before
    raise UserError(
        f"the model's own logits are up to {stray:.2g} from those of its blocks, one after the other, so something that was set on "
        "it is not understood here; take it back"
    )


@torch.no_grad()
def own_logits(model: Any, tokens: Int[Tensor, "prompt pos"], position: int) -> Float[Tensor, "prompt vocab"]:
    """The logits at a position, by the model's own forward pass; UserError where it has none."""
    last = f"blocks.{model.cfg.n_layers - 1}.hook_resid_post"

    def only_there(act: Tensor, hook: Any) -> Tensor:  # the unembedding of a long prompt takes gigabytes
        return act[:, position : position + 1]

    if tokens.shape[1] > model.cfg.n_ctx:
        raise UserError(
            f"the prompts have {tokens.shape[1]:,} tokens, but the model reads at most {model.cfg.n_ctx:,} (its context)"
        )
    # No token of a prompt is padding, whatever the tokenizer says.
    plainly = {"padding_side": "right"} if type(model).__name__ == "HookedTransformer" else {}
    cut_short = (
        model.unembedding(position) if isinstance(model, HookedBridge) else model.hooks(fwd_hooks=[(last, only_there)])
    )
    try:
        with cut_short:
            logits: Tensor = model(tokens.to(model.cfg.device), return_type="logits", **plainly)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # what a model with a field set by hand can raise is anything
        why = cut(" ".join(str(error).split()), 200)
        raise UserError(
            f"the model itself cannot read its prompts ({type(error).__name__}: {why}); is a setting of its config, or of a "
            "part of it, not what its weights are made for?"
        ) from error
    return logits[:, -1].float()


def apart(model: Any, own: Float[Tensor, "prompt vocab"], ours: Float[Tensor, "prompt vocab"]) -> float | None:
    """How many logits the two are apart at most; None: no more than rounding makes."""
    if not own.isfinite().all():  # weights that are no numbers are told elsewhere
        return None
    gated = getattr(model.blocks[0].attn, "sparse_gate", None) is not None
    exact = model.cfg.dtype in (torch.float32, torch.float64) and not gated
    largest = float((own - ours.to(own)).abs().max())
    fits = largest <= (EXACT if exact else ROUNDED) * float(own.max() - own.min())
    return None if fits else largest
