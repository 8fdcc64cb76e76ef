"""Shapes and types are checked while the tests run (tests.typecheck)."""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TQDM_DISABLE"] = "1"

import hypothesis

from tests import typecheck

# `make test` hands its own flags and variables down: a `make` that a test starts would print its folders and take our CONFIG.
for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "CONFIG", "SET", "RUN"):
    os.environ.pop(name, None)

# A busy machine is no fault of what is tested, and whether a commit is good does not depend on luck: examples are drawn anew
# only where EXPLORE=1 asks for it.
hypothesis.settings.register_profile("patient", deadline=None, derandomize=os.environ.get("EXPLORE") != "1")
hypothesis.settings.load_profile("patient")

# The golden run calls millions of times, and what runs on TransformerLens 4 was checked on 3.9: there the checks are left out.
if os.environ.get("CHECK_TYPES", "1") != "0":
    typecheck.install()

import torch  # noqa: E402

# Two threads at most; one where pytest-xdist runs a worker on every core.
torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else min(2, len(os.sched_getaffinity(0))))


from tests.tiny_models import write_tiny_llama  # noqa: E402
from tests.tiny_runs import QUIET, write_yaml  # noqa: E402


@pytest.fixture(scope="session")
def tiny_llama(tmp_path_factory):
    """A model of 3 layers x 4 heads."""
    return write_tiny_llama(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture(scope="session")
def finished(tiny_llama, tmp_path_factory):
    """(config path, run folder) of a finished run on the tiny model."""
    return _finish(tiny_llama, tmp_path_factory.mktemp("finished"))


# What takes long and makes no crowd: how often the search is repeated, and its controls.
FEWER = ("probes.0.rerankings=1", "probes.0.random_sets=2", "probes.0.nonsense=false", "probes.12.random_sets=2")


@pytest.fixture(scope="session")
def crowded(tmp_path_factory):
    """The same without a report on 12 layers x 12 heads with random weights, where a crowd of heads shares the work."""
    shape = {"num_hidden_layers": 12, "num_attention_heads": 12, "num_key_value_heads": 4, "hidden_size": 48}
    model = write_tiny_llama(tmp_path_factory.mktemp("models") / "crowd", intermediate_size=16, **shape)
    return _finish(
        model,
        tmp_path_factory.mktemp("crowded"),
        ['prompts.task.templates=[\'The opposite of "{word}" is "\']', "statistics.n_resamples=100", *FEWER],
        tables_alone=True,
    )


def _finish(model, folder, overrides=(), tables_alone=False):
    from interp.runs.circuit.config import load
    from interp.runs.circuit.run import run
    from interp.runs.lifecycle import tables_only

    path = write_yaml(folder, model)
    with tables_only() if tables_alone else nullcontext():
        return path, run(load(path, overrides), QUIET).parent


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless Chromium."""
    from tests.report.browser import Browser

    if shutil.which("chromium") is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    opened = Browser(tmp_path_factory.mktemp("chromium") / "profile")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _counted_anew() -> None:
    """Which calls are checked in a test does not depend on the tests before it."""
    typecheck.begin_test()


@pytest.fixture(autouse=True)
def _own_cache(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test touches the user's cache, except those on the packaged model."""
    if request.node.get_closest_marker("real") is None:
        monkeypatch.setenv("INTERP_CACHE", str(tmp_path_factory.mktemp("cache")))
