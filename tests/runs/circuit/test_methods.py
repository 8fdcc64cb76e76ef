"""Methods in words: the same before and after a run, from the config that runs, with everything that they cite."""

from __future__ import annotations

import json
import re
from typing import Literal

import pytest
from pydantic import TypeAdapter
from typer.testing import CliRunner

from interp.cli.commands import app
from interp.probes import Probe, probes
from interp.report.bibliography import BIBLIOGRAPHY, MODELS, entries, latex, model_entry, software_entry
from interp.results.manifest import Manifest
from interp.results.tables import RunTables
from interp.runs.circuit.config import load
from interp.runs.circuit.methods import after, explain
from interp.runs.kinds import load_any
from interp.words.tense import AFTER, BEFORE

NEEDED = {"attribution_patching": {"of": "key_query_heads"}}


class Plain(Probe):
    """Shakes the model a little."""

    kind: Literal["plain"] = "plain"
    strength: float = 1.0


@pytest.fixture(scope="module")
def told(finished):
    """(paragraphs before the run, and after it)."""
    path, folder = finished
    settings = load(path).run
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_text(encoding="utf-8"))
    return explain(settings), after(settings, {"": RunTables.load(folder)}, manifest)


@pytest.mark.parametrize("kind", list(probes))
def test_every_probe_says_what_it_does_before_and_after(kind):
    probe = TypeAdapter(probes[kind]).validate_python({"kind": kind, **NEEDED.get(kind, {})})
    before, afterwards = probe.method(BEFORE), probe.method(AFTER)
    assert before.endswith(".")
    assert not re.search(r"\b(was|were)\b", before)
    assert re.search(r"\b(was|were)\b", afterwards)
    assert before == re.sub(r"\bwere\b", "are", re.sub(r"\bwas\b", "is", afterwards))
    assert set(probe.cites) <= set(BIBLIOGRAPHY)
    assert type(probe).method is not Probe.method, "one of ours has words of its own"


def test_a_probe_without_words_is_told_by_its_docstring_and_settings():
    assert Plain().method(AFTER) == "The probe plain was run on all prompts: Shakes the model a little."
    assert Plain(strength=2, prompts="focus").method(BEFORE) == (
        "The probe plain is run on the focus prompt: Shakes the model a little (strength: 2.0)."
    )


def test_settings_decide_the_words():
    kind = TypeAdapter(probes["key_query_heads"])
    usual = kind.validate_python({"kind": "key_query_heads"}).method(AFTER)
    other = kind.validate_python(
        {
            "kind": "key_query_heads",
            "source": "zero",
            "beside": [],
            "random_sets": 0,
            "nonsense": False,
            "order": "greedy",
        }
    ).method(AFTER)
    assert "replaced by its value in the corrupted run" in usual
    assert "100 random sets" in usual
    assert "cut (set to zero)" in other
    assert "greedy selection among the best 6" in other
    assert "Controls" not in other
    assert "Beside it" not in other


def test_before_and_after_are_one_text_but_for_what_was_found(told):
    before, afterwards = told
    now = [re.sub(r"\bwere\b", "are", re.sub(r"\bwas\b", "is", text)) for text in afterwards.paragraphs]
    assert now[2:-1] == before.paragraphs[2:-1]
    assert len(now) == len(before.paragraphs)
    assert "12 prompt" not in " ".join(before.paragraphs)
    assert re.search(r"\d+ prompt pairs of \d+ word pairs in 2 wordings were measured", afterwards.paragraphs[1])
    assert "3 layers of 4 heads" in before.paragraphs[0]
    assert "config hash" in afterwards.paragraphs[-1]


def test_the_report_has_the_section_in_both_forms(told, finished):
    folder = finished[1]
    for name in ("report.html", "report.md"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "BibTeX" in text
        assert "@software{interp" in text
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    assert "## Methods" in markdown
    assert "named at a false-discovery rate" in markdown


def test_explain_tells_methods_and_costs(finished):
    shown = CliRunner().invoke(app, ["explain", str(finished[0]), "--set", "seed=5"])
    assert shown.exit_code == 0, shown.output
    text = " ".join(shown.output.split())
    assert "Every head's edge alone is replaced by its value in the corrupted run" in text
    assert "Seed: 5." in text
    assert re.search(
        r"at most [\d,]+ forward passes of one prompt, .* on this machine, and about [\d.]+ GB of memory", text
    )
    asked = json.loads(CliRunner().invoke(app, ["explain", str(finished[0]), "--json"]).output)
    assert asked["name"] == "tiny"
    assert asked["costs"]["passes"] == asked["found"]["forward_passes_at_most"]
    assert any("@misc{transformerlens" in one for one in asked["bibtex"])


@pytest.mark.parametrize("name", ["sparsify_smollm2", "toy_addition", "antonyms_dense_vs_sparse"])
def test_every_kind_of_run_can_be_explained(name):
    from pathlib import Path

    kind, loaded = load_any(Path(__file__).parents[3] / "configs" / f"{name}.yaml")
    told = kind.explain(loaded)
    assert len(told.paragraphs) >= 4
    assert not re.search(r"\b(was|were)\b", " ".join(told.paragraphs).replace("were trained on", ""))
    assert any("2512.05865" in one for one in told.citations)


@pytest.mark.parametrize(
    "entry",
    [*BIBLIOGRAPHY.values(), *MODELS.values(), model_entry("odd}{na_me\\", "x & y"), software_entry("1", "ab+changes")],
)
def test_entries_are_bibtex(entry):
    assert re.match(r"@\w+\{[a-z0-9]+,\n", entry)
    bare = re.sub(r"\\[{}]", "", entry)
    assert bare.count("{") == bare.count("}")
    assert entry.endswith("\n}")


def test_models_are_cited_by_their_family_and_others_by_their_name():
    assert "2502.02737" in model_entry("smollm2-135m-instruct")
    assert "radford2019language" in model_entry("gpt2")
    assert "radford" not in model_entry("mygpt2like-model".replace("gpt2", "xgpt2"))
    assert "note = {directory \\_x}" in model_entry("tiny", "directory _x")
    assert latex("50% of {a}_b\n") == r"50\% of \{a\}\_b"


def test_citations_come_once_and_own_entries_as_they_are():
    own = "@misc{own,\n  title = {{Own}}\n}"
    assert entries(["transformerlens", own, "transformerlens", own]) == [BIBLIOGRAPHY["transformerlens"], own]
