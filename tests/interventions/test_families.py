"""Every supported family, on a tiny random directory: the engine against plain hooks in Hugging Face's own model."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from interp.errors import UserError
from interp.interventions import Edit, Engine, Variant
from interp.interventions.observe import direct_logit_attribution
from interp.metrics import LogitDiff
from interp.models import DirectoryModel, Processing, load_model
from interp.models.families import family_of
from interp.models.info import windows_of
from interp.models.lens import has_hooked_transformer
from tests.interventions.hugging_face import Plain
from tests.interventions.models import random_prompts
from tests.interventions.naive import naive_logit_diff
from tests.interventions.test_wave import random_variant, with_prefix
from tests.tiny_families import BY_HOOKS, NEED_OLDER, TINY, WINDOW, write_tiny

METRIC = LogitDiff()
N_LAYERS, N_TOKENS = 3, 7


@dataclass(frozen=True)
class Loaded:
    """A family's model in both libraries, and both runs of some prompts in Hugging Face's."""

    source: DirectoryModel
    hooked: Any
    engine: Engine
    plain: Plain
    prompts: Any
    windows: tuple[int | None, ...]


@pytest.fixture(scope="module", params=TINY)
def loaded(request, tmp_path_factory) -> Loaded:
    if request.param in NEED_OLDER and not has_hooked_transformer():
        pytest.skip("TransformerLens 4 does not build it (tests/models/test_bridge.py)")
    folder = write_tiny(tmp_path_factory.mktemp("family"), request.param)
    # TransformerLens' rewrites of the weights on for every other one, so that each kind of block is seen with and without.
    on = list(TINY).index(request.param) % 2 == 0
    source = DirectoryModel(path=str(folder), device="cpu", processing=Processing(fold_ln=on, center_unembed=on))
    model = load_model(source)
    assert model.info.logits_max_abs_diff < 1e-4
    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    prompts = with_prefix(random_prompts(n_prompts=3, bos=1), 2)
    family = family_of(theirs.config)
    windows = family.anatomy(theirs.config).windows or (None,) * N_LAYERS
    return Loaded(source, model.hooked, Engine(model.hooked), Plain(theirs, family, prompts), prompts, windows)


def test_random_sets_of_edits_equal_the_models_own_blocks(loaded):
    assert loaded.engine.reason_against_blocks is None
    if not getattr(loaded.hooked, "writes_patterns", True):
        pytest.skip("its own blocks do not write attention weights on TransformerLens 4")
    rng = random.Random(1)
    variants = [random_variant(rng, loaded.prompts, loaded.engine.sizes) for _ in range(40)]
    measured, expected = (
        one.measure(variants, loaded.prompts, METRIC) for one in (loaded.engine, Engine(loaded.hooked, by_hooks=True))
    )
    torch.testing.assert_close(measured, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same_numbers(loaded):
    rng = random.Random(2)
    variants = [random_variant(rng, loaded.prompts, loaded.engine.sizes) for _ in range(40)]
    there = load_model(loaded.source.model_copy(update={"device": "cuda"}))
    assert there.info.logits_max_abs_diff < 1e-4
    engine = Engine(there.hooked)
    assert engine.reason_against_blocks is None
    expected = loaded.engine.measure(variants, loaded.prompts, METRIC)
    measured = engine.measure(variants, loaded.prompts, METRIC).cpu()
    torch.testing.assert_close(measured, expected, atol=1e-4, rtol=1e-4)


def test_a_value_replaced_by_itself_changes_nothing(loaded):
    sites = {"z", "attn_out", "mlp_out", "resid_pre", "q", "k", "v", "pattern", "edge"}
    variants = [Variant.of(Edit(site, 1, source="corrupted"), base="corrupted") for site in sorted(sites)]
    base = loaded.engine.read(loaded.prompts, METRIC, "corrupted")
    torch.testing.assert_close(
        loaded.engine.measure(variants, loaded.prompts, METRIC), base.expand(len(variants), -1), atol=1e-4, rtol=1e-5
    )


def test_an_edge_outside_the_window_does_not_exist(loaded):
    layers = [layer for layer, window in enumerate(loaded.windows) if window is not None]
    for layer in layers:
        far, near = (Edit("edge", layer, 0, query=6, key=6 - distance) for distance in (WINDOW, WINDOW - 1))
        assert not loaded.engine.sizes.exists(far, loaded.prompts)
        assert loaded.engine.sizes.exists(near, loaded.prompts)
        with pytest.raises(UserError, match=f"queries of layer {layer} see {WINDOW} tokens"):
            loaded.engine.measure([Variant.of(far)], loaded.prompts, METRIC)
        assert (
            loaded.plain.logit_diff(near, "clean") - loaded.engine.read(loaded.prompts, METRIC, "clean")
        ).abs().max() > 0


def test_direct_logit_attribution_is_refused_where_a_norm_follows_the_sum_over_heads(loaded, request):
    name = request.node.callspec.params["loaded"]

    def attribute():
        return direct_logit_attribution(loaded.engine, loaded.prompts, "clean", (1.0, -1.0))

    if name in ("gemma2", "gemma3", "olmo2", "olmo3"):
        with pytest.raises(UserError, match="a norm follows the sum over the heads"):
            attribute()
    else:
        total = sum(attribute().values())
        torch.testing.assert_close(total, loaded.engine.read(loaded.prompts, METRIC, "clean"), atol=1e-4, rtol=1e-4)


def possible(windows, layer, query, key):
    return windows[layer] is None or query - key < windows[layer]


def test_heads_and_edges_are_hugging_faces(loaded):
    rng = random.Random(0)
    edits = []
    while len(edits) < 24:
        layer, head, query = rng.randrange(N_LAYERS), rng.randrange(4), rng.randint(1, N_TOKENS)
        key, site = rng.randint(1, query), rng.choice(["z", "edge"])
        if site == "z" or possible(loaded.windows, layer, query, key):
            place = {"query": query} | ({"key": key} if site == "edge" else {})
            edits.append(Edit(site, layer, head, **place, source=rng.choice(["zero", "corrupted"])))
    measured = loaded.engine.measure([Variant.of(edit) for edit in edits], loaded.prompts, METRIC)
    expected = torch.stack([loaded.plain.logit_diff(edit, "clean") for edit in edits])
    torch.testing.assert_close(measured, expected, atol=1e-4, rtol=1e-4)
    assert (measured - loaded.engine.read(loaded.prompts, METRIC, "clean")).abs().max() > 1e-2


def test_rows_sum_to_one_and_a_window_has_no_weight_outside_it(loaded):
    for layer in range(N_LAYERS):
        pattern = loaded.engine.runs(loaded.prompts)["corrupted"].site("pattern", layer)
        torch.testing.assert_close(pattern, loaded.plain.pattern("corrupted", layer), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(pattern.sum(-1), torch.ones(pattern.shape[:3]))
        if loaded.windows[layer] is not None:
            assert bool((pattern.tril(-WINDOW) == 0).all())


@pytest.mark.parametrize("name", BY_HOOKS)
def test_families_without_a_record_are_built_by_transformer_lens(name, tmp_path):
    model = load_model(DirectoryModel(path=str(write_tiny(tmp_path / "m", name))))
    assert model.info.logits_max_abs_diff < 1e-4
    windows = {"gpt_neo": (WINDOW, None, WINDOW), "gpt_oss": (WINDOW, None, WINDOW)}.get(name, ())
    assert (model.info.windows, windows_of(model.hooked.cfg)) == (windows, windows)
    engine, prompts = Engine(model.hooked), random_prompts(n_prompts=2)
    known = name == "gpt_neo" and has_hooked_transformer()  # blocks that the engine knows
    assert (engine.reason_against_blocks is None) is known
    variant = Variant((Edit("edge", 1, 1, "query", "key"), Edit("z", 2, 2, "query", source="corrupted")))
    if not getattr(model.hooked, "writes_patterns", True):
        with pytest.raises(UserError, match="shows attention weights only after they have been used"):
            engine.measure([variant], prompts, METRIC)
        return
    expected = naive_logit_diff(model.hooked, variant, prompts, engine.resampled(prompts))
    torch.testing.assert_close(engine.measure([variant], prompts, METRIC)[0], expected, atol=2e-5, rtol=1e-4)
    rows = engine.runs(prompts)["clean"].site("pattern", 1).sum(-1)
    assert bool((rows < 0.99).any()) is (name == "gpt_oss")  # its sinks take a share
