"""What a family's config can vary: logits equal Hugging Face's, also through the engine's own blocks."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM

from interp.interventions.block import reason_against
from interp.interventions.edits import Edit, Variant
from interp.interventions.engine import Engine
from interp.metrics import LogitDiff
from interp.models import DirectoryModel, Processing, load_model
from interp.models.families import BY_TYPE
from tests.interventions.models import random_prompts
from tests.tiny_models import write_tiny_gpt2, write_tiny_llama

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
VARIATIONS = {
    **{
        f"gpt2 {name}": (write_tiny_gpt2, {"activation_function": name})
        for name in ("gelu_new", "gelu_pytorch_tanh", "gelu", "relu", "gelu_fast", "silu")
    },
    "gpt2 n_inner": (write_tiny_gpt2, {"n_inner": 20}),
    "gpt2 scaled by layer": (write_tiny_gpt2, {"scale_attn_by_inverse_layer_idx": True}),
    "gpt2 unscaled": (write_tiny_gpt2, {"scale_attn_weights": False}),
    "llama gelu": (write_tiny_llama, {"hidden_act": "gelu"}),
    "llama attention_bias": (write_tiny_llama, {"attention_bias": True}),
    "llama attention_bias, ungrouped": (write_tiny_llama, {"attention_bias": True, "num_key_value_heads": 4}),
    "llama mlp_bias": (write_tiny_llama, {"mlp_bias": True}),
    "llama fractional theta": (write_tiny_llama, {"rope_parameters": {"rope_type": "default", "rope_theta": 12.34}}),
    "llama linear": (
        write_tiny_llama,
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 500.0, "factor": 4.0}},
    ),
    "llama llama3": (
        write_tiny_llama,
        {"rope_parameters": {**LLAMA3, "rope_theta": 50.0, "original_max_position_embeddings": 16}},
    ),
}


@pytest.fixture(params=VARIATIONS)
def folder(request, tmp_path):
    write, changes = VARIATIONS[request.param]
    return write(tmp_path / "m", **changes)


def test_a_variation_is_hugging_faces_and_runs_in_the_fast_blocks(folder):
    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    tokens = torch.randint(2, 100, (2, 30), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = theirs(tokens).logits.log_softmax(-1)
        for on in (True, False):
            processing = Processing(fold_ln=on, center_writing_weights=on, center_unembed=on, fold_value_biases=on)
            model = load_model(DirectoryModel(path=str(folder), processing=processing)).hooked
            torch.testing.assert_close(model(tokens).log_softmax(-1), expected, atol=5e-4, rtol=1e-4)
    assert reason_against(model) is None
    prompts = random_prompts(n_prompts=2, n_tokens=7)
    variants = [Variant.of(Edit("edge", 1, head, query=7, key=3, source="corrupted")) for head in range(4)] + [
        Variant.of(Edit("mlp_out", 0, query=3, source="corrupted")),
        Variant.of(Edit("z", 2, 1, source="zero")),
    ]
    fast, slow = (Engine(model, by_hooks=by).measure(variants, prompts, LogitDiff()) for by in (False, True))
    torch.testing.assert_close(fast, slow, atol=1e-4, rtol=1e-4)
    assert (fast - Engine(model).read(prompts, LogitDiff(), "clean")).abs().max() > 1e-2


def test_older_files_name_their_rope_otherwise(tmp_path):
    """`rope_theta` and `rope_scaling: {type: ...}` give the model that `rope_parameters` gives."""
    import json

    linear = {"rope_type": "linear", "rope_theta": 500.0, "factor": 4.0}
    new = write_tiny_llama(tmp_path / "new", rope_parameters=linear)
    old = write_tiny_llama(tmp_path / "old", rope_parameters=linear)
    config = json.loads((old / "config.json").read_text())
    del config["rope_parameters"]
    (old / "config.json").write_text(
        json.dumps(config | {"rope_theta": 500, "rope_scaling": {"type": "linear", "factor": 4}})
    )
    tokens = torch.arange(2, 32)[None]
    models = [load_model(DirectoryModel(path=str(one))).hooked for one in (new, old)]
    with torch.no_grad():
        assert torch.equal(models[0](tokens), models[1](tokens))


@pytest.mark.parametrize("family", BY_TYPE.values(), ids=lambda family: family.model_type)
def test_every_number_of_every_familys_config_has_bounds(family):
    """What nobody bounded is a traceback when something is allocated for it."""
    for name, field in family.schema.model_json_schema()["properties"].items():
        kinds = [one for one in field.get("anyOf", [field]) if one.get("type") in ("integer", "number")]
        for kind in kinds:
            assert {"minimum", "exclusiveMinimum"} & set(kind), f"{name} has no lower bound"
            assert kind["type"] == "number" or {"maximum", "exclusiveMaximum"} & set(kind), f"{name} has no upper bound"
