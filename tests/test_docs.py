"""The code in the docs runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from interp.runs.kinds import load_any
from tests.tiny_models import word_tokenizer, write_tiny_llama
from tests.tiny_runs import QUIET

DOCS = Path(__file__).parent.parent / "docs"


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / name).read_text(encoding="utf-8"), re.S)


@pytest.mark.filterwarnings("ignore:HookedTransformer is deprecated:DeprecationWarning")
def test_the_notebook_page_runs_line_by_line(tiny_llama):
    space: dict[str, object] = {}
    for code in blocks("notebook.md", "python"):
        quick = code.replace(
            "find_heads(share=0.8", "find_heads(n_resamples=100, rerankings=2, random_sets=2, share=0.8"
        )
        exec(quick.replace('"smollm2-135m-instruct"', repr(str(tiny_llama))), space)
    assert len(space["effects"]) == 3 * 4 * 3  # layers, heads, prompts
    assert len(space["edges"]) == 3 * 4 * 3
    assert list(space["study"].tokens.query("role == 'key'")["clean"].str.strip()) == ["large"]
    assert space["verdict"].heads


def test_the_prompts_page_is_a_run(tmp_path, monkeypatch):
    (yaml,), (csv,) = blocks("prompts.md", "yaml"), blocks("prompts.md", "csv")
    tiny = write_tiny_llama(tmp_path / "model", tokenizer=word_tokenizer(*csv.replace("\n", ",").split(",")))
    monkeypatch.chdir(tmp_path)
    Path("prompts.csv").write_text(csv, encoding="utf-8")
    model = f"name: mine\nmodel: {{source: directory, path: {tiny}}}\nprobes: [{{kind: head_ablation, source: zero}}]\n"
    keep = yaml.replace("prompts:\n", "prompts:\n  keep: all\n  min_gap: 0\n", 1)
    Path("mine.yaml").write_text(model + "statistics: {n_resamples: 100}\n" + keep, encoding="utf-8")
    kind, loaded = load_any(Path("mine.yaml"), ())
    assert kind.run(loaded, QUIET).is_file()
