"""The sweep over the layers against the model's own blocks, on many random sets of edits; and how little it computes."""

from __future__ import annotations

import dataclasses
import random

import pytest
import torch

from interp.errors import UserError
from interp.interventions import Edit, Engine, Variant
from interp.interventions.block import Block
from interp.interventions.cells import cells_of
from interp.interventions.edits import KEY_SIDE, RESIDUAL
from interp.interventions.plan import common_prefix
from interp.interventions.writing import Edits
from interp.metrics import LogitDiff
from interp.models.sparse_attention import install_gate
from tests.interventions.models import random_model, random_prompts
from tests.interventions.naive import naive_logit_diff

METRIC = LogitDiff()
N_LAYERS, N_TOKENS, LAST = 3, 7, 2
SITES = [*sorted(RESIDUAL), "z", "q", "k", "v", "pattern", "edge"]


def with_prefix(prompts, n_tokens):
    """The same prompts with `n_tokens` leading tokens in common, as a template gives them."""
    clean, corrupted = prompts.clean.clone(), prompts.corrupted.clone()
    clean[:, : n_tokens + prompts.bos] = corrupted[:, : n_tokens + prompts.bos] = clean[:1, : n_tokens + prompts.bos]
    return dataclasses.replace(prompts, clean=clean, corrupted=corrupted)


def random_edit(rng):
    site, layer = rng.choice(SITES), rng.randrange(N_LAYERS)
    how = {
        "source": rng.choice(["zero", "mean", "resample", "clean", "corrupted"]),
        "reference": rng.choice(["clean", "corrupted"]),
    }
    place = rng.choice([None, "key", "query", "wide", *range(1, N_TOKENS + 1)])
    if site in RESIDUAL:
        return Edit(site, layer, query=place, **how)
    if site in KEY_SIDE:
        return Edit(site, layer, rng.choice([None, 0, 1]), key=place, **how)
    head = rng.choice([None, 0, 1, 2, 3])
    if site in ("z", "q"):
        return Edit(site, layer, head, query=place, **how)
    return Edit(site, layer, head, query=place, key=rng.choice([None, 1, "key"]), **how)


def random_variant(rng, prompts, sizes):
    """One to six edits at different sites; of z and an edge in one layer the later one would win, so not both."""
    edits = {}
    for _ in range(rng.choice([1, 1, 2, 3, 6])):
        edit = random_edit(rng)
        taken = {"z": "edge", "edge": "z"}.get(edit.site)
        try:
            cells_of(edit, prompts, sizes)
        except UserError:  # no such edge, or no such site in a parallel block
            continue
        if (edit.layer, taken) not in edits:
            edits[edit.layer, edit.site] = edit
    return Variant(tuple(edits.values()), base=rng.choice(["clean", "corrupted"]))


def relatives(rng, variant, prompts, sizes):
    """Variants that begin as this one does: it without some of its edits, and with others in its last layers."""
    found = []
    for _ in range(3):
        kept = tuple(edit for edit in variant.edits if rng.random() < 0.7)
        more = random_variant(rng, prompts, sizes).edits if rng.random() < 0.7 else ()
        taken = {(edit.layer, "z" if edit.site == "edge" else edit.site) for edit in kept}
        new = tuple(e for e in more if (e.layer, "z" if e.site == "edge" else e.site) not in taken)
        found.append(Variant(kept + new, base=variant.base))
    return found


@pytest.mark.parametrize("seed", range(12))
def test_random_sets_of_edits_equal_the_models_own_blocks(seed):
    rng = random.Random(seed)
    model = random_model(("gpt2", "llama", "odd", "parallel")[seed % 4], seed)
    if seed % 3 == 2:
        install_gate(model, rng.choice([0.0, -0.5, 1.0]))
    if seed % 3 == 1:
        biases = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(seed))
        install_gate(model, 1.5, "weight", *biases)
    prompts = random_prompts(n_prompts=rng.choice([2, 3, 5]), bos=seed % 2, seed=seed)
    prompts = with_prefix(prompts, rng.choice([0, 1, 2]))
    if rng.random() < 0.4:
        prompts = dataclasses.replace(prompts, roles={**prompts.roles, "query": (6,)})
    engine, by_hooks = Engine(model), Engine(model, by_hooks=True)
    assert engine.reason_against_blocks is None
    first = [random_variant(rng, prompts, engine.sizes) for _ in range(30)]
    variants = [*first, *(other for one in first for other in relatives(rng, one, prompts, engine.sizes))]
    rng.shuffle(variants)
    rows = [1, 0] if rng.random() < 0.3 else None
    expected = by_hooks.measure(variants, prompts, METRIC, rows)
    torch.testing.assert_close(engine.measure(variants, prompts, METRIC, rows), expected, atol=1e-5, rtol=1e-5)
    little = Engine(model, memory_gb=1e-5).measure(variants, prompts, METRIC, rows)
    torch.testing.assert_close(little, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_value_held_fixed_after_an_earlier_edit_is_no_empty_patch(family):
    """Path patching freezes activations at their own run's value; before the prompts differ that is no no-op once
    something earlier has been edited."""
    model, prompts = random_model(family), random_prompts()
    broken = Edit("resid_pre", 0, query=1)
    frozen = (broken, *(Edit("z", layer, query=2, source="clean") for layer in range(N_LAYERS)))
    free, held = Engine(model).measure([Variant((broken,)), Variant(frozen)], prompts, METRIC)
    assert (free - held).abs().max() > 1e-3
    expected = naive_logit_diff(model, Variant(frozen), prompts, Engine(model).resampled(prompts))
    torch.testing.assert_close(held, expected, atol=2e-5, rtol=1e-4)


def test_prompts_with_a_common_prefix_give_what_each_gives_alone():
    model, prompts = random_model("llama"), with_prefix(random_prompts(n_prompts=5), 2)
    assert common_prefix(prompts, 5) == 2
    assert common_prefix(prompts, 1) == 0
    variants = [
        *(Variant.of(Edit("edge", layer, head, query, key)) for layer in range(N_LAYERS) for head in range(4)
          for query in range(1, 8) for key in range(1, query + 1)),
        *(Variant.of(Edit(site, 1, None, key=1)) for site in KEY_SIDE),
    ]  # fmt: skip
    together = Engine(model).measure(variants, prompts, METRIC)
    alone = torch.cat([Engine(model).measure(variants, prompts, METRIC, [row]) for row in range(5)], dim=1)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)


def test_what_causality_leaves_unchanged_is_the_base_run_itself_and_is_counted():
    model, prompts = random_model("gpt2"), random_prompts()
    engine = Engine(model)
    nothing = [
        Variant.of(Edit("z", LAST, 1, query=3)),  # the last layer's output at another position than the query
        Variant.of(Edit("edge", LAST, 1, 4, 2)),
        Variant.of(Edit("mlp_out", 0, query=2, source="corrupted")),  # before the prompts differ
        Variant(()),
    ]
    something = Variant.of(Edit("v", LAST, 1, key=3))
    values = engine.measure([*nothing, something], prompts, METRIC)
    base = engine.read(prompts, METRIC, "clean")
    assert torch.equal(values[:4], base.expand(4, -1))
    assert (values[4] - base).abs().min() > 1e-4
    assert engine.counts == {"variants": 5, "unchanged": 4, "repeated": 0}


def test_variants_that_do_the_same_are_run_once():
    model, prompts = random_model("gpt2"), random_prompts()
    engine = Engine(model)
    same = [
        Edit("edge", 1, 2, "query", "key"),
        Edit("edge", 1, 2, 7, 3),
        Edit("edge", 1, 2, 7, 3, reference="corrupted"),
    ]
    values = engine.measure([Variant.of(edit) for edit in same], prompts, METRIC)
    assert engine.counts["repeated"] == 2
    assert torch.equal(values[0], values[1])
    assert torch.equal(values[0], values[2])


@pytest.mark.parametrize(
    ("edit", "projected", "mixed"),
    [
        # An edge into position 5 of 7: its own layer changes one token; the next one feels it at all three positions,
        # from the key and value of one; the last needs the query alone.
        (Edit("edge", 0, 1, 5, 2), [1, 3], [1, 3, 1]),
        (Edit("edge", 0, 1, "query", "key"), [1, 1], [1, 1, 1]),
        (Edit("edge", LAST, 1, "query", "key"), [], [1]),
        (Edit("resid_pre", 1, query=6), [1, 2], [2, 1]),
        (Edit("mlp_out", 1, query=6), [1], [1]),
        (Edit("z", 1, 0), [7], [7, 1]),
        (Edit("v", 0, 0, key=6), [0, 2, 2], [2, 2, 1]),
    ],
)
def test_nothing_is_computed_that_cannot_change(monkeypatch, edit, projected, mixed):
    """Tokens through the query-key-value projection and through the MLP, layer by layer."""
    model, prompts = random_model("llama"), random_prompts(n_prompts=1)
    engine = Engine(model)
    engine.runs(prompts)["clean"]
    seen = {"qkv": [], "mlp": []}
    for name, found in seen.items():
        plain = getattr(Block, name)

        def counted(block, resid, plain=plain, found=found):
            found.append(len(resid))
            return plain(block, resid)

        monkeypatch.setattr(Block, name, counted)
    engine.measure([Variant.of(edit)], prompts, METRIC)
    assert (seen["qkv"], seen["mlp"]) == (projected, mixed)


def test_what_sets_have_in_common_is_computed_once(monkeypatch):
    """The first n heads of an order kept, all other edges cut: sets that differ in one head of the last layer are one set
    before it."""
    model, prompts = random_model("llama"), random_prompts(n_prompts=1)
    engine = Engine(model)
    engine.runs(prompts)["clean"]
    edges = [Edit("edge", layer, head, "query", "key") for layer in range(N_LAYERS) for head in range(4)]
    kept = [{0, 8}, {0, 8, 9}, {0, 5, 8}, {0, 5, 9}, {1, 9}]
    variants = [Variant(tuple(edge for number, edge in enumerate(edges) if number not in one)) for one in kept]
    seen = []
    plain = Block.mlp
    monkeypatch.setattr(Block, "mlp", lambda block, resid: seen.append(len(resid)) or plain(block, resid))
    together = engine.measure(variants, prompts, METRIC)
    assert seen == [2, 3, 5]  # {0} and {1}; then with and without 5; then all of them
    alone = torch.cat([engine.measure([one], prompts, METRIC) for one in variants])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
    expected = torch.stack([naive_logit_diff(model, one, prompts, engine.resampled(prompts)) for one in variants])
    torch.testing.assert_close(together, expected, atol=2e-5, rtol=1e-4)


def test_an_edit_that_is_never_written_is_an_error(monkeypatch):
    monkeypatch.setattr(Edits, "write_stream", lambda *_: None)
    with pytest.raises(RuntimeError, match="never applied"):
        together = Variant((Edit("z", 0, 0, "query"), Edit("mlp_out", 1, query="query")))
        Engine(random_model("gpt2")).measure([together], random_prompts(), METRIC)


def test_a_model_with_other_blocks_is_run_by_its_own():
    model, prompts = random_model("llama"), random_prompts()
    model.cfg.use_logn_attn = True  # without effect on prompts as short as these
    engine = Engine(model)
    assert "use_logn_attn" in engine.reason_against_blocks
    variant = Variant((Edit("edge", 0, 1, "query", "key"), Edit("z", 1, 2, 4, source="corrupted")))
    expected = naive_logit_diff(model, variant, prompts, engine.resampled(prompts))
    torch.testing.assert_close(engine.measure([variant], prompts, METRIC)[0], expected, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("by_hooks", [True, False])
def test_a_parallel_block_has_no_stream_between_attention_and_mlp(by_hooks):
    engine, prompts = Engine(random_model("parallel"), by_hooks=by_hooks), random_prompts()
    with pytest.raises(UserError, match="'resid_mid' does not exist in this model"):
        engine.measure([Variant.of(Edit("resid_mid", 1, query=3))], prompts, METRIC)
    engine.measure([Variant.of(Edit("resid_pre", 1, query=3))], prompts, METRIC)


def test_a_hook_that_somebody_left_on_the_model_counts():
    model, prompts = random_model("gpt2"), random_prompts()
    model.add_hook("blocks.1.attn.hook_z", lambda act, hook: act * 0.5, is_permanent=True)
    engine = Engine(model)
    assert "hook on attn.hook_z" in engine.reason_against_blocks
    logits, rows = model(prompts.clean)[:, prompts.query_index], torch.arange(len(prompts))
    expected = logits[rows, prompts.answer] - logits[rows, prompts.foil]
    torch.testing.assert_close(engine.read(prompts, METRIC, "clean"), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_gpu_gives_the_same_numbers(family):
    model, prompts, rng = random_model(family), with_prefix(random_prompts(), 2), random.Random(0)
    variants = [random_variant(rng, prompts, Engine(model).sizes) for _ in range(60)]
    on_cpu = Engine(model).measure(variants, prompts, METRIC)
    model.to("cuda", print_details=False)
    torch.testing.assert_close(Engine(model).measure(variants, prompts, METRIC), on_cpu, atol=1e-4, rtol=1e-4)
