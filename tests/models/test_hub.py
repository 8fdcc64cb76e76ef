"""The hub: unknown names, and an unreachable hub answered at once."""

from __future__ import annotations

import time

import pytest
from huggingface_hub import constants

from interp.errors import UserError
from interp.models import HubModel, hub, load_model, model_dimensions
from tests.tiny_models import write_tiny_gpt2


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
