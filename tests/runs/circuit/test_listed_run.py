"""Whole runs of prompts that a user wrote out: nothing left out, the same text twice, names that look like numbers."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from rich.console import Console
from transformers import AutoModelForCausalLM, AutoTokenizer

from interp.errors import UserError
from interp.results.tables import RunTables
from interp.runs.circuit import run as running
from interp.runs.circuit.config import load
from interp.runs.circuit.dry_run import describe
from tests.tiny_models import FIGURE, word_tokenizer, write_tiny_llama
from tests.tiny_runs import QUIET

YAML = """
name: listed
model: {{source: directory, path: {model}}}
prompts:
  keep: all
  min_gap: 0.0001
  roles: {{key: {{position: 5}}, query: {{position: end}}}}
  task:
    kind: listed
    pairs:
      - &first {{clean: '{large}', corrupted: '{hot}', answer: small, foil: cold, cluster: '01', template: '1'}}
      - {{clean: '{large}', corrupted: '{hot}', answer: dark, foil: cold, cluster: '02', template: '1'}}
      - {{clean: '{hot}', corrupted: '{large}', answer: cold, foil: small, cluster: '01', template: '1'}}
      - *first
statistics: {{n_resamples: 100}}
probes:
  - {{kind: head_ablation, source: zero, heads: [L0-H0, L1-H2]}}
  - kind: layer_span
    prompts: all
    groups: [{{name: '007', at: key}}]
output: {{root: {root}}}
"""


def write(folder: Path, model: Path) -> Path:
    path = folder / "listed.yaml"
    hot = FIGURE.replace("large", "hot")
    path.write_text(YAML.format(model=model, root=folder / "runs", large=FIGURE, hot=hot))
    return path


@pytest.fixture(scope="module")
def listed(tiny_llama, tmp_path_factory):
    path = write(tmp_path_factory.mktemp("listed"), tiny_llama)
    return path, running.run(load(path), QUIET).parent


def test_every_prompt_is_measured_with_its_own_answer(listed, tiny_llama):
    prompts = RunTables.load(listed[1]).prompts
    model, tokenizer = AutoModelForCausalLM.from_pretrained(tiny_llama), AutoTokenizer.from_pretrained(tiny_llama)
    for row in prompts.to_dict("records"):
        with torch.no_grad():
            logits = model(**tokenizer(row["clean"], return_tensors="pt")).logits[0, -1]
        answer, foil = (tokenizer.convert_tokens_to_ids(row[name]) for name in ("answer", "foil"))
        assert row["clean_metric"] == pytest.approx(float(logits[answer] - logits[foil]), abs=1e-4)
        assert (row["answer_id"], row["foil_id"]) == (answer, foil)
        assert row["top1_id"] == int(logits.argmax())
    assert prompts["answer"].tolist() == ["small", "dark", "cold", "small"]


def test_a_run_that_left_nothing_out_has_its_report(listed):
    tables = RunTables.load(listed[1])
    assert len(tables.dropped) == 0
    text = (listed[1] / "report.md").read_text()
    assert "## What was left out\n\nNothing." in text
    right = (tables.prompts["top1_id"] == tables.prompts["answer_id"]).mean()
    assert tables.run.accuracy == tables.run.accuracy_kept == pytest.approx(right)


def test_names_that_look_like_numbers_stay_names(listed):
    tables = RunTables.load(listed[1])
    assert set(tables.prompts["pair"]) == {"01", "02"}
    assert len(tables.summary_of("layer_span", group="007")) == 3
    assert "007" in (listed[1] / "report.md").read_text()


def test_what_is_asked_twice_is_said_by_validate_and_in_the_report(listed):
    said = io.StringIO()
    describe(load(listed[0]), Console(file=said, width=400))
    for text in (said.getvalue(), (listed[1] / "report.md").read_text()):
        assert "counts as often: prompts 0, 3 (" in text
        assert "in several clusters" in text


def test_a_beginning_token_that_the_model_lacks_is_named_by_validate_and_run(tmp_path):
    folder = write_tiny_llama(tmp_path / "model")
    tokenizer = word_tokenizer()
    n = len(tokenizer)
    tokenizer.add_special_tokens({"bos_token": "<bos>"})
    tokenizer.save_pretrained(folder)
    path = write(tmp_path, folder)
    describe(load(path), QUIET)
    for attempt in (describe, running.run):
        with pytest.raises(
            UserError, match=f"prepend_bos has the token '<bos>' with id {n}, but .* ends at id {n - 1}"
        ):
            attempt(load(path, ["model.prepend_bos=true"]), QUIET)
