"""What the nonsense task asks of the same prompts is run once for both, and written down as if it had been run twice."""

from __future__ import annotations

import pandas as pd
import pytest

from interp.models import load_model
from interp.probes.ledger import Recorder
from interp.runs.circuit.config import load
from interp.runs.circuit.prepare import first_prompt, prepare
from tests.tiny_runs import QUIET, write_yaml


@pytest.fixture(scope="module")
def study(tiny_llama, tmp_path_factory):
    settings = load(write_yaml(tmp_path_factory.mktemp("ledger"), tiny_llama)).run
    return prepare(settings, [load_model(settings.model, QUIET, first_prompt(settings))])[0]


def asked(study, shared: bool):
    """A recorder that was asked the same of the task and, on some of its prompts, of the nonsense task."""
    probe = study.probes["key_query_heads"]
    where = probe.where(study)
    recorder = Recorder(study, {probe.source: probe.edges(study)}, where, study.shuffled(where))
    everyone = frozenset(range(len(probe.edges(study))))
    sets = [everyone - {head} for head in everyone]
    rows = range(len(recorder.clusters))
    thin = [*rows[::-3]]  # some of them, in an order of their own
    values = []
    for part, kept in (("joint", [frozenset(), everyone]), ("single", sets)):
        as_array = pd.Series(rows).to_numpy()
        recorder.ask(kept, as_array, part if shared else f"other {part}")
        values.append(recorder.ask(kept, as_array[thin], f"nonsense {part}", nonsense=True))
    return recorder, values


def test_other_answers_are_measured_in_the_same_passes(study):
    before = study.engine.counts["variants"]
    recorder, values = asked(study, shared=True)
    n_shared = study.engine.counts["variants"] - before
    apart, wanted = asked(study, shared=False)
    assert study.engine.counts["variants"] - before == 3 * n_shared
    for one, other in zip(values, wanted, strict=True):
        assert abs(one - other).max() < 1e-5
        assert abs(one).max() > 0.01

    def nonsense(found):
        table = found.table()
        table["part"] = table["part"].astype(str)  # as categories they know of the other parts
        return table[table["part"].str.startswith("nonsense")].reset_index(drop=True)

    assert len(nonsense(recorder)) > 2 * len(study.book)
    assert nonsense(recorder)["value"].notna().all()
    pd.testing.assert_frame_equal(nonsense(recorder), nonsense(apart), atol=1e-5, rtol=1e-4)
