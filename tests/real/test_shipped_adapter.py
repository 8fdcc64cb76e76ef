"""The sparse adapter that ships with the project: what its description says, on the analysis side and on the training side."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from interp.models import PackagedModel, load_model
from interp.models.config import SparseModel
from interp.models.gated_attention import Gate, attach
from interp.models.load import load_dense
from interp.models.sparse_checkpoint import merged, read_checkpoint

pytestmark = [pytest.mark.real, pytest.mark.timeout(1200)]
CHECKPOINT = Path(__file__).parent.parent.parent / "checkpoints" / "smollm2-sparse"
TEXT = (
    "The town lies where two rivers meet. In winter the water is low and grey, and people cross it on foot; in spring it "
    "carries wood and broken ice down from the hills, and the old bridge is closed. Most of the houses were built by the "
    "same family of masons, who came from the south and stayed because the stone was good."
)


@pytest.fixture(scope="module")
def both():
    """The sparse model through Hugging Face, with its masks kept, and as a HookedTransformer."""
    dense = load_dense(PackagedModel())
    tokens = torch.tensor([dense.tokenizer(TEXT, add_special_tokens=False)["input_ids"]])
    with torch.no_grad():
        plain = dense.hf_model(tokens).logits
    sparse = merged(dense.hf_model, CHECKPOINT, dense.weights_sha256)
    gate = Gate(read_checkpoint(CHECKPOINT).bias)
    attach(sparse, gate)
    with torch.no_grad(), gate.running("infer", keep_masks=True):
        logits = sparse(tokens).logits
    hooked = load_model(PackagedModel(sparse=SparseModel(checkpoint=str(CHECKPOINT)))).hooked
    return tokens, plain, logits, gate, hooked


def loss(logits, tokens):
    return torch.nn.functional.cross_entropy(logits[0, :-1], tokens[0, 1:]).item()


def test_both_sides_open_the_same_edges_and_say_the_same(both):
    tokens, _, logits, gate, hooked = both
    with torch.no_grad():
        ours, cache = hooked.run_with_cache(tokens)
    centred = [one - one.mean(-1, keepdim=True) for one in (logits, ours)]
    assert (centred[0] - centred[1]).abs().max() < 1e-3
    n_layers, causal = len(gate.masks), tokens.shape[1] * (tokens.shape[1] + 1) / 2
    differing = sum(
        int((gate.masks[layer][0] != cache[f"blocks.{layer}.attn.hook_gate"][0].bool()).sum())
        for layer in range(n_layers)
    )
    # Two ways of summing the same products: a score may fall on either side of 0 within rounding.
    assert differing <= 1e-4 * n_layers * hooked.cfg.n_heads * causal


def test_on_text_that_it_never_saw_it_is_sparse_and_still_a_language_model(both):
    tokens, plain, logits, gate, _ = both
    # A short text has few far edges to shut; 19.7 % are open here, 9.5 % in the 128 tokens that it was trained on.
    assert gate.measured < 0.25
    assert loss(logits, tokens) < loss(plain, tokens) + 0.5


def test_its_description_is_that_of_its_log():
    trained = read_checkpoint(CHECKPOINT).trained
    last = pd.read_csv(CHECKPOINT / "frontier.csv").iloc[-1]
    assert trained["density"] == pytest.approx(last["density"])
    assert trained["above_dense"] == pytest.approx(last["above_dense"])
    assert trained["steps"] == pd.read_csv(CHECKPOINT / "log.csv")["step"].iloc[-1]
    assert trained["density"] <= 0.1
    assert trained["above_dense"] <= 0.1
