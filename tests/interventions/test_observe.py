"""What is read off an unedited run."""

from __future__ import annotations

import pytest
import torch

from interp.interventions import Engine
from interp.interventions.observe import attention_weights, direct_logit_attribution, logit_lens
from interp.metrics import LogitDiff
from tests.interventions.models import random_model, random_prompts


@pytest.fixture(params=["gpt2", "llama"])
def model(request):
    return random_model(request.param)


@pytest.mark.parametrize("weights", [(1.0, -1.0), (1.0, 0.0), (2.0, -2.0)])
def test_direct_contributions_add_up_to_the_metric(model, weights):
    prompts = random_prompts(bos=1)
    parts = direct_logit_attribution(Engine(model), prompts, "clean", weights)
    logits, rows = model(prompts.clean)[:, prompts.query_index], torch.arange(len(prompts))
    expected = weights[0] * logits[rows, prompts.answer] + weights[1] * logits[rows, prompts.foil]
    torch.testing.assert_close(sum(parts.values()), expected, atol=1e-4, rtol=1e-4)


def test_the_last_layer_of_the_logit_lens_is_the_model(model):
    prompts = random_prompts()
    engine = Engine(model)
    lens = logit_lens(engine, prompts, LogitDiff(), "clean")
    assert lens.shape == (4, len(prompts))
    torch.testing.assert_close(lens[-1], engine.read(prompts, LogitDiff(), "clean"))
    middle = model.run_with_cache(prompts.clean)[1]["blocks.1.hook_resid_pre"][:, prompts.query_index]
    logits, rows = model.unembed(model.ln_final(middle[:, None]))[:, 0], torch.arange(len(prompts))
    torch.testing.assert_close(lens[1], logits[rows, prompts.answer] - logits[rows, prompts.foil])


def test_attention_weights_are_those_of_the_cache(model):
    prompts = random_prompts()
    weights = attention_weights(Engine(model), prompts, "corrupted", [1, 2], layer=2)
    expected = model.run_with_cache(prompts.corrupted)[1]["blocks.2.attn.hook_pattern"][[1, 2]]
    torch.testing.assert_close(weights, expected)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, prompts.n_tokens))
