"""What a family's config can vary: logits equal Hugging Face's, also through the engine's own blocks."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM

from interp.errors import UserError
from interp.interventions.block import reason_against
from interp.interventions.edits import Edit, Variant
from interp.interventions.engine import Engine
from interp.metrics import LogitDiff
from interp.models import DirectoryModel, Processing, load_model
from interp.models.families import BY_TYPE
from interp.models.lens import has_hooked_transformer
from interp.models.load import model_dimensions
from tests.interventions.models import random_prompts
from tests.tiny_families import YARN, write_tiny
from tests.tiny_models import write_tiny_gpt2, write_tiny_llama

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
TEN = {"rope_type": "default", "rope_theta": 10.0}


def family(name):
    """Writes a tiny model of a family, with changes."""

    def write(folder, **changes):
        return write_tiny(folder, name, **changes)

    return write


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
    "llama yarn": (write_tiny_llama, {"rope_parameters": YARN}),
    "gpt_neox yarn on a part of each head": (
        family("gpt_neox"),
        {"rope_parameters": YARN | {"partial_rotary_factor": 0.5}},
    ),
    "gemma3 yarn": (family("gemma3"), {"rope_parameters": {"full_attention": YARN, "sliding_attention": TEN}}),
    "gemma3 llama3": (
        family("gemma3"),
        {"rope_parameters": {"full_attention": {**YARN, **LLAMA3}, "sliding_attention": TEN}},
    ),
    "gemma3 linear": (
        family("gemma3"),
        {"rope_parameters": {"full_attention": TEN | {"rope_type": "linear", "factor": 3.0}, "sliding_attention": TEN}},
    ),
    "olmo3 yarn": (family("olmo3"), {"num_key_value_heads": 4}),
    "smollm3": (family("smollm3"), {}),
    "smollm3 yarn, windows": (family("smollm3 with windows"), {}),
    "phi3 longrope": (family("phi3 longrope"), {"original_max_position_embeddings": 32}),
    "falcon linear": (
        family("falcon"),
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 50.0, "factor": 4.0}},
    ),
    "falcon 11B": (
        family("falcon"),
        {"new_decoder_architecture": True, "num_ln_in_parallel_attn": 1, "num_kv_heads": 2, "ffn_hidden_size": 40},
    ),
}


# What TransformerLens 4 computes otherwise, or cannot build.
NEED_OLDER = ("gpt2 unscaled", "falcon 11B")


@pytest.mark.skipif(has_hooked_transformer(), reason="TransformerLens 3.9 is installed")
@pytest.mark.parametrize("name", NEED_OLDER)
def test_what_transformer_lens_4_computes_otherwise_is_refused(name, tmp_path):
    write, changes = VARIATIONS[name]
    with pytest.raises(UserError, match="with TransformerLens 3.9 it runs"):
        load_model(DirectoryModel(path=str(write(tmp_path / "m", **changes))))


@pytest.fixture(params=VARIATIONS)
def folder(request, tmp_path):
    if request.param in NEED_OLDER and not has_hooked_transformer():
        pytest.skip("TransformerLens 4 computes something else")
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
    variants = [Variant.of(Edit("edge", 1, head, query=7, key=5, source="corrupted")) for head in range(4)] + [
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


def test_an_older_olmo3_file_stretches_its_layers_without_a_window_alone(tmp_path):
    """Published files have one `rope_scaling` and one `rope_theta`; they give the model of `rope_parameters`."""
    import json

    new, old = (
        write_tiny(tmp_path / name, "olmo3", rope_parameters={"full_attention": {**YARN, "rope_theta": 5e5}})
        for name in ("new", "old")
    )
    config = json.loads((old / "config.json").read_text())
    del config["rope_parameters"]
    scaling = {key: value for key, value in YARN.items() if key != "rope_theta"}
    (old / "config.json").write_text(json.dumps(config | {"rope_theta": 500_000, "rope_scaling": scaling}))
    tokens = torch.arange(2, 32)[None]
    models = [load_model(DirectoryModel(path=str(folder))).hooked for folder in (new, old)]
    with torch.no_grad():
        assert torch.equal(models[0](tokens), models[1](tokens))


def test_a_layer_without_positions_turns_nothing(tmp_path):
    model = load_model(DirectoryModel(path=str(write_tiny(tmp_path / "m", "smollm3")))).hooked
    for layer, turns in enumerate([True, False, True]):
        attention = model.blocks[layer].attn
        assert bool((attention.rotary_sin[1:] != 0).any()) is turns
        if has_hooked_transformer():  # a Bridge leaves it to Hugging Face
            heads = torch.randn(1, 5, 4, 8)
            assert torch.equal(attention.apply_rotary(heads), heads) is not turns


def test_longrope_is_read_up_to_the_first_context(tmp_path):
    folder = write_tiny(tmp_path / "m", "phi3 longrope")
    loaded = load_model(DirectoryModel(path=str(folder)))
    assert loaded.info.n_ctx == 16
    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    tokens = torch.randint(2, 100, (2, 17), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        shorter = loaded.hooked(tokens[:, :16])
        torch.testing.assert_close(
            shorter.log_softmax(-1), theirs(tokens[:, :16]).logits.log_softmax(-1), atol=5e-4, rtol=1e-4
        )
        # One token more gives all positions other frequencies.
        longer = theirs(tokens).logits[:, :16].log_softmax(-1)
    assert (longer - shorter.log_softmax(-1)).abs().max() > 0.1
    engine = Engine(loaded.hooked)
    for n_tokens in (16, 17):
        prompts = random_prompts(n_prompts=2, n_tokens=n_tokens)
        if n_tokens == 16:
            assert engine.read(prompts, LogitDiff(), "clean").isfinite().all()
        else:
            with pytest.raises(UserError, match="have 17 tokens, but the model reads at most 16"):
                engine.read(prompts, LogitDiff(), "clean")
    with pytest.raises(UserError, match="a prompt of 17 tokens is longer than the 16 up to which"):
        loaded.hooked.blocks[1].attn._extend_rotary_embeddings(17)
    loaded.hooked.blocks[1].attn._extend_rotary_embeddings(16)


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        ("falcon", {"alibi": True}, "alibi is true, but of Falcon only models with rotary positions"),
        ("falcon", {"alibi": False}, None),
        ("falcon", {"hidden_size": 34}, "34 is not a multiple of num_attention_heads 4"),
        ("falcon", {"new_decoder_architecture": True, "parallel_attn": False}, "needs parallel_attn"),
        ("falcon", {"num_ln_in_parallel_attn": 2}, "2 needs new_decoder_architecture"),
        ("smollm3", {"no_rope_layers": [1, 0]}, "no_rope_layers has 2 entries for 3 layers"),
        ("smollm3", {"no_rope_layers": [1, 0, 2]}, r"no_rope_layers\.2: must be"),
        ("smollm3", {"no_rope_layers": [1, 0, 1, 0]}, None),
        ("phi3 longrope", {"rope_parameters": {"rope_type": "longrope"}}, "rope_type longrope needs short_factor"),
        ("phi3 longrope", {"rope_parameters": {"rope_type": "linear", "factor": 2.0}}, "rope_type: must be"),
        ("olmo3", {"rope_parameters": {"full_attention": {"rope_type": "yarn"}}}, "rope_type yarn needs factor"),
    ],
)
def test_a_config_that_cannot_be_is_refused(tmp_path, name, changes, says):
    import json

    folder = write_tiny(tmp_path / "m", name)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))
    if says is None:
        assert model_dimensions(DirectoryModel(path=str(folder))) is not None
    else:
        with pytest.raises(UserError, match=says):
            model_dimensions(DirectoryModel(path=str(folder)))


@pytest.mark.parametrize("family", BY_TYPE.values(), ids=lambda family: family.model_type)
def test_every_number_of_every_familys_config_has_bounds(family):
    """What nobody bounded is a traceback when something is allocated for it."""
    for name, field in family.schema.model_json_schema()["properties"].items():
        kinds = [one for one in field.get("anyOf", [field]) if one.get("type") in ("integer", "number")]
        for kind in kinds:
            assert {"minimum", "exclusiveMinimum"} & set(kind), f"{name} has no lower bound"
            assert kind["type"] == "number" or {"maximum", "exclusiveMaximum"} & set(kind), f"{name} has no upper bound"
