"""The estimate of memory: what it counts, and, slowly, how far it is from what a run takes."""

from __future__ import annotations

import sys

import pytest

from benchmarks.peak_memory import Point, measure
from interp.analysis.findings_of_run import Sizes
from interp.runs.circuit.memory import weight_bytes

SIZES = Sizes(
    name="m",
    architecture="LlamaForCausalLM",
    n_layers=2,
    n_heads=4,
    n_kv_heads=2,
    d_model=32,
    d_head=8,
    d_mlp=48,
    d_vocab=100,
    n_ctx=32,
    gated_mlp=True,
)
QKV, OUT, MLP, EMBEDDINGS = 32 * 8 * (4 + 2 * 2), 32 * 8 * 4, 3 * 32 * 48, 2 * 100 * 32


def test_weights_are_counted_as_they_are_held():
    """float32: queries, keys and values twice. Half precision: all blocks again, in float32."""
    block = QKV + OUT + MLP
    assert weight_bytes(SIZES, "float32") == (4 * (2 * block + EMBEDDINGS), 4 * 2 * QKV)
    for half in ("bfloat16", "float16"):
        assert weight_bytes(SIZES, half) == (2 * (2 * block + EMBEDDINGS), 4 * 2 * block)


def test_half_precision_takes_more_than_half():
    wide = SIZES.model_copy(update={"n_layers": 24, "d_model": 512, "d_head": 64, "d_mlp": 2048})
    full, half = (sum(weight_bytes(wide, dtype)) for dtype in ("float32", "bfloat16"))
    assert half > full


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's own peak")
@pytest.mark.parametrize(
    "point",
    [Point(200, 1, "focus"), Point(24, 12, "measuring", "wide", draws=False)],
    ids=lambda p: f"{p.tokens}x{p.prompts}",
)
def test_the_estimate_is_within_a_quarter_of_the_peak(point, tmp_path):
    found = measure(point, tmp_path)
    assert found.estimate == pytest.approx(found.peak, rel=0.25)
