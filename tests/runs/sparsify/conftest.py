"""Models and a finished run that the tests of training share."""

from __future__ import annotations

import pytest

from tests.runs.sparsify.tiny import config, run
from tests.tiny_models import write_tiny_gpt2, write_tiny_llama


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    return {"llama": write_tiny_llama(folder / "llama"), "gpt2": write_tiny_gpt2(folder / "gpt2")}


@pytest.fixture(scope="session")
def finished(tmp_path_factory, models):
    """(run folder, folder of its export) of a training run on a tiny Llama."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INTERP_CACHE", str(tmp_path_factory.mktemp("cache")))
        return run(config(folder, models["llama"])), folder
