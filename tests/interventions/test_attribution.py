"""The gradient estimate: the derivative, checked by finite differences; exact where the model is linear."""

from __future__ import annotations

import pytest
import torch

from interp.interventions import Edit, Engine, Variant
from interp.interventions.attribution import estimate
from interp.interventions.runs import HOOKS
from interp.metrics import LogitDiff
from tests.interventions.models import random_model, random_prompts

EDITS = [
    Edit("resid_pre", 1, query="key", source="corrupted"),
    Edit("mlp_out", 0, query="wide", source="corrupted"),
    Edit("z", 1, 2, query=5, source="mean"),
    Edit("q", 2, 1, query="query", source="corrupted"),
    Edit("k", 1, 0, key="key", source="corrupted"),
    Edit("v", 2, 1, key="key", source="zero"),
    Edit("pattern", 0, 3, 6, 3, source="zero"),
    Edit("edge", 1, 3, "query", "key", source="zero"),
    Edit("edge", 0, 2, "query", "key", source="corrupted"),
]


@pytest.mark.parametrize("family", ["gpt2", "llama"])
@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.site)
def test_the_estimate_is_the_derivative_along_the_edit(family, edit):
    """Move the activation a small step towards its replacement: the metric must move by the step times the estimate."""
    model, prompts, metric = random_model(family), random_prompts(), LogitDiff()
    engine = Engine(model)
    before = engine.read(prompts, metric, "clean")
    slope = estimate(engine, [Variant.of(edit)], prompts, metric)[0] - before

    step = 1e-2

    def logits(sign):
        seen = {}

        def soften(act, hook):
            seen[hook.name] = act.clone()
            return act

        def move(act, hook):
            return seen[hook.name] + sign * step * (act - seen[hook.name])

        # TransformerLens runs hooks in order: keep the value, let the naive hooks edit it, then take a part of the way.
        from interp.interventions.cells import Dimensions, cells_of
        from tests.interventions.naive import _hooks, cached

        sizes = Dimensions.of(model.cfg)
        caches = {run: cached(model, getattr(prompts, run)) for run in ("clean", "corrupted")}
        out = []
        for row in range(len(prompts)):
            name = HOOKS["z" if edit.site == "edge" else edit.site].format(edit.layer)
            hooks = [(name, soften)]
            for cell in cells_of(edit, prompts, sizes):
                hooks += _hooks(edit, cell, row, caches, sizes, engine.resampled(prompts))
            hooks.append((name, move))
            last = model.run_with_hooks(prompts.clean[row : row + 1], fwd_hooks=hooks)[0, prompts.query_index]
            out.append(last[prompts.answer[row]] - last[prompts.foil[row]])
        return torch.stack(out)

    numeric = (logits(+1) - logits(-1)) / (2 * step)
    torch.testing.assert_close(slope, numeric, atol=2e-3, rtol=2e-2)


def test_several_edits_add_up():
    model, prompts = random_model("llama"), random_prompts()
    engine = Engine(model)
    edits = [Edit("edge", layer, head, "query", "key") for layer in range(3) for head in range(4)]
    base = engine.read(prompts, LogitDiff(), "clean")
    together = estimate(engine, [Variant(tuple(edits))], prompts, LogitDiff())[0] - base
    one_by_one = estimate(engine, [Variant.of(edit) for edit in edits], prompts, LogitDiff()) - base
    torch.testing.assert_close(together, one_by_one.sum(0), atol=1e-4, rtol=1e-4)
    assert together.abs().max() > 1e-2
