"""Modulation, spans, agreement, the position grid and the summary table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from interp.analysis.agreement import agreement
from interp.analysis.bootstrap import Bootstrap
from interp.analysis.grid import connectivity, drift, position_grid, strongest_edges
from interp.analysis.modulation import modulation_curve
from interp.analysis.seeding import generator
from interp.analysis.spans import layer_span
from interp.analysis.summary import summarise_effects


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=8))
def test_modulation_starts_at_nothing_and_ends_at_the_selected_sets_share(gains):
    # In an additive model with total effect 2, the heads of layer l add gains[l].
    below = np.concatenate([[0], np.cumsum(gains)])[None].repeat(4, axis=0) + 1
    boot = Bootstrap(list("abcd"), 100, 0.95, generator(0, "test"))
    found = modulation_curve(below, np.full(4, 3.0), boot)
    assert found.curve[0].mean == 0
    assert found.curve[-1].mean == pytest.approx(sum(gains) / 2, abs=1e-9)
    rises = [step.rise for step in found.steps]
    assert rises == sorted(rises, reverse=True)
    assert sum(rises) == pytest.approx(sum(gain for gain in gains if gain > 0) / 2, abs=1e-6)


def test_a_span_reports_its_gaps():
    sizes = [0.2, 0.0, -0.06, 0.04, 0.05, 0.01]
    span = layer_span([(size, size) for size in sizes], 0.05)
    assert (span.layers, span.first, span.last, span.gaps) == ((0, 2, 4), 0, 4, (1, 3))
    unsure = layer_span([(0.05, 0.3), (0.04, 0.3), (-0.3, -0.05), (-0.3, 0.3)], 0.05)
    assert unsure.layers == (0, 2)  # the whole interval must lie beyond the threshold
    nothing = layer_span([(0.01, 0.01), (0.0, 0.0)], 0.05)
    assert (nothing.layers, nothing.first, nothing.last, nothing.gaps) == ((), None, None, ())


def test_agreement_with_scipy_and_degenerate_input():
    exact = np.array([1.0, -4.0, 2.0, 0.5, 0.0])
    estimated = np.array([1.5, -3.0, 1.0, 0.7, 0.1])
    found = agreement(exact, estimated, top_k=2)
    assert found.pearson == pytest.approx(stats.pearsonr(exact, estimated)[0])
    assert found.spearman == pytest.approx(stats.spearmanr(exact, estimated)[0])
    assert (found.overlap, found.n_variants) == (1, 5)
    assert agreement(np.zeros(5), estimated, 2).pearson is None


def edges(rows):
    return pd.DataFrame(rows, columns=["layer", "key_label", "query_label", "mean"])


def test_the_position_grid_takes_the_largest_edge_of_each_side():
    grid = position_grid(edges([(0, "1", "3", -0.5), (0, "2", "3", 0.01), (1, "3", "3", 0.2)]), threshold=0.1, gap=2.0)
    cells = grid.set_index(["layer", "position"])
    assert cells.loc[(0, 1), ["is_key", "is_query"]].tolist() == [True, False]
    assert cells.loc[(0, 3), ["is_key", "is_query"]].tolist() == [False, True]
    assert cells.loc[(0, 2), ["is_key", "is_query"]].tolist() == [False, False]
    assert cells.loc[(1, 3), ["is_key", "is_query"]].tolist() == [True, True]


def test_drift_of_key_positions():
    found = drift(edges([(layer, str(layer + 1), "9", -1.0) for layer in range(7)]), "key")
    assert found.rho == pytest.approx(1.0)
    assert (found.early, found.late) == (1.5, 5.5)
    assert found.n_layers == 6  # the last layer can only write at the query, and says nothing
    moved_at_the_end = [(layer, "2", "9", 1.0) for layer in range(6)] + [(6, "9", "9", 1.0)]
    assert drift(edges(moved_at_the_end), "key") is None
    assert drift(edges([(layer, "1", "9", 1.0) for layer in range(6)]), "key") is None


def test_connectivity_counts_the_fewest_edges():
    found = connectivity(edges([(0, "1", "2", size) for size in (8.0, -1.0, 0.5, 0.5)]), share=0.8)
    assert (found.n_needed, found.n_edges) == (1, 4)
    assert connectivity(edges([(0, "1", "2", 1.0)] * 10), share=0.8).n_needed == 8


def test_the_summary_equals_group_by_and_does_not_mix_prompts():
    rng = np.random.default_rng(0)
    rows = [
        {"layer": layer, "prompt": prompt, "pair": f"pair{prompt // 2}", "effect": rng.normal()}
        for layer in range(3)
        for prompt in range(6 if layer < 2 else 4)
    ]
    table = pd.DataFrame(rows).assign(
        **{"model": "m", "probe": "p", "kind": "k", "part": "", "method": "exact", "base": "clean", "source": "zero"},
        **{"site": "z", "head": 0, "query_label": "", "key_label": "", "group": "", "n_kept": None},
    )
    table["normalised"], table["value"] = table["effect"] / 2, table["effect"] + 1
    shuffled = table.sample(frac=1, random_state=1)
    summary = summarise_effects(shuffled, 500, 0.95, seed=0).sort_values("layer").reset_index(drop=True)
    expected = table.groupby("layer")["effect"].mean()
    assert summary["mean"].tolist() == pytest.approx(expected.tolist())
    assert summary["n"].tolist() == [6, 6, 4]
    assert summary["n_pairs"].tolist() == [3, 3, 2]
    assert (summary["value_mean"] - summary["mean"]).tolist() == pytest.approx([1, 1, 1])
    assert ((summary["ci_low"] <= summary["mean"]) & (summary["mean"] <= summary["ci_high"])).all()
    alone = summarise_effects(table[table["layer"] == 1], 500, 0.95, seed=0)
    assert alone["ci_low"].iloc[0] == summary["ci_low"].iloc[1]


def test_query_positions_have_a_drift_of_their_own():
    rows = edges([(layer, str(layer + 1), "9", 1.0) for layer in range(5)] + [(5, "1", "8", 1.0), (6, "1", "8", 1.0)])
    assert drift(rows, "query").rho < 0


def test_the_strongest_edges_by_layer():
    rows = edges(
        [(0, "1", "2", 0.5), (0, "1", "1", -2.0), (1, "1", "1", 1.0), (2, "3", "4", 0.01), (3, "5", "8", -1.0)]
    )
    assert strongest_edges(rows, threshold=0.05, gap=-4.0) == [(1, 1, [0, 1]), (5, 8, [3])]
