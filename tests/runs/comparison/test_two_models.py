"""Two different models: other sizes, other tokens, the same prompts."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from interp.errors import UserError
from tests.runs.comparison.test_comparison import check, found, model, run, run_and_tell
from tests.tiny_models import write_tiny_gpt2

PROBES = [
    {"kind": "key_query_heads", "rerankings": 2, "random_sets": 0, "nonsense": False, "beside": [], "max_heads": 3},
    {"kind": "layer_modulation"},
    {"kind": "layer_span", "site": "mlp_out", "threshold": 0.05, "groups": [{"name": "large", "at": "key"}]},
    {"kind": "attention_pattern", "prompts": "focus"},
]


def reads_otherwise(folder: Path) -> Path:
    """A tokenizer that cuts a quotation mark from the space before it: two tokens where there was one."""
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    tokenizer["pre_tokenizer"]["pattern"]["Regex"] = '"| (?=")| ?[^" ]+'
    words = tokenizer["model"]["vocab"]
    words[" "] = len(words)
    path.write_text(json.dumps(tokenizer), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def two(tiny_llama, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    return {
        "llama": model(tiny_llama),
        "gpt2": model(reads_otherwise(write_tiny_gpt2(folder / "gpt2", n_layer=4, vocab_size=1200))),
    }


@pytest.fixture(scope="module")
def compared(two, tmp_path_factory):
    return run_and_tell(tmp_path_factory.mktemp("compared"), two, probes=PROBES)


def test_prompts_are_the_same_and_tokens_are_each_models_own(compared):
    llama, gpt2 = (pd.read_parquet(compared / label / "prompts.parquet") for label in ("llama", "gpt2"))
    same = ["prompt", "pair", "clean", "corrupted", "answer", "foil"]
    assert llama[same].values.tolist() == gpt2[same].values.tolist()
    assert (llama["clean_tokens"].map(len) == 8).all()
    assert (gpt2["clean_tokens"].map(len) == 10).all()
    for prompts in (llama, gpt2):
        words = [tokens[key - 1].strip() for tokens, key in zip(prompts["clean_tokens"], prompts["key"], strict=True)]
        assert words == [pair.split("/")[0] for pair in prompts["pair"]]


def test_numbers_that_need_one_shape_are_not_told_and_others_name_both(compared):
    numbers = found(compared, "llama")
    assert numbers["n_layers"] == [3, 4]
    assert not numbers["alike"]
    assert numbers["other_tokens"] == 12
    assert numbers["shared"] == []
    page = (compared / "report.md").read_text(encoding="utf-8")
    assert "llama and gpt2 read 12 prompts of 12 as other tokens" in page
    assert "tokens to llama; all " in page
    assert "| tokens, llama |" in page
    assert "Of 12 (llama) and 16 (gpt2) heads" in page
    assert "gpt2 (of 4 layers)" in page
    assert "are among the" not in page
    curve = pd.read_csv(compared / "figures" / "modulation_curves.csv")
    assert curve.groupby("model")["depth"].max().tolist() == [1.0, 1.0]


def test_a_position_that_is_another_word_to_another_tokenizer_is_refused(two, tmp_path):
    roles = {"key": {"position": 5}, "query": {"position": "end"}}
    with pytest.raises(UserError, match="prompts.roles.key: position 5 holds 'large' to one model and '\"' to another"):
        check(tmp_path, two, PROBES, roles=roles)
    assert set(check(tmp_path, two, PROBES)["models"]) == {"llama", "gpt2"}


def test_a_model_with_and_without_its_first_token(tiny_llama, tmp_path):
    models = {"without": model(tiny_llama), "with": model(tiny_llama, prepend_bos=True)}
    folder = run(tmp_path, models, probes=PROBES[:1])
    assert found(folder, "without")["other_tokens"] == 0
    for name in models:  # the comparison's report refers to theirs
        assert (folder / name / "report.html").is_file()
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert "with: beginning-of-sequence token | prepended, not counted in positions" in page
