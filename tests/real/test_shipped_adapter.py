"""The sparse adapter that ships with the project: what its description says, on the analysis side and on the training side."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from rich.console import Console

from interp.models import PackagedModel, load_model
from interp.models.config import SparseModel
from interp.models.gated_attention import Gate, attach, set_head_bias
from interp.models.load import load_dense
from interp.models.sparse_checkpoint import head_biases_for, merged, read_checkpoint
from interp.sparsify.evaluate import evaluate
from interp.sparsify.text import sequences
from interp.sparsify.text_config import SampledText, Text

pytestmark = [pytest.mark.real, pytest.mark.timeout(2400)]
CHECKPOINT = Path(__file__).parent.parent.parent / "checkpoints" / "smollm2-sparse"
TEXT = (
    "The town lies where two rivers meet. In winter the water is low and grey, and people cross it on foot; in spring it "
    "carries wood and broken ice down from the hills, and the old bridge is closed. Most of the houses were built by the "
    "same family of masons, who came from the south and stayed because the stone was good."
)


@pytest.fixture(scope="module")
def both():
    """The dense model; the sparse one through Hugging Face, its masks on a paragraph kept, and as a HookedTransformer."""
    dense, base = load_dense(PackagedModel()), load_dense(PackagedModel())
    tokens = torch.tensor([dense.tokenizer(TEXT, add_special_tokens=False)["input_ids"]])
    about = read_checkpoint(CHECKPOINT)
    untrained, gate = Gate(about.bias, about.gate), Gate(about.bias, about.gate)
    attach(base.hf_model, untrained)
    with torch.no_grad(), untrained.running("infer"):
        base.hf_model(tokens)
    sparse = merged(base.hf_model, CHECKPOINT, dense.weights_sha256)
    attach(sparse, gate)
    shape = sparse.config.num_hidden_layers, sparse.config.num_attention_heads
    set_head_bias(sparse, *head_biases_for(about, CHECKPOINT, *shape))
    with torch.no_grad(), gate.running("infer", keep_masks=True):
        logits = sparse(tokens).logits
    hooked = load_model(PackagedModel(sparse=SparseModel(checkpoint=str(CHECKPOINT)))).hooked
    return SimpleNamespace(
        **{"dense": dense.hf_model, "tokenizer": dense.tokenizer, "weights_sha256": dense.weights_sha256},
        **{
            "sparse": sparse,
            "gate": gate,
            "untrained": untrained,
            "hooked": hooked,
            "tokens": tokens,
            "logits": logits,
        },
        **{"masks": gate.masks, "prose_density": (gate.measured, untrained.measured)},
    )


def test_both_sides_open_the_same_edges_and_say_the_same(both):
    tokens, logits, masks, hooked = both.tokens, both.logits, both.masks, both.hooked
    with torch.no_grad():
        ours, cache = hooked.run_with_cache(tokens)
    centred = [one - one.mean(-1, keepdim=True) for one in (logits, ours)]
    assert (centred[0] - centred[1]).abs().max() < 1e-3
    n_layers, causal = len(masks), tokens.shape[1] * (tokens.shape[1] + 1) / 2
    differing = sum(
        int((masks[layer][0] != cache[f"blocks.{layer}.attn.hook_gate"][0].bool()).sum()) for layer in range(n_layers)
    )
    # Two ways of summing the same products: a score may fall on either side of 0 within rounding.
    assert differing <= 1e-4 * n_layers * hooked.cfg.n_heads * causal


def test_short_prose_opens_fewer_edges_than_without_training(both):
    """A paragraph has few far edges that could be shut, and is not what the adapter was judged on."""
    trained, untrained = both.prose_density
    assert trained < 0.5 * untrained


def test_fresh_text_of_the_dense_model_gives_the_numbers_of_the_description(both):
    """Sampled anew with another seed: the density is that of the description, which is of READMEs; the loss is above the
    description's, as the dense model's own text always costs more (+0.171 was measured)."""
    trained = read_checkpoint(CHECKPOINT).trained
    text = Text(of=SampledText(sequences=24, begin="<|endoftext|>"), context=trained["context"], held_out=0.5)
    made = sequences(text, both.dense, both.tokenizer, 1, both.weights_sha256, Console(quiet=True))
    judged = evaluate(
        both.sparse, both.gate, lambda tokens: both.dense(tokens).logits, torch.cat([made.train.tokens, made.held_out])
    )
    assert judged.density == pytest.approx(trained["density"], abs=0.01)
    error = 3 * float(judged.excess.std() / len(judged.excess) ** 0.5)
    assert trained["above_dense"] - error < judged.above_dense < 0.171 + error


def test_other_text_costs_no_more(both):
    """This project's own documents, which neither the sampling nor the training has seen."""
    root = CHECKPOINT.parent.parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in [root / "README.md", *sorted(root.glob("docs/*.md"))])
    tokens = torch.tensor(both.tokenizer(text, add_special_tokens=False)["input_ids"][: 24 * 128]).view(-1, 128)
    judged = evaluate(both.sparse, both.gate, lambda part: both.dense(part).logits, tokens)
    assert judged.density < 0.05
    assert judged.above_dense < 0.1


def test_its_description_is_that_of_its_log():
    """The stages that it is the mean of are those of the log and the frontier beside it."""
    trained = read_checkpoint(CHECKPOINT).trained
    assert [one["weight"] for one in trained["averaged"]] == [0.15, 0.2, 0.65]
    for stage, which in zip(trained["averaged"], ("", "_on", ""), strict=True):
        stages, log = pd.read_csv(CHECKPOINT / f"frontier{which}.csv"), pd.read_csv(CHECKPOINT / f"log{which}.csv")
        row = stages[(stages["stage"] == stage["stage"]) & stages["target"].notna()].iloc[0]
        assert stage["density"] == pytest.approx(row["density"])
        assert stage["above_dense"] == pytest.approx(row["above_dense"])
        assert stage["steps"] == log.loc[log["stage"] == stage["stage"], "step"].iloc[-1]
    assert trained["density"] <= 0.031
    assert trained["above_dense"] <= 0.11
