"""The example that asks a run's heads about word pairs that the run has not seen."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path

import pandas as pd

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "other_words.py"


def test_heads_of_a_run_are_measured_on_the_pairs_that_it_left_aside(finished, tiny_llama, tmp_path, capsys):
    folder = shutil.copytree(finished[1], tmp_path / "run")
    candidates = pd.read_csv(folder / "candidates.csv", keep_default_na=False)
    # Random weights answer nothing right.
    candidates.assign(right=True).to_csv(folder / "candidates.csv", index=False)
    sampled = set(pd.read_parquet(folder / "prompts.parquet")["pair"])
    others = candidates[~candidates["pair"].isin(sampled)]
    assert len(others)
    runpy.run_path(str(EXAMPLE))["main"](str(folder), str(tiny_llama))
    said = " ".join(capsys.readouterr().out.split())
    n_prompts, n_pairs = map(int, re.search(r"on (\d+) prompts of (\d+) word pairs", said).groups())
    assert 0 < n_pairs <= others["pair"].nunique()
    by_wording = [int(n) for n in re.findall(r"% of (\d+): The", said)]
    assert len(by_wording) == others["template"].nunique()
    assert sum(by_wording) == n_prompts
