"""Whole runs on a tiny model: YAML to report, twice the same, interrupted and resumed, and reported again."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from rich.console import Console

from interp.analysis.findings import DirectFindings, LayerModulationFindings
from interp.analysis.findings_of_heads import HeadFindings
from interp.errors import UserError
from interp.results.run_folder import RunFolder
from interp.results.tables import RunTables
from interp.runs.circuit import run as running
from interp.runs.circuit.config import load
from interp.runs.circuit.dry_run import describe
from interp.runs.lifecycle import tables_only
from tests.tiny_models import write_tiny_gpt2
from tests.tiny_runs import QUIET, write_yaml

TABLES = ("prompts.parquet", "effects.parquet", "summary.csv", "candidates.csv", "dropped.csv", "metrics.json")


def content(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in TABLES}


@pytest.fixture
def model(tiny_llama):
    return tiny_llama


def test_a_run_leaves_everything_that_it_promises(finished):
    _, folder = finished
    assert {path.name for path in folder.iterdir()} >= {
        *TABLES,
        *("config.yaml", "config.resolved.yaml", "manifest.json", "report.md", "report.html", "figures"),
    }
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["status"] == "finished"
    assert manifest["model"]["logits_max_abs_diff"] < 1e-3
    figures = {path.stem for path in (folder / "figures").iterdir()}
    assert figures >= {
        "circuit_panel",
        "circuit_graph",
        "share_curve",
        "path_flow",
        "circuit_curves-circuit_nodes",
    }
    for stem in figures:
        assert {path.suffix for path in (folder / "figures").glob(f"{stem}.*")} == {".png", ".pdf", ".svg", ".csv"}


def test_effects_are_the_primary_record_and_the_summary_follows_from_them(finished):
    tables = RunTables.load(finished[1])
    effects = tables.effects
    assert (effects["effect"] - (effects["value"] - effects["baseline"])).abs().max() < 1e-12
    prompts = tables.prompts.set_index("prompt")
    single = (
        tables.probe("key_query_heads").query("part == 'single'").join(prompts[["clean_metric", "gap"]], on="prompt")
    )
    assert (single["baseline"] - single["clean_metric"]).abs().max() < 1e-6
    expected = 1 + (single["value"] - single["clean_metric"]) / single["gap"]
    assert (single["normalised"] - expected).abs().max() < 1e-4
    row = tables.summary_of("key_query_heads", part="single", layer=1, head=2).iloc[0]
    mine = single.query("layer == 1 and head == 2")["effect"]
    assert row["mean"] == pytest.approx(mine.mean())
    assert (row["n"], row["n_pairs"]) == (24, 12)
    assert (single["key"] < single["query"]).all()


def test_modulation_ends_at_the_reported_share(finished):
    tables = RunTables.load(finished[1])
    modulation = tables.findings("layer_modulation", LayerModulationFindings)
    share = tables.findings("key_query_heads", HeadFindings).shares.joint
    assert modulation.final.mean == pytest.approx(share.share, abs=1e-3)
    assert modulation.curve[0].share == 0
    assert tables.findings("direct_logit_attribution", DirectFindings).max_abs_error < 1e-3


def test_the_same_yaml_twice_gives_identical_tables(finished, model, tmp_path):
    with tables_only():
        again = running.run(load(write_yaml(tmp_path, model)), QUIET).parent
    first, second = content(finished[1]), content(again)
    assert first == second


def test_a_finished_run_is_only_reported_again_from_its_tables_alone(finished, monkeypatch):
    _, folder = finished

    def pages() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (folder / "report.html", *(folder / "figures").iterdir())}

    monkeypatch.setattr(running, "load_model", None)  # loading would fail
    before = pages()
    (folder / "report.html").unlink()
    (folder / "figures" / "circuit_panel.svg").unlink()
    assert running.run(load(finished[0]), QUIET) == folder / "report.html"
    assert pages() == before


def test_a_run_stopped_between_probes_goes_on_and_ends_the_same(finished, model, tmp_path, monkeypatch):
    path = write_yaml(tmp_path, model)
    real, done = RunFolder.save_part, []

    def stop_after_three(self, label, *rest):
        if len(done) == 3:
            raise KeyboardInterrupt
        real(self, label, *rest)
        done.append(label)

    monkeypatch.setattr(RunFolder, "save_part", stop_after_three)
    with pytest.raises(KeyboardInterrupt):
        running.run(load(path), QUIET)
    folder = next((tmp_path / "runs" / "tiny").iterdir())
    assert json.loads((folder / "manifest.json").read_text())["status"] == "interrupted"
    monkeypatch.setattr(RunFolder, "save_part", real)
    said = io.StringIO()
    with tables_only():
        running.run(load(path), Console(file=said, width=200))
    assert said.getvalue().count("finished before, kept") == 3
    assert content(folder) == content(finished[1])


@pytest.mark.slow
def test_ctrl_c_is_answered_and_the_same_command_goes_on(finished, model, tmp_path):
    path = write_yaml(tmp_path, model)
    command = [sys.executable, "-m", "interp", "run", str(path)]
    # A shell may have told its children to ignore the signal.
    restore = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)  # noqa: E731
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # Sums over other numbers of threads differ by rounding.
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    child = subprocess.Popen(command, preexec_fn=restore, env=environment, **pipes)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/tiny/*/parts/layer_span.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    said = child.communicate()[1]
    assert child.returncode == 130
    assert "interrupted; the same command goes on" in said
    assert "Traceback" not in said
    folder = next((tmp_path / "runs" / "tiny").iterdir())
    assert json.loads((folder / "manifest.json").read_text())["status"] == "interrupted"
    with tables_only():
        running.run(load(path), QUIET)
    assert content(folder) == content(finished[1])


@pytest.mark.slow
def test_kill_minus_nine_and_the_same_command_again(finished, model, tmp_path):
    path = write_yaml(tmp_path, model)
    path.write_text(path.read_text() + "figures: [{kind: layer_curve}]\n")
    command = [sys.executable, "-m", "interp", "run", str(path)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("runs/tiny/*/parts/layer_span.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    folder = next((tmp_path / "runs" / "tiny").iterdir())
    assert not (folder / "metrics.json").exists()
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "layer_span: finished before, kept" in done.stdout
    assert re.search(r"report: .*report\.html", done.stdout)
    assert content(folder) == content(finished[1])


def test_gpt2_takes_the_same_road_with_a_bos_token(tmp_path):
    model = write_tiny_gpt2(tmp_path / "tiny-gpt2")
    path = write_yaml(tmp_path, model)
    overrides = ["model.prepend_bos=true", "probes.6.sites=[z]", "figures=[{kind: circuit_panel}]"]
    report = running.run(load(path, overrides), QUIET)
    tables = RunTables.load(report.parent)
    assert (tables.run.focus.key, tables.run.focus.query) == (5, 8)
    assert list(tables.prompts.iloc[0]["clean_tokens"])[4] == "large"
    assert "prepended, not counted" in report.read_text()


def test_a_dry_run_counts_what_the_run_will_take(finished):
    said = io.StringIO()
    describe(load(finished[0]), Console(file=said, width=200))
    text = said.getvalue()
    # The most that the search can take: how often greedy steps are tried is not known before.
    at_most = int(re.search(r"key_query_heads\s+key_query_heads\s+24\s+([\d,]+)", text)[1].replace(",", ""))
    assert re.search(r"edge_patching\s+edge_patching\s+1\s+432", text)  # 36 causal pairs x 12 heads
    assert "of memory" in text
    effects = RunTables.load(finished[1]).effects
    for label, passes in (("edge_patching", 432), ("layer_modulation", 96)):
        assert (effects["probe"] == label).sum() == passes
    assert at_most / 4 < (effects["probe"] == "key_query_heads").sum() <= at_most


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("probes.1.heads_from=nobody", "heads_from .*'nobody'"),
        ("probes.7.of=head_ablatio", "no probe that stands before it"),
        ("probes.7.of=layer_span", "'layer_span' .* has no list of variants"),
        ("probes.2.groups=[{name: a, at: nobody}]", "'layer_span': there is no role 'nobody'"),
        ("probes.2.groups=[{name: a, at: key, corrupted: 'x {word}'}]", "'layer_span': no prompt is left"),
        ("probes.2.groups=[{name: query, at: {token: opposite}}]", "group 'query' has the name of a role"),
        ("probes.5.heads=[L0-H1, L0-H1]", "'head_ablation': it asks 2 times for the same edit"),
        ("probes.6.positions=[99]", "'activation_patching': position 99 is outside the prompt"),
        ("probes.4.heads=[L9-H0]", "L9-H0 is out of range; the model has layers 0 to 2"),
        ("probes.4.heads=[L0-H7]", "L0-H7 is out of range"),
        ("probes.4.heads=[]", "asks for nothing"),
        ("probes.4.pairs=[{key: 8, query: 5}]", "key 8 .*comes after query 5"),
        ("probes.4.pairs=[{key: 9, query: 9}]", "position 9 is outside the prompt"),
        ("probes.5.position=nobody", "there is no role 'nobody'"),
        (
            "prompts.roles.key.position=99",
            r"no prompt pair is left after filtering.*\((\d+) of \1\).*position 99, but .* 8 tokens",
        ),
        ("prompts.roles.key.position=4", "no prompt pair is left after filtering.*declares token .* at position 4"),
        ("prompts.roles.key={token: hot}", r"add word pairs \(\d+ prompts were already left out.*declares token 'hot'"),
        ("metric={kind: answer_prob}", "needs a metric that is linear in the logits"),
        (
            "prompts.task.max_pairs=11",
            "'key_query_heads': .* at least 6 word pairs in each half, so 12 in all, but there are 11",
        ),
        ("probes.0.beside=[zero, zero]", "'key_query_heads': `beside` names a replacement twice"),
        ("probes.0.beside=[corrupted]", "'key_query_heads': `beside` names a replacement twice, or the one"),
    ],
)
def test_mistakes_are_one_sentence_before_anything_is_measured(model, tmp_path, override, says):
    path = write_yaml(tmp_path, model)
    path.write_text(path.read_text().replace("  task:", ROLES + "  task:"))
    config = load(path, [override])
    for attempt in (describe, running.run):
        with pytest.raises(UserError, match=says) as caught:
            attempt(config, QUIET)
        assert "\n" not in str(caught.value)
    assert not list(tmp_path.glob("runs/tiny/*/parts/*"))


ROLES = """\
  roles:
    key: {token: "{word}"}
    query: {position: end}
"""


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("prompts.min_gap=1000", "no prompt pair is left after filtering.*below min_gap 1000"),
        ("prompts.keep=correct", "no prompt pair is left after filtering.*the model answers"),
        # The query stands before the first word that differs.
        ("prompts.roles.query={position: 2}", r"below min_gap 1e-06"),
    ],
)
def test_mistakes_that_need_the_model_are_one_sentence(model, tmp_path, override, says):
    path = write_yaml(tmp_path, model)
    path.write_text(
        path.read_text().replace("  task:", "  roles: {key: {position: 1}, query: {position: end}}\n  task:")
    )
    with pytest.raises(UserError, match=says) as caught:
        running.run(load(path, [override, "prompts.min_gap=0"] if "query" in override else [override]), QUIET)
    assert "\n" not in str(caught.value)


def test_a_probe_of_a_stranger_needs_one_class_and_one_line(model, tmp_path):
    from typing import Literal

    from interp.interventions.edits import Edit, Variant
    from interp.probes import Probe

    class FirstTokenCut(Probe):
        """Cut every head's edge from the first token to the query."""

        kind: Literal["first_token_cut"] = "first_token_cut"

        def variants(self, study):
            for layer in range(study.sizes.n_layers):
                for head in range(study.sizes.n_heads):
                    yield Variant.of(Edit("edge", layer, head, "query", 1))

    loaded = load(write_yaml(tmp_path, model))
    study = running.prepare(loaded.run, [running.load_model(loaded.run.model)])[0]
    effects = FirstTokenCut().run(study)
    assert isinstance(effects, pd.DataFrame)
    assert len(effects) == 12 * len(study.book)
    assert (effects["key"] == 1).all()
