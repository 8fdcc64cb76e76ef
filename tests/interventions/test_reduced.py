"""Gradients in a reduced model: the attribution estimate where nothing is removed, exact where everything is linear."""

from __future__ import annotations

import numpy as np
import pytest

from interp.interventions.edits import Edit, Variant
from tests.causal.planted import KEY, MIDDLE, OUTPUT, QUERY, Plant, planted_model, study_of

MIDPOINT = 4
TWO_HOPS = (
    Plant(0, 1, gain=1.0, key=KEY, query=MIDPOINT, writes=MIDDLE),
    Plant(2, 3, gain=2.0, key=MIDPOINT, query=QUERY, reads=MIDDLE, writes=OUTPUT),
)
FIRST, SECOND = (0, 1, MIDPOINT, KEY), (2, 3, QUERY, MIDPOINT)
EDGES = [
    Edit("edge", layer, head, query, key, "corrupted")
    for layer in range(3)
    for head in range(4)
    for query in range(1, 7)
    for key in range(1, query + 1)
]
PLACES = [(edge.layer, edge.head, edge.query, edge.key) for edge in EDGES]


def effects(study, removed=(), steps=1):
    kept = np.array([place not in removed for place in PLACES])
    found = study.edge_effects(study.select("all")[0], EDGES, kept, steps)
    return dict(zip(PLACES, found.mean(axis=0), strict=True))


@pytest.mark.parametrize("kv_heads", [None, 2])
def test_with_every_edge_in_place_it_is_the_attribution_estimate(kv_heads):
    study = study_of(planted_model(*TWO_HOPS, kv_heads=kv_heads))
    estimated = study.measure([Variant.of(edge) for edge in EDGES], study.select("all"), "attribution")
    wanted = estimated.groupby("variant")["effect"].mean().to_numpy()
    assert list(effects(study).values()) == pytest.approx(wanted.tolist(), abs=1e-4)


@pytest.mark.parametrize("steps", [1, 3])
def test_each_hop_is_worth_the_whole_effect(steps):
    found = effects(study_of(planted_model(*TWO_HOPS)), steps=steps)
    # The answer's logit goes from 2 to 0 and the foil's from 0 to 2.
    assert found.pop(FIRST) == pytest.approx(-4.0, abs=1e-3)
    assert found.pop(SECOND) == pytest.approx(-4.0, abs=1e-3)
    assert max(map(abs, found.values())) < 1e-3


def test_a_hop_is_worth_nothing_once_the_other_is_gone():
    found = effects(study_of(planted_model(*TWO_HOPS)), removed={FIRST})
    assert max(map(abs, found.values())) < 1e-3
