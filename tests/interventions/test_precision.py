"""Half precision: what is measured has no step, and a head that writes nothing has no effect."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file, save_file

from interp.interventions import Edit, Engine, Variant
from interp.interventions.observe import direct_logit_attribution
from interp.metrics import LogitDiff
from interp.models import DirectoryModel, load_model
from tests.interventions.models import random_prompts
from tests.tiny_models import write_tiny_gpt2, write_tiny_llama

PROMPTS = random_prompts(n_prompts=16)
EDGES = [
    Variant.of(Edit("edge", layer, head, query=7, key=3, source="corrupted")) for layer in range(3) for head in range(4)
]


@pytest.fixture(scope="module", params=[write_tiny_llama, write_tiny_gpt2])
def folder(request, tmp_path_factory):
    """A model whose heads 0 and 1 write nothing, in any layer."""
    folder = request.param(tmp_path_factory.mktemp("models") / "m")
    tensors = load_file(folder / "model.safetensors")
    for name, tensor in tensors.items():
        if name.endswith("o_proj.weight"):
            tensor[:, :16] = 0
        elif name.endswith("attn.c_proj.weight"):
            tensor[:16] = 0
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def effects(folder, dtype, by_hooks=False):
    model = load_model(DirectoryModel(path=str(folder), dtype=dtype)).hooked
    engine = Engine(model, by_hooks=by_hooks)
    found = engine.measure(EDGES, PROMPTS, LogitDiff()) - engine.read(PROMPTS, LogitDiff(), "clean")
    return engine, found.view(3, 4, -1)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_head_that_writes_nothing_has_no_effect_and_others_have_theirs(folder, dtype):
    engine, found = effects(folder, dtype)
    exact = effects(folder, "float32")[1]
    assert engine.reason_against_blocks is None
    assert found[:, :2].abs().max() < 1e-5
    assert exact[:, 2:].abs().mean() > 0.02
    torch.testing.assert_close(found, exact, atol=0.1, rtol=0.1)
    # No step: hardly an effect is a multiple of 1/256 of a logit.
    assert ((found[:, 2:] * 256) % 1 == 0).float().mean() < 0.1


def test_by_hooks_what_is_read_off_has_no_step_either(folder):
    model = load_model(DirectoryModel(path=str(folder), dtype="bfloat16")).hooked
    engine = Engine(model, by_hooks=True)
    clean = engine.read(PROMPTS, LogitDiff(), "clean")
    assert clean.dtype == torch.float32
    assert ((clean * 256) % 1 == 0).float().mean() < 0.5
    torch.testing.assert_close(
        clean, effects(folder, "float32")[0].read(PROMPTS, LogitDiff(), "clean"), atol=0.3, rtol=0.1
    )


def test_contributions_add_up_in_half_precision_too(folder):
    engine, _ = effects(folder, "bfloat16")
    parts = direct_logit_attribution(engine, PROMPTS, "clean", (1.0, -1.0))
    total = torch.stack(list(parts.values())).sum(0)
    torch.testing.assert_close(total, engine.read(PROMPTS, LogitDiff(), "clean"), atol=1e-3, rtol=1e-3)
