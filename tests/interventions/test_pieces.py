"""Edits as columns: what was asked for before changes nothing, and large sets cost little more than the layers they run in."""

from __future__ import annotations

import dataclasses
import itertools
import random

import numpy as np
import pytest
import torch

from interp.errors import UserError
from interp.interventions import Edit, Engine, Variant
from interp.interventions.cells import cells_of
from interp.interventions.live import LiveCells
from interp.interventions.pieces import Pieces
from tests.interventions.models import random_model, random_prompts
from tests.interventions.test_wave import METRIC, N_LAYERS, N_TOKENS, random_edit, random_variant

WHOLE = [
    Edit("edge", layer, head, query, key, "corrupted")
    for layer in range(N_LAYERS)
    for head in range(4)
    for query in range(1, N_TOKENS + 1)
    for key in range(1, query + 1)
]


def some_edits(prompts, sizes, n, seed=0):
    """Random edits that exist."""
    rng, found = random.Random(seed), []
    while len(found) < n:
        edit = random_edit(rng)
        try:
            cells_of(edit, prompts, sizes)
        except UserError:
            continue
        found.append(edit)
    return found


def test_columns_that_grew_bit_by_bit_are_those_made_at_once():
    prompts, sizes = random_prompts(), Engine(random_model("llama")).sizes
    cells = list(dict.fromkeys(tuple(cells_of(edit, prompts, sizes)) for edit in some_edits(prompts, sizes, 60)))
    slowly, at_once = Pieces(), Pieces()
    for one in cells:
        slowly.number(one)
        assert len(slowly.columns.layer) == slowly.number(one) + 1
    for one in cells:
        at_once.number(one)
    for left, right in ((slowly.columns, at_once.columns), (slowly.cell_columns, at_once.cell_columns)):
        for name, column in vars(left).items():
            assert np.array_equal(column, vars(right)[name]), name
    every = [cell for one in cells for cell in one]
    numbers = np.array(random.Random(0).choices(range(len(cells)), k=40))
    wanted = [cell for number in numbers for cell in cells[number]]
    assert [every[number] for number in slowly.cells_of(numbers)] == wanted
    assert slowly.columns.first[numbers].tolist() == [min(c.position for c in cells[n]) for n in numbers]
    assert slowly.columns.last[numbers].tolist() == [max(c.position for c in cells[n]) for n in numbers]


@pytest.mark.parametrize("seed", range(4))
def test_numbers_do_not_depend_on_what_was_asked_before(seed):
    rng, model, prompts = random.Random(seed), random_model("llama"), random_prompts(n_prompts=3)
    engine = Engine(model)
    orders = [rng.sample(WHOLE, len(WHOLE)) for _ in range(2)]
    sets = [Variant(tuple(order[n:]), n_kept=n) for order in orders for n in (1, 2, 3, 10, 40, 200)]
    others = [random_variant(rng, prompts, engine.sizes) for _ in range(40)]
    asked = [*sets, *others]
    fresh = engine.measure(asked, prompts, METRIC)
    used = Engine(model)
    used.measure([random_variant(rng, prompts, used.sizes) for _ in range(40)], prompts, METRIC)
    used.measure([Variant.of(edit) for edit in reversed(WHOLE)], prompts, METRIC)
    assert torch.equal(used.measure(asked, prompts, METRIC), fresh)
    # Equal edits are the same, whatever object they are.
    again = [Variant(tuple(Edit(**vars(edit)) for edit in variant.edits), base=variant.base) for variant in asked]
    assert torch.equal(used.measure(again, prompts, METRIC), fresh)


def test_edits_known_by_their_objects_are_forgotten_when_there_are_too_many(monkeypatch):
    monkeypatch.setattr("interp.interventions.live.MOST_KEPT", 50)
    prompts = random_prompts()
    live = LiveCells(prompts, Engine(random_model("llama")).sizes)
    for begin in (0, 20, 45):
        here = Variant(tuple(WHOLE[begin : begin + 30]))
        unlimited = LiveCells(prompts, live._sizes)
        assert live.cells(here) == unlimited.cells(here)
        assert len(live._held) <= 50
    # More than may be kept at once are known all the same.
    everything = [Variant(tuple(WHOLE))]
    assert live.of(everything)[0].tolist() == LiveCells(prompts, live._sizes).of(everything)[0].tolist()


@pytest.mark.parametrize("by_hooks", [False, True])
@pytest.mark.parametrize("source", ["zero", "mean", "corrupted"])
def test_what_two_edits_replace_alike_is_replaced_once(source, by_hooks):
    one = Edit("edge", 1, 2, 6, 3, source)
    whole = Edit("edge", 1, None, 6, 3, source)
    more = Edit("edge", 1, 2, 6, None, source)
    wide = [Edit("edge", 1, 2, 6, key, source) for key in range(1, 7)]
    others = [Edit("edge", 1, head, 6, 3, source) for head in (0, 1, 3)]
    engine = Engine(random_model("llama"), by_hooks=by_hooks)
    same = [
        [(one,), (one, one), (one, one, one)],
        [(whole,), (whole, one), (one, whole), (one, *others)],
        [(more,), (one, more), (more, one), tuple(wide)],
    ]
    for sets in same:
        first, *rest = engine.measure([Variant(edits) for edits in sets], random_prompts(), METRIC)
        for other in rest:
            torch.testing.assert_close(other, first)
    effects = engine.measure([Variant(sets[0]) for sets in same], random_prompts(), METRIC)
    assert min((left - right).abs().max() for left, right in itertools.pairwise(effects)) > 1e-4


def test_one_activation_cannot_have_two_values():
    engine, prompts = Engine(random_model("llama")), random_prompts()
    for edits in (
        (Edit("edge", 1, 2, 6, 3, "zero"), Edit("edge", 1, None, 6, 3, "corrupted")),
        (
            Edit("z", 1, 2, 6, source="mean", reference="clean"),
            Edit("z", 1, 2, 6, source="mean", reference="corrupted"),
        ),
        (Edit("resid_pre", 1, query=6), Edit("resid_pre", 1, query="query", source="corrupted")),
    ):
        with pytest.raises(UserError, match=f"gives the same {edits[0].site} two values: Edit.* and Edit"):
            engine.measure(
                [Variant(edits)], dataclasses.replace(prompts, roles={**prompts.roles, "query": (6,)}), METRIC
            )
    # At different places, or where nobody can read them, two values are no contradiction.
    fine = (
        Edit("edge", 1, 2, 6, 3, "zero"),
        Edit("edge", 1, 2, 6, 2, "corrupted"),
        Edit("edge", 1, 2, 5, 3, "corrupted"),
    )
    assert engine.measure([Variant(fine)], prompts, METRIC).isfinite().all()
