"""The arithmetic floor on a case worked out by hand."""

from __future__ import annotations

import pytest

from benchmarks.floor import Shape, base_flops, cells_flops, floor_flops
from benchmarks.prompts import random_prompts
from benchmarks.workloads import Cell, Workload

# d_model 4, two heads of width 2 on one key-value head, MLP 8 wide and not gated. Operations a token:
SHAPE = Shape(n_layers=3, d_model=4, n_heads=2, n_kv_heads=1, d_head=2, d_mlp=8, gated=False)
Q, KV, OUT, OUT_HEAD, MLP = 32, 32, 32, 16, 128


def count(sweep, *cells, shared=False, n_prompts=1):
    return cells_flops(Workload(sweep, cells), random_prompts(n_prompts, 4, 100, shared=shared), SHAPE)


def test_operations_of_a_token():
    assert (SHAPE.q, SHAPE.kv, SHAPE.o, SHAPE.o_head, SHAPE.mlp) == (Q, KV, OUT, OUT_HEAD, MLP)
    assert SHAPE.block == Q + KV + OUT + MLP
    assert Shape(3, 4, 2, 1, 2, 8, gated=True).mlp == 3 * 64


def test_an_edge_of_the_first_layer():
    """Edge into position 1 of 4. Layer 0: one token. Layer 1: its q, k, v; o and MLP of 1..3. Layer 2: k, v of 1..3,
    the rest of the query position."""
    layer_0 = OUT_HEAD + MLP
    layer_1 = (Q + KV) + 3 * (OUT + MLP)
    layer_2 = 3 * KV + (Q + OUT + MLP)
    assert count("edges", Cell(0, 0, 1, 0)) == layer_0 + layer_1 + layer_2


def test_an_edge_one_below_the_last_layer_and_in_it():
    """Layer 1, position 2: the query's own input is unchanged in the last block, so its query vector is, too."""
    assert count("edges", Cell(1, 0, 2, 0)) == (OUT_HEAD + MLP) + KV + (OUT + MLP)
    assert count("edges", Cell(2, 0, 3, 0)) == OUT_HEAD + MLP
    assert count("edges", Cell(2, 0, 2, 0)) == 0


def test_the_residual_stream():
    """Layer 1, position 1: all of the block for that token, then as above."""
    layer_1 = (Q + KV) + 3 * (OUT + MLP)
    layer_2 = 3 * KV + (Q + OUT + MLP)
    assert count("resid_pre", Cell(1, None, 1)) == layer_1 + layer_2
    assert count("resid_pre", Cell(2, None, 3)) == SHAPE.block
    # Embeddings are the same wherever the tokens are: the runs differ in the first token only.
    assert count("resid_pre", Cell(0, None, 1)) == 0
    assert count("resid_pre", Cell(0, None, 0)) > 0


def test_a_head_at_all_positions():
    """Last layer: the query position only. Below: every token from the first that differs."""
    assert count("heads", Cell(2, 1)) == OUT_HEAD + MLP
    layer_2 = 4 * KV + (Q + OUT + MLP)
    assert count("heads", Cell(1, 1)) == 4 * (OUT_HEAD + MLP) + layer_2
    shared = 2 * (OUT_HEAD + MLP) + 2 * KV + (Q + OUT + MLP)  # runs differ from position 2 on
    assert count("heads", Cell(1, 1), shared=True) == shared
    assert count("heads_by_position", Cell(1, 1, 1), shared=True) == 0


def test_prompts_that_begin_alike_share_rows():
    """Five prompts share two of four tokens: an edge into position 1 changes one row there, and five at 2 and 3."""
    layer_0 = OUT_HEAD + MLP
    layer_1 = (Q + KV) + (1 + 5 + 5) * (OUT + MLP)
    layer_2 = (1 + 5 + 5) * KV + 5 * (Q + OUT + MLP)
    assert count("edges", Cell(0, 0, 1, 0), shared=True, n_prompts=5) == layer_0 + layer_1 + layer_2


@pytest.mark.parametrize(("sweep", "rows", "queries"), [("edges", 4, 1), ("heads", 8, 2)])
def test_unedited_runs(sweep, rows, queries):
    """Patching needs both runs; the last block needs keys and values everywhere and the rest at the query."""
    workload, prompts = Workload(sweep, ()), random_prompts(1, 4, 100, shared=False)
    expected = 2 * rows * SHAPE.block + rows * KV + queries * (Q + OUT + MLP)
    assert base_flops(workload, prompts, SHAPE) == floor_flops(workload, prompts, SHAPE) == expected
    # Two of four tokens are the same in both runs.
    shared = random_prompts(1, 4, 100, shared=True)
    expected = 2 * 6 * SHAPE.block + 6 * KV + 2 * (Q + OUT + MLP)
    if sweep == "heads":
        assert base_flops(workload, shared, SHAPE) == expected
