"""Circuits of whole heads must be the heads that were planted."""

from __future__ import annotations

import pytest

from interp.probes.attention_edges import AttentionEdges
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


@pytest.fixture(scope="module")
def held_against():
    """What a circuit of nodes and one of edges are held against, in a model of one head that copies and one that disturbs."""
    plants = (Plant(1, 2, gain=2.0), Plant(2, 0, gain=0.2))
    nodes = CircuitNodes(orders=("exact",), random_sets=200)
    edges = AttentionEdges(orders=("integrated",), random_sets=200, seeds=1)
    return findings(study_of(planted_model(*plants), nodes, edges, n_prompts=14))


@pytest.mark.parametrize("kind", ["circuit_nodes", "attention_edges"])
def test_random_sets_of_the_circuits_size_explain_what_they_hold_of_it(held_against, kind):
    # The head alone carries 2 of 2.2; a random set, nothing but where it is one of the two.
    for way in ("sufficient", "necessary"):
        random = held_against[kind]["random"][way]
        assert (random["n"], random["sets"]) == (1, 200)
        assert random["chosen"] == pytest.approx(2 / 2.2, abs=1e-3)
        assert random["median"] == pytest.approx(0, abs=1e-3)
        # One of 12 heads is drawn more often than one time in 20, one of 252 edges is not.
        assert random["high"] == pytest.approx(2 / 2.2 if kind == "circuit_nodes" else 0, abs=1e-3)


@pytest.mark.parametrize("kind", ["circuit_nodes", "attention_edges"])
def test_arbitrary_answers_are_not_carried(held_against, kind):
    """The heads copy the token at the key, and the arbitrary answer stands nowhere, but for chance."""
    found, nonsense = held_against[kind], held_against[kind]["nonsense"]
    assert abs(nonsense["of_real"]["share"]) < 0.5
    for way in ("sufficient", "necessary"):
        curve = nonsense["curves"][way]
        assert [point["n"] for point in curve] == [point["n"] for point in found["curves"][way]]
        assert curve[-1]["share"] == pytest.approx(nonsense["of_real"]["share"], abs=1e-4)
    assert nonsense["defined"] == (nonsense["needed"] is not None)


def test_controls_are_left_out_where_nobody_asks_for_them():
    probe = CircuitNodes(orders=("exact",), random_sets=0, nonsense=False)
    found = findings(study_of(planted_model(*ONE), probe, n_prompts=14))["circuit_nodes"]
    assert found["random"] is None
    assert found["nonsense"] is None


def test_the_first_re_ranking_takes_the_effects_that_the_order_exact_measured(monkeypatch):
    plants = (Plant(0, 0, gain=3.0), Plant(1, 1, gain=-3.0), Plant(2, 2, gain=2.0))
    reduced, left = CircuitNodes.reduced, []

    def counting(probe, study, here, candidates, kept):
        left.append(int(kept.sum()))
        return reduced(probe, study, here, candidates, kept)

    monkeypatch.setattr(CircuitNodes, "reduced", counting)

    def asked(*orders):
        left.clear()
        probe = CircuitNodes(orders=orders, seeds=1, random_sets=0, nonsense=False)
        study = study_of(planted_model(*plants), probe, n_prompts=14)
        probe.run(study)
        best = [half[:3].tolist() for half in study.notes[probe.label].by_half["reranked"][0]]
        return best, list(left)

    best, steps = asked("reranked")
    same, fewer = asked("exact", "reranked")
    assert same == best
    assert set(steps) == {12, 6, 3, 2, 1}
    assert fewer == [n for n in steps if n != 12]
