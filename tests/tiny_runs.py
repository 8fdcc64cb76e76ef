"""A whole study on a tiny model, as YAML."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

QUIET = Console(file=io.StringIO(), width=200)

YAML = """
name: tiny
title: A tiny study
seed: 1
model: {{source: directory, path: {model}}}
prompts:
  keep: all
  min_gap: 0.0001
  task: {{kind: antonyms, max_pairs: 12, templates: ['The opposite of "{{word}}" is "', 'The antonym of "{{word}}" is "']}}
statistics: {{n_resamples: 200}}
probes:
  - {{kind: key_query_heads, rerankings: 3, random_sets: 20}}
  - {{kind: layer_modulation}}
  - kind: layer_span
    groups:
      - {{name: opposite, at: {{token: opposite}}, corrupted: 'The synonym of "{{word}}" is "', foil: '{{word}}'}}
      - {{name: large, at: key}}
  - {{kind: attention_pattern, prompts: focus}}
  - {{kind: edge_patching, pairs: all}}
  - {{kind: head_ablation, source: mean}}
  - {{kind: activation_patching, sites: [resid_pre, attn_out, mlp_out, z, q, k, v, pattern]}}
  - {{kind: attribution_patching, of: key_query_heads}}
  - {{kind: direct_logit_attribution}}
  - {{kind: logit_lens}}
  - {{kind: paths}}
  - {{kind: residual_edge}}
  - {{kind: circuit_nodes, orders: [exact], seeds: 1, random_sets: 10}}
experiment: {{kind: key_query_circuit}}
output: {{root: {root}}}
"""


def write_yaml(folder: Path, model: Path, root: str = "runs") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tiny.yaml"
    path.write_text(YAML.format(model=model, root=folder / root))
    return path
