"""The golden run: the main job's head search on the packaged model, smaller, within tolerances."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from interp.analysis.findings import LayerModulationFindings, LayerSpanFindings
from interp.analysis.findings_of_heads import HeadFindings
from interp.models import PackagedModel, load_model
from interp.results import versions
from interp.results.parts import differences
from interp.results.run_folder import RunFolder
from interp.results.tables import RunTables
from interp.runs.circuit.config import load
from interp.runs.circuit.run import run
from interp.runs.lifecycle import tables_only
from tests.tiny_models import FIGURE
from tests.tiny_runs import QUIET

pytestmark = [pytest.mark.real, pytest.mark.timeout(2400)]
MAIN = Path(__file__).parent.parent.parent / "configs" / "antonyms_smollm2.yaml"


@pytest.fixture(scope="module")
def loaded():
    return load_model(PackagedModel())


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """The main job's config with fewer word pairs, fewer controls and its first four probes; or MAIN_RUN, that job's run."""
    if done := os.environ.get("MAIN_RUN"):
        with RunFolder.existing(Path(done)) as folder:
            assert not differences(folder.manifest().code, versions.code()), "MAIN_RUN was measured by other code"
            return RunTables.load(folder.path)
    root = tmp_path_factory.mktemp("real")
    overrides = [f"output.root={root}", "prompts.task.max_pairs=16", "experiment=null"]
    settings = load(MAIN, overrides)
    search, *others = settings.run.probes[:4]
    search = search.model_copy(update={"beside": (), "random_sets": 20, "rerankings": 3})
    shorter = settings.run.model_copy(update={"probes": (search, *others)})
    with tables_only():
        report = run(settings.__class__(shorter, settings.path, settings.text, settings.overrides), QUIET)
    return RunTables.load(report.parent)


def test_the_model_is_the_one_that_hugging_face_runs(loaded):
    assert loaded.info.logits_max_abs_diff < 1e-3
    assert (loaded.info.n_layers, loaded.info.n_heads, loaded.info.n_kv_heads) == (30, 9, 3)
    assert loaded.info.weights_sha256.startswith("d492b8787c844cdc")


def test_the_prompt_has_the_eight_tokens_of_the_figure_and_small_comes_first(loaded):
    tokens = loaded.tokenizer(FIGURE, add_special_tokens=False)["input_ids"]
    texts = [loaded.tokenizer.decode([token]) for token in tokens]
    assert texts == ["The", " opposite", " of", ' "', "large", '"', " is", ' "']
    with torch.no_grad():
        assert loaded.tokenizer.decode(loaded.hooked(torch.tensor([tokens]))[0, -1].argmax()) == "small"


def test_the_heads_that_carry_large_to_small(tables):
    found = tables.findings("key_query_heads", HeadFindings)
    carried = {head.label: head.carried.mean for head in found.ranking}
    assert carried["L25-H7"] > 0.3
    share = found.shares.joint
    assert share.share >= 0.8
    assert share.fresh_low < share.share_low < share.share < share.share_high < share.fresh_high
    # The corrupted values of the edges move nearly the whole gap; zeros could not be read as a share of it.
    assert 0.8 < found.total.of_gap.mean < 1.05
    assert found.in_sample.share > share.share - 0.05
    assert found.controls.random.percentile > 0.99
    assert abs(found.controls.nonsense.of_real.mean) < 0.3


def test_modulation_ends_at_the_share_and_rises_in_the_last_third(tables):
    found = tables.findings("layer_modulation", LayerModulationFindings)
    share = tables.findings("key_query_heads", HeadFindings).shares.joint.share
    assert found.final.mean == pytest.approx(share, abs=1e-3)
    assert found.curve[20].share < 0.1
    assert found.steps[0].layer == 22


def test_the_key_word_is_read_first_in_layer_zero(tables):
    groups = {group.group: group for group in tables.findings("layer_span", LayerSpanFindings).groups}
    assert groups["large"].first == 0
    assert groups["large"].profile[0].normalised.mean > 0.9
    assert (groups["small"].output, groups["small"].first) == (True, 30)
