"""Circuits of whole heads must be the heads that were planted."""

from __future__ import annotations

import pytest

from interp.probes.circuit_nodes import CircuitNodes
from tests.causal.planted import Plant, findings, planted_model, study_of
from tests.causal.test_planted import ONE, TWO_HOPS


@pytest.mark.parametrize("order", ["exact", "reranked"])
def test_the_circuit_of_two_hops_has_two_heads(order):
    probe = CircuitNodes(orders=(order,), nodes="heads_and_mlps")
    found = findings(study_of(planted_model(*TWO_HOPS), probe, n_prompts=14))["circuit_nodes"]
    for first in found["first"]:
        assert set(first[:2]) == {"L0-H1", "L2-H3"}
    # One of the two does nothing alone, nor do the other ten.
    sufficient, necessary = ([p["share"] for p in found["curves"][name]] for name in ("sufficient", "necessary"))
    assert sufficient[:3] == pytest.approx([0.0, 0.0, 1.0], abs=1e-3)
    assert necessary[:3] == pytest.approx([0.0, 1.0, 1.0], abs=1e-3)
    assert found["needed"]["sufficient"]["0.9"] == {
        "n": pytest.approx(1.9, abs=1e-2),
        "low": 1.9,
        "high": 1.9,
        "mlps": 0,
    }
    assert found["n_candidates"] == 12  # these blocks have no MLP


def test_a_head_that_only_undoes_another_is_ranked_by_what_it_does_in_the_model_that_is_left():
    # The second head takes away what the first gives; a third gives the same: alone, each of the first two looks large.
    plants = (Plant(0, 0, gain=3.0), Plant(1, 1, gain=-3.0), Plant(2, 2, gain=2.0))
    for order, enough in (("exact", 3), ("reranked", 3)):
        found = findings(study_of(planted_model(*plants), CircuitNodes(orders=(order,)), n_prompts=14))["circuit_nodes"]
        assert {"L0-H0", "L1-H1", "L2-H2"} == set(found["first"][0][:enough])
        assert found["curves"]["sufficient"][3]["share"] == pytest.approx(1.0, abs=1e-3)


def test_nodes_may_be_replaced_by_their_mean():
    found = findings(study_of(planted_model(*ONE), CircuitNodes(source="mean", orders=("exact",)), n_prompts=14))
    assert found["circuit_nodes"]["first"][0][0] == "L1-H2"
    assert found["circuit_nodes"]["ablation"] == "mean"
