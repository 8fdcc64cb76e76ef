"""A run small enough to be tampered with a hundred times: three probes on a tiny model, and a report without figures."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from interp.runs.kinds import load_any

YAML = """
name: small
seed: {seed}
model: {{source: directory, path: {model}}}
prompts:
  keep: all
  min_gap: 0.0001
  task: {{kind: antonyms, max_pairs: {pairs}, templates: ['The opposite of "{{word}}" is "']}}
statistics: {{n_resamples: 100}}
probes:
  - {{kind: key_query_heads, rerankings: 2, random_sets: 0, nonsense: false, beside: [], max_heads: 3}}
  - {{kind: layer_modulation}}
  - {{kind: head_ablation, prompts: focus}}
output: {{root: {root}}}
"""


def write_small(folder: Path, model: Path, seed: int = 1, pairs: int = 12, name: str = "small.yaml") -> Path:
    """The YAML of a small run, whose folder will be in `folder`/runs."""
    path = folder / name
    path.write_text(YAML.format(seed=seed, pairs=pairs, model=model, root=folder / "runs"))
    return path


def carried_out(path: Path, *overrides: str, fresh: bool = False) -> tuple[Path, str]:
    """(run folder, what was printed) of a config run to its report."""
    said = io.StringIO()
    kind, loaded = load_any(path, overrides)
    return kind.run(loaded, Console(file=said, width=1000), fresh).parent, said.getvalue()
