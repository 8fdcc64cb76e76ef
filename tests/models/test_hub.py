"""The hub: unknown names, and an unreachable hub answered at once."""

from __future__ import annotations

import time

import pytest
from huggingface_hub import constants

from interp.errors import UserError
from interp.models import HubModel, hub, load_model, model_dimensions
from tests.tiny_models import word_tokenizer, write_tiny_gpt2


@pytest.fixture(autouse=True)
def _no_local_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def test_an_unreachable_hub_is_one_sentence_at_once_that_names_the_alternatives(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the discard port: refused
    hub.official_name("gpt2")  # importing TransformerLens is not part of the wait
    started = time.monotonic()
    with pytest.raises(UserError, match=r"cannot be reached .*source: directory .*source: pypi") as caught:
        load_model(HubModel(name="gpt2"))
    assert time.monotonic() - started < hub.SECONDS + 2
    assert "\n" not in str(caught.value)


def test_offline_mode_is_said_to_be_set(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="offline mode is set"):
        load_model(HubModel(name="gpt2"))


def test_an_unknown_name_gets_the_nearest_one():
    with pytest.raises(UserError, match="knows no model 'gpt-2-smal'.*did you mean 'gpt"):
        load_model(HubModel(name="gpt-2-smal"))


def test_a_model_that_is_not_here_has_no_dimensions_yet():
    assert model_dimensions(HubModel(name="gpt2")) is None


def test_a_cached_model_is_used_without_the_hub(tmp_path, monkeypatch):
    snapshot = write_tiny_gpt2(tmp_path / "snapshot")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *a, **k: str(snapshot))
    loaded = load_model(HubModel(name="gpt2"))
    assert loaded.info.source == "hub"
    assert loaded.info.n_layers == 3


def test_another_family_goes_through_transformer_lens(tmp_path, monkeypatch):
    """A random GPT-NeoX in place of pythia-14m, whose config the hub would have to give."""
    import torch
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    tokenizer = word_tokenizer()
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    config = GPTNeoXConfig(
        **sizes, vocab_size=len(tokenizer), max_position_embeddings=32, architectures=["GPTNeoXForCausalLM"]
    )
    GPTNeoXForCausalLM(config).save_pretrained(tmp_path / "neox")
    tokenizer.save_pretrained(tmp_path / "neox")
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *a, **k: str(tmp_path / "neox"))
    monkeypatch.setattr("transformer_lens.loading_from_pretrained.AutoConfig.from_pretrained", lambda *a, **k: config)
    loaded = load_model(HubModel(name="pythia-14m"))
    assert (loaded.info.architecture, loaded.info.n_layers, loaded.info.n_heads) == ("GPTNeoXForCausalLM", 2, 4)
    tokens = torch.randint(2, 100, (2, 9))
    theirs = GPTNeoXForCausalLM.from_pretrained(tmp_path / "neox", attn_implementation="eager").eval()
    with torch.no_grad():
        expected = theirs(tokens).logits.log_softmax(-1)
        torch.testing.assert_close(loaded.hooked(tokens).log_softmax(-1), expected, atol=1e-4, rtol=1e-4)
    assert model_dimensions(HubModel(name="pythia-14m")) is None
