"""Shapes are checked while the tests run: jaxtyping's annotations by beartype, in every module of the library."""

from __future__ import annotations

import os

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"

from jaxtyping import install_import_hook

install_import_hook(["interp.analysis", "interp.interventions", "interp.metrics"], "beartype.beartype")

import torch  # noqa: E402

torch.set_num_threads(2)


@pytest.fixture(autouse=True)
def _own_cache(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test touches the user's cache, except those on the packaged model."""
    if request.node.get_closest_marker("real") is None:
        monkeypatch.setenv("INTERP_CACHE", str(tmp_path_factory.mktemp("cache")))
