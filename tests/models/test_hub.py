"""The hub: unknown names, and an unreachable hub answered at once."""

from __future__ import annotations

import json
import socket
import time

import pytest
from huggingface_hub import constants

from interp.errors import UserError
from interp.models import HubModel, Processing, hub, load_model, model_dimensions
from interp.models.names import official_name
from tests.tiny_families import write_tiny
from tests.tiny_models import write_tiny_gpt2


@pytest.fixture(autouse=True)
def _no_local_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def test_an_unreachable_hub_is_one_sentence_at_once_that_names_the_alternatives(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # the discard port: refused
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


def cache(tmp_path, official, write):
    """Write a model into the hub's local cache, as its client lays it out."""
    place = tmp_path / "hub" / f"models--{official.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("c0ffee")
    write(place / "snapshots" / "c0ffee")
    return place / "snapshots" / "c0ffee"


def test_a_cached_model_is_used_without_the_hub(tmp_path):
    cache(tmp_path, "gpt2", write_tiny_gpt2)
    loaded = load_model(HubModel(name="gpt2-small"))
    assert (loaded.info.source, loaded.info.origin) == ("hub", "hub gpt2 at c0ffee")
    assert loaded.info.n_layers == model_dimensions(HubModel(name="gpt2"))[0].n_layers == 3


@pytest.mark.parametrize("lost", ["tokenizer.json", "model-00002-of-00002.safetensors"])
def test_a_cached_model_that_is_not_whole_is_fetched_again(tmp_path, lost):
    folder = cache(tmp_path, "gpt2", write_tiny_gpt2)
    parts = [f"model-0000{part}-of-00002.safetensors" for part in (1, 2)]
    for part in parts:
        (folder / part).write_bytes((folder / "model.safetensors").read_bytes())
    index = {"weight_map": {"a": parts[0], "b": parts[1]}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert hub.cached("gpt2", None) == folder
    (folder / lost).unlink()
    with pytest.raises(UserError, match="not in the local cache"):
        load_model(HubModel(name="gpt2"))


def test_a_cached_model_with_pickled_weights_only_is_refused(tmp_path, monkeypatch):
    folder = cache(tmp_path, "gpt2", write_tiny_gpt2)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    monkeypatch.setattr(hub, "_reachable", lambda name: None)
    with pytest.raises(UserError, match="no safetensors on the hub, and pickled weights are never loaded"):
        load_model(HubModel(name="gpt2"))


def test_a_hub_that_never_answers_is_given_up(monkeypatch):
    """A listening port that accepts and stays silent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setattr(hub, "SECONDS", 0.5)
        started = time.monotonic()
        with pytest.raises(UserError, match="cannot be reached"):
            load_model(HubModel(name="gpt2"))
        assert time.monotonic() - started < 3


def test_our_table_of_names_is_transformer_lens_own():
    from transformer_lens.loading_from_pretrained import make_model_alias_map

    theirs = make_model_alias_map()
    assert {name: official_name(name) for name in theirs} == theirs


@pytest.mark.parametrize("on", [True, False])
def test_another_family_goes_through_transformer_lens(tmp_path, on):
    """A random Bloom in place of bloom-560m."""
    import torch
    from transformers import BloomForCausalLM

    folder = cache(tmp_path, "bigscience/bloom-560m", lambda folder: write_tiny(folder, "bloom"))
    processing = Processing(fold_ln=on, center_writing_weights=on, center_unembed=on, fold_value_biases=on)
    loaded = load_model(HubModel(name="bloom-560m", processing=processing))
    assert (loaded.info.architecture, loaded.info.n_layers, loaded.info.n_heads) == ("BloomForCausalLM", 3, 4)
    assert loaded.info.processing == dict.fromkeys(Processing.model_fields, on)
    assert loaded.hooked.tokenizer is None
    tokens = torch.randint(2, 100, (2, 9), generator=torch.Generator().manual_seed(0))
    theirs = BloomForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.no_grad():
        expected = theirs(tokens).logits.log_softmax(-1)
        torch.testing.assert_close(loaded.hooked(tokens).log_softmax(-1), expected, atol=1e-4, rtol=1e-4)
    assert model_dimensions(HubModel(name="bloom-560m")) is None
