"""Every supported family, on a tiny random directory: the engine against plain hooks in Hugging Face's own model."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from interp.interventions import Edit, Engine, Variant
from interp.metrics import LogitDiff
from interp.models import DirectoryModel, Processing, load_model
from interp.models.families import family_of
from tests.interventions.hugging_face import Plain
from tests.interventions.models import random_prompts
from tests.interventions.naive import naive_logit_diff
from tests.interventions.test_wave import with_prefix
from tests.tiny_families import BY_HOOKS, TINY, WINDOW, write_tiny

METRIC = LogitDiff()
N_LAYERS, N_TOKENS = 3, 7


@dataclass(frozen=True)
class Loaded:
    """A family's model in both libraries, and both runs of some prompts in Hugging Face's."""

    hooked: Any
    engine: Engine
    plain: Plain
    prompts: Any
    windows: tuple[int | None, ...]


@pytest.fixture(scope="module", params=TINY)
def loaded(request, tmp_path_factory) -> Loaded:
    folder = write_tiny(tmp_path_factory.mktemp("family"), request.param)
    # TransformerLens' rewrites of the weights on for every other one, so that each kind of block is seen with and without.
    on = list(TINY).index(request.param) % 2 == 0
    model = load_model(DirectoryModel(path=str(folder), processing=Processing(fold_ln=on, center_unembed=on)))
    assert model.info.logits_max_abs_diff < 1e-4
    theirs = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    prompts = with_prefix(random_prompts(n_prompts=3, bos=1), 2)
    family = family_of(theirs.config)
    windows = family.anatomy(theirs.config).windows or (None,) * N_LAYERS
    return Loaded(model.hooked, Engine(model.hooked), Plain(theirs, family, prompts), prompts, windows)


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
def test_families_without_a_record_run_by_hooks_and_say_so(name, tmp_path):
    model = load_model(DirectoryModel(path=str(write_tiny(tmp_path / "m", name))))
    assert model.info.logits_max_abs_diff < 1e-4
    engine, prompts = Engine(model.hooked), random_prompts(n_prompts=2)
    assert engine.reason_against_blocks is not None
    variant = Variant((Edit("edge", 1, 1, "query", "key"), Edit("z", 2, 2, "query", source="corrupted")))
    expected = naive_logit_diff(model.hooked, variant, prompts, engine.resampled(prompts))
    torch.testing.assert_close(engine.measure([variant], prompts, METRIC)[0], expected, atol=2e-5, rtol=1e-4)
    rows = engine.runs(prompts)["clean"].site("pattern", 1).sum(-1)
    assert bool((rows < 0.99).any()) is (name == "gpt_oss")  # its sinks take a share
