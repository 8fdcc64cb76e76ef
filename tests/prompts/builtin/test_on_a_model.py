"""The built-in tasks on a tiny model: a notebook's study, a run with its report, and the refusal of a model that cannot do them."""

from __future__ import annotations

import pytest

import interp
from interp.runs.kinds import load_any
from tests.prompts.builtin.tokenizers import GENERATED, of_words
from tests.tiny_models import write_tiny_llama
from tests.tiny_runs import QUIET


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("models") / "tiny"
    return write_tiny_llama(place, tokenizer=of_words(), max_position_embeddings=128, num_hidden_layers=2)


@pytest.fixture(scope="module")
def model(folder):
    return interp.load(folder)


@pytest.mark.parametrize("kind", GENERATED)
def test_a_notebook_asks_a_task_by_its_name_alone(model, kind):
    study = interp.study(model, task={"kind": kind, "max_pairs": 4}, keep="all", min_gap=0)
    edges = study.cut_edges()
    assert len(edges) == 2 * 4 * len(study.prompts)
    assert edges["effect"].abs().sum() > 0
    usual = {"greater_than": "prob_diff", "docstring": "best_logit_diff"}
    assert study.inner.metric.kind == usual.get(kind, "logit_diff")


def test_a_metric_that_reads_one_of_many_answers_is_refused_and_one_that_reads_all_is_not(model):
    task = {"kind": "greater_than", "max_pairs": 2}
    with pytest.raises(
        interp.UserError, match="logit_diff reads one right answer, and a prompt of greater_than has several"
    ):
        interp.study(model, task=task, metric="logit_diff", keep="all", min_gap=0)
    assert len(interp.study(model, task=task, metric="best_logit_diff", keep="all", min_gap=0).prompts) == 2


def test_a_random_model_does_not_do_the_task(model):
    with pytest.raises(interp.UserError, match=r"it is taken not to do the task induction \(.*`keep: all` measures"):
        interp.study(model, task="induction")


@pytest.mark.parametrize("pairing", ["true", "shuffled"])
def test_a_yaml_that_names_a_task_is_checked_run_and_reported(folder, tmp_path, pairing):
    path = tmp_path / "small.yaml"
    path.write_text(
        f"name: small\nmodel: {{source: directory, path: {folder}}}\nstatistics: {{n_resamples: 100}}\n"
        f"prompts: {{task: {{kind: ioi, max_pairs: 6, pairing: '{pairing}'}}, keep: all, min_gap: 0}}\n"
        f"probes: [{{kind: head_ablation, source: zero}}]\noutput: {{root: {tmp_path / 'runs'}}}\n"
    )
    kind, loaded = load_any(path)
    checked = kind.check(loaded, QUIET)
    assert checked["prompts"] == 6
    assert any("Michael" in note for note in checked["notes"])
    report = kind.run(loaded, QUIET)
    assert "gave the" in report.with_suffix(".md").read_text() or "passed the" in report.with_suffix(".md").read_text()
