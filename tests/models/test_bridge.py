"""TransformerLens 4: a TransformerBridge in a HookedTransformer's place, and what that line cannot do."""

from __future__ import annotations

import importlib
from typing import Literal

import pytest
import torch
from transformers import AutoModelForCausalLM

import interp
from interp.errors import UserError
from interp.interventions import Edit, Engine, Variant
from interp.metrics import LogitDiff
from interp.models import DirectoryModel, load_model
from interp.models.config import BuiltModel, SparseModel
from interp.models.lens import has_hooked_transformer
from interp.models.load import model_dimensions
from tests.interventions.models import random_prompts
from tests.tiny_families import NEED_OLDER, write_tiny

pytestmark = pytest.mark.skipif(has_hooked_transformer(), reason="TransformerLens 3.9 is installed (make test TL=4)")

METRIC = LogitDiff()
EDGES = [Variant.of(Edit("edge", 1, head, query=5, key=3, source="corrupted")) for head in range(4)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("models") / "llama", "llama")


def bridge_of(folder, **settings):
    """As a user of TransformerLens makes one."""
    from transformer_lens.model_bridge.sources import build_bridge_from_module

    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    bridge = build_bridge_from_module(model, type(model).__name__, hf_config=model.config)
    if settings:
        bridge.enable_compatibility_mode(disable_warnings=True, **settings)
    return bridge.eval()


def test_a_bridge_of_ones_own_gives_what_its_directory_gives(folder):
    prompts = random_prompts(n_prompts=2)
    of_directory = Engine(load_model(DirectoryModel(path=str(folder))).hooked).measure(EDGES, prompts, METRIC)
    for settings in ({"no_processing": True}, {"center_unembed": False, "fold_value_biases": False}):
        loaded = interp.load(bridge_of(folder, **settings))
        engine = Engine(loaded.hooked)
        assert (loaded.info.n_layers, loaded.info.n_kv_heads) == (3, 2)
        assert engine.reason_against_blocks is None
        torch.testing.assert_close(engine.measure(EDGES, prompts, METRIC), of_directory, atol=1e-4, rtol=1e-4)


def test_a_bridge_without_compatibility_mode_is_refused(folder):
    with pytest.raises(UserError, match="call model.enable_compatibility_mode"):
        interp.load(bridge_of(folder))


def test_a_change_of_a_weight_is_seen(folder):
    model, prompts = load_model(DirectoryModel(path=str(folder))).hooked, random_prompts(n_prompts=2)
    engine = Engine(model)
    before = engine.read(prompts, METRIC, "clean")
    assert torch.equal(engine.read(prompts, METRIC, "clean"), before)
    with torch.no_grad():
        model.blocks[1].attn.W_O[2] = 0
    after = engine.read(prompts, METRIC, "clean")
    assert (after - before).abs().max() > 1e-3
    torch.testing.assert_close(after, Engine(model, by_hooks=True).read(prompts, METRIC, "clean"), atol=1e-4, rtol=1e-4)


def test_a_hook_that_was_left_is_seen(folder):
    model, prompts = load_model(DirectoryModel(path=str(folder))).hooked, random_prompts(n_prompts=2)
    engine = Engine(model)
    before = engine.read(prompts, METRIC, "clean")
    model.add_hook("blocks.1.attn.hook_z", lambda act, hook: act * 0)
    assert (engine.read(prompts, METRIC, "clean") - before).abs().max() > 1e-3
    assert "a hook" in engine.reason_against_blocks
    model.reset_hooks()
    torch.testing.assert_close(engine.read(prompts, METRIC, "clean"), before, atol=1e-4, rtol=1e-4)


def test_a_bridge_of_ones_own_with_a_hook_is_refused(folder):
    bridge = bridge_of(folder, no_processing=True)
    bridge.add_hook("blocks.0.hook_resid_pre", lambda act, hook: act * 2)
    with pytest.raises(UserError, match="hooks of its own"):
        interp.load(bridge)


@pytest.mark.parametrize("name", NEED_OLDER)
def test_what_transformer_lens_4_does_not_build_is_told(name, tmp_path):
    with pytest.raises(UserError, match="with TransformerLens 3.9 it runs"):
        load_model(DirectoryModel(path=str(write_tiny(tmp_path / "m", name))))


def test_a_sparse_model_is_told_before_anything_is_read(folder):
    source = DirectoryModel(path=str(folder), sparse=SparseModel())
    for read in (load_model, model_dimensions):
        with pytest.raises(UserError, match="shut attention edges cannot be analysed on TransformerLens 4; with"):
            read(source)
    assert model_dimensions(source.model_copy(update={"sparse": None})) is not None


class ByHand(BuiltModel):
    """As a plug-in that plants a circuit does it."""

    source: Literal["by_hand"] = "by_hand"
    wants: str = "HookedTransformer"

    def build(self):
        return getattr(importlib.import_module("transformer_lens"), self.wants)


def test_a_source_that_builds_a_hooked_transformer_is_told():
    with pytest.raises(UserError, match="'by_hand' builds a HookedTransformer; with TransformerLens 3.9 it runs"):
        load_model(ByHand())
    with pytest.raises(AttributeError, match="NoSuchThing"):
        load_model(ByHand(wants="NoSuchThing"))


def test_attention_weights_that_are_only_shown_are_not_edited(tmp_path):
    model, prompts = load_model(DirectoryModel(path=str(write_tiny(tmp_path / "m", "opt")))).hooked, random_prompts()
    by_blocks, by_hooks = Engine(model), Engine(model, by_hooks=True)
    with pytest.raises(UserError, match="shows attention weights only after they have been used"):
        by_hooks.measure(EDGES, prompts, METRIC)
    assert by_blocks.measure(EDGES, prompts, METRIC).isfinite().all()
    heads = [Variant.of(Edit("z", 1, head, query=5, source="corrupted")) for head in range(4)]
    both = [engine.measure(heads, prompts, METRIC) for engine in (by_blocks, by_hooks)]
    torch.testing.assert_close(*both, atol=1e-4, rtol=1e-4)
