"""Every rival computes what our engine computes: all cells of the four sweeps on tiny random models."""

from __future__ import annotations

import pytest
import torch

from benchmarks.contestant import Ours
from benchmarks.prompts import random_prompts
from benchmarks.rivals import RIVALS, rival
from benchmarks.workloads import SWEEPS, Workload
from tests.benchmarks.models import LENGTH, VOCAB, TinyModel


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Hundreds of tiny forward passes: threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module", params=["gpt2", "smollm2"])
def model(request):
    return TinyModel(request.param)


@pytest.mark.parametrize("sweep", SWEEPS)
@pytest.mark.parametrize("name", RIVALS)
# Other libraries' warnings are theirs.
@pytest.mark.filterwarnings("ignore")
def test_every_cell_equals_ours(model, name, sweep):
    pytest.importorskip(name, reason=f"{name} is not installed; it is part of the extra `benchmark`")
    prompts = random_prompts(3, LENGTH, VOCAB, shared=model.name == "gpt2")
    workload = Workload.of(sweep, model.hooked.cfg, LENGTH)
    found = []
    for contestant in (Ours(model, workload, prompts), rival(name)(model, workload, prompts)):
        contestant.start()
        step, cells = contestant.cells_at_once, list(range(len(workload)))
        found.append(torch.cat([contestant.run(cells[i : i + step]) for i in range(0, len(cells), step)]))
    ours, theirs = found
    assert ours.std() > 1e-2  # or agreement would say nothing
    torch.testing.assert_close(theirs, ours, atol=1e-5, rtol=1e-4)
