"""A run's tables without a run: as many tokens, heads and layers as a test asks for, numbers from a seeded generator."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from interp.analysis.circuits import edge_grid
from interp.analysis.findings import LayerModulationFindings, LayerSpanFindings
from interp.analysis.findings_of_heads import HeadFindings
from interp.analysis.findings_of_nodes import NodeFindings
from interp.analysis.findings_of_paths import PathFindings
from interp.analysis.findings_of_run import Metrics, RunFindings
from interp.results.effects_file import InMemory
from interp.results.tables import RunTables
from tests.findings import filled

WORDS = ["The", "opposite", "of", '"', "large", '"', "is", "small", ",", "and", "in", "the", "words", "of", "a", "very"]
WORDS += ["extraordinary", "misunderstanding"]
PAIRS, PROMPTS = ("large/small", "hot/cold"), 4
MODEL = "smollm2-135m-instruct"
SITES = ("resid_pre", "attn_out", "mlp_out", "z", "q", "k", "v", "pattern")


def tokens_of(count: int) -> list[str]:
    """That many tokens of ordinary text, every one with its leading space."""
    return [f" {WORDS[number % len(WORDS)]}" for number in range(count)]


def make_tables(
    n_tokens: int, n_heads: int, n_layers: int, tokens: list[str] | None = None, seed: int = 0, **focus: object
) -> RunTables:
    """Tables of a run with every probe that a figure reads; the key is token 5 (or the first), the query the last."""
    rng = np.random.default_rng(seed)
    tokens = tokens_of(n_tokens) if tokens is None else tokens
    shown = {
        "prompt": 0,
        "clean": "".join(tokens),
        "answer": "small",
        "corrupted": "".join(tokens),
        "foil": "cold",
        "key": min(5, n_tokens),
        "query": n_tokens,
    } | focus
    heads = pd.MultiIndex.from_product([range(n_layers), range(n_heads)], names=["layer", "head"]).to_frame(index=False)
    ranking = _ranking(heads, rng)
    selected = ranking[: min(len(ranking), 45)]
    probes = {
        "key_query_heads": filled(HeadFindings, _key_query_heads(ranking, selected, rng)),
        "layer_modulation": filled(LayerModulationFindings, _modulation(n_layers, selected, rng)),
        "layer_span": filled(LayerSpanFindings, _spans(n_layers, n_tokens, shown, rng)),
        "attention_pattern": {"kind": "attention_pattern"},
        "edge_patching": {"kind": "edge_patching"},
        "activation_patching": {"kind": "activation_patching"},
        "logit_lens": {"kind": "logit_lens"},
        "paths": filled(PathFindings, _paths(tokens, shown)),
        "circuit_nodes": filled(NodeFindings, _circuit(n_layers * n_heads)),
        "attribution_patching": {
            "kind": "attribution_patching",
            "of": "key_query_heads",
            "pearson": 0.95,
            "spearman": 0.9,
        },
    }
    run = {
        "name": "sizes",
        "title": "Sizes",
        "question": "",
        "n_prompts": PROMPTS,
        "n_pairs": len(PAIRS),
        "model": {"name": MODEL, "n_layers": n_layers, "n_heads": n_heads},
        "n_templates": 2,
        "metric": {"kind": "logit_diff", "unit": "logits", "words": "logit difference"},
        "confidence": 0.95,
        "n_resamples": 200,
        "share_target": 0.8,
        "share_definition": "joint",
        "focus": shown,
    }
    return RunTables(
        record=InMemory(_effects(heads, selected, n_tokens, list(probes), rng)),
        summary=_summary(heads, n_tokens, n_layers, rng),
        prompts=_prompts(tokens, shown),
        dropped=pd.DataFrame(columns=["pair", "template", "reason"]),
        candidates=pd.DataFrame(),
        metrics=Metrics.model_validate({"run": filled(RunFindings, run), "probes": probes}),
        config={"name": "sizes"},
    )


def _ranking(heads: pd.DataFrame, rng: np.random.Generator) -> list[dict]:
    means = np.sort(rng.exponential(size=len(heads)))[::-1] * rng.choice([1, 1, 1, -1], len(heads))
    order = rng.permutation(len(heads))
    return [
        {
            "layer": int(row.layer),
            "head": int(row.head),
            "label": f"L{row.layer}-H{row.head}",
            "carried": {"mean": float(mean), "low": float(mean) - 0.2, "high": float(mean) + 0.2, "n": PROMPTS},
        }
        for row, mean in zip(heads.iloc[order].itertuples(), means, strict=True)
    ]


def _key_query_heads(ranking: list[dict], selected: list[dict], rng: np.random.Generator) -> dict:
    share = np.linspace(0, 1, len(ranking) + 1) ** 0.3
    curve = [{"n": n, "share": s, "low": s - 0.05, "high": s + 0.05} for n, s in enumerate(share.tolist())]
    found = {"n": len(selected), "n_low": 1, "n_high": len(ranking), "heads": selected}
    return {
        "kind": "key_query_heads",
        "ablation": "zero",
        "definition": "joint",
        "target": 0.8,
        "curve": curve,
        "ranking": ranking,
        "n_candidates": len(ranking),
        "order": "value",
        "screen": 6,
        "orders": {kind: {"curve": curve, "n": len(selected)} for kind in ("value", "size", "greedy")},
        "in_sample": {"curve": curve, "n": 1},
        "controls": {
            "random": {
                "sets": 100,
                "n": len(selected),
                "bands": [{"n": n, "low": 0.0, "high": 0.1} for n in (1, 2, 4)],
            },
            "nonsense": {"curve": [{"n": n, "share": 0.0, "low": -0.1, "high": 0.1} for n in range(len(ranking) + 1)]},
        },
        "shares": {"joint": found, "absolute": found, "net": found | {"n": None, "n_high": None, "heads": []}},
    }


def _paths(tokens: list[str], focus: dict) -> dict:
    def share(mean: float) -> dict:
        return {"mean": mean, "low": mean - 0.004, "high": mean + 0.004, "n": PROMPTS, "n_clusters": len(PAIRS)}

    between = range(focus["key"] + 1, focus["query"])
    middles = [
        {"position": place, "token": tokens[place - 1], "added": share(0.01 * (place % 7 - 2)), "lost": share(0.01)}
        for place in between
    ]
    return {
        "kind": "paths",
        **{name: share(mean) for name, mean in (("direct", 0.8), ("one_middle", 0.15), ("more", 0.04))},
        **{name: share(mean) for name, mean in (("by_weights", 0.01), ("direct_cut", 0.9), ("gap", 9.0))},
        "sources": [focus["key"]],
        "source_tokens": [tokens[focus["key"] - 1]],
        "query": focus["query"],
        "query_token": tokens[focus["query"] - 1],
        "middles": middles,
        "n_middles_prompts": PROMPTS,
        "n_prompts": PROMPTS,
        "n_pairs": len(PAIRS),
    }


def _circuit(n: int) -> dict:
    counts = edge_grid(n)
    curve = [{"n": k, "share": (k / n) ** 0.3, "low": (k / n) ** 0.4, "high": (k / n) ** 0.2} for k in counts]
    count = {"n": 0.7 * n, "low": 0.6 * n, "high": None, "mlps": 0.0}
    plain = {"curve": curve, "needed": {"0.9": None}}
    size = counts[-2] if len(counts) > 1 else counts[-1]
    random = {"n": size, "sets": 20, "chosen": 0.9, "median": 0.01, "high": 0.2}
    noise = [{"n": k, "share": 0.03 * (k / n), "low": -0.3 * (k / n), "high": 0.09 * (k / n)} for k in counts]
    # What is lost passes the whole where some edges work against the answer.
    lost = [{"n": k, "share": (k / n) ** 0.2 * (2.2 - 1.2 * k / n)} for k in counts]
    return {
        "random": {"sufficient": random, "necessary": random},
        "nonsense": {
            "total": {"mean": 0.2, "low": -0.3, "high": 0.7},
            "of_real": noise[-1],
            "defined": False,
            "needed": None,
            "curves": {"sufficient": noise, "necessary": noise},
        },
        "kind": "circuit_nodes",
        "ablation": "corrupted",
        "candidates": "heads",
        "order": "exact",
        "explained": 0.9,
        "n_candidates": n,
        "curves": {"sufficient": curve, "necessary": lost},
        "needed": {"sufficient": {"0.9": count}, "necessary": {"0.9": count}},
        "orders": {kind: {"sufficient": plain, "necessary": plain} for kind in ("exact", "reranked")},
    }


def _modulation(n_layers: int, selected: list[dict], rng: np.random.Generator) -> dict:
    share = np.linspace(0, 1.05, n_layers + 1).tolist()
    curve = [{"layer": layer, "share": s, "low": s - 0.1, "high": s + 0.1} for layer, s in enumerate(share)]
    return {
        "kind": "layer_modulation",
        "definition": "joint",
        "target": 0.8,
        "curve": curve,
        "heads": [head["label"] for head in selected],
        "final": {"mean": 1.05, "low": 0.95, "high": 1.15},
    }


def _spans(n_layers: int, n_tokens: int, focus: dict, rng: np.random.Generator) -> dict:
    places = {"opposite": 2, "large": focus["key"], "brackets": n_tokens, "the words before it": max(1, n_tokens - 1)}
    groups = []
    for name, place in places.items():
        place = min(place, n_tokens)
        # Every second layer: as many gaps as there can be.
        layers = list(range(0, n_layers, 2)) if name == "brackets" else list(range((n_layers + 1) // 2))
        values = rng.normal(size=n_layers)
        groups.append(
            {
                "group": name,
                "positions": [place],
                "layers": layers,
                "first": layers[0],
                "last": layers[-1],
                "gaps": [1] if name == "brackets" and n_layers > 2 else [],
                "n": PROMPTS,
                "corrupted": "another prompt",
                "profile": [
                    {"layer": layer, "normalised": {"mean": v, "low": v - 0.3, "high": v + 0.3}}
                    for layer, v in enumerate(values.tolist())
                ],
            }
        )
    output = {"group": "small", "positions": [], "layers": [n_layers], "first": n_layers, "last": n_layers}
    groups.append(output | {"output": True, "gaps": []})
    return {"kind": "layer_span", "site": "mlp_out", "threshold": 0.05, "groups": groups}


def _effects(
    heads: pd.DataFrame, selected: list[dict], n_tokens: int, probes: list[str], rng: np.random.Generator
) -> pd.DataFrame:
    # One row for every probe: the order of the table is the order in which the probes ran.
    rows = [pd.DataFrame({"probe": probes, "part": "", "source": "zero", "prompt": 0})]
    for prompt in range(PROMPTS):
        single = heads.assign(probe="key_query_heads", part="single", source="zero", prompt=prompt)
        rows.append(single.assign(pair=PAIRS[prompt % 2], effect=rng.normal(size=len(heads))))
    query, key = (side + 1 for side in np.tril_indices(n_tokens))
    for head in selected:
        seen = pd.DataFrame({"query": query, "key": key, "value": rng.random(len(query)) / query})
        seen = seen.assign(layer=head["layer"], head=head["head"], probe="attention_pattern", prompt=0, source="")
        rows.append(seen)
    effects = pd.concat(rows, ignore_index=True)
    return effects.astype(dict.fromkeys(("layer", "head", "query", "key"), "Int64"))


def _summary(heads: pd.DataFrame, n_tokens: int, n_layers: int, rng: np.random.Generator) -> pd.DataFrame:
    positions = [str(place) for place in range(1, n_tokens + 1)]
    rows = [
        heads.assign(probe=probe, part="single", site="edge", query_label="query", key_label="key")
        for probe in ("key_query_heads", "attribution_patching")
    ]
    places = pd.MultiIndex.from_product([range(n_layers), positions], names=["layer", "query_label"])
    rows += [
        places.to_frame(index=False).assign(probe="activation_patching", site=site, base=base, source=source)
        for site in SITES[:3]
        for base, source in (("corrupted", "clean"), ("clean", "corrupted"))
    ]
    rows += [
        heads.assign(probe="activation_patching", part=f"{site}/denoise", site=site, base="corrupted")
        for site in SITES[3:]
    ]
    layers = pd.DataFrame({"layer": range(n_layers + 1)})
    rows.append(layers.assign(probe="logit_lens", part="lens"))
    # Edges into the query and from the token before: every position is a key and a query.
    for query, key in ((positions, positions), ([positions[-1]] * (n_tokens - 1), positions[:-1])):
        edges = pd.DataFrame({"query_label": query, "key_label": key}).merge(layers[:-1], how="cross")
        rows.append(edges.assign(probe="edge_patching", part="edge", site="edge", head=0))
    table = pd.concat(rows, ignore_index=True)
    for name in ("part", "base", "source", "site", "query_label", "key_label", "group"):
        table[name] = table[name].fillna("") if name in table else ""
    mean = rng.normal(size=len(table))
    for name in ("mean", "norm_mean", "value_mean"):
        table[name] = mean
    for name in ("ci", "norm_ci", "value_ci"):
        table[f"{name}_low"], table[f"{name}_high"] = mean - 0.5, mean + 0.5
    return table.assign(n=PROMPTS, n_pairs=len(PAIRS)).astype({"layer": "Int64", "head": "Int64"})


def _prompts(tokens: list[str], focus: dict) -> pd.DataFrame:
    ids = list(range(len(tokens)))
    other = [*ids[: focus["key"] - 1], 10_000, *ids[focus["key"] :]]
    row = {
        **{"set": "t0", "template": 'The opposite of "{word}" is "', "focus": False, **focus},
        "clean_tokens": tokens,
        "corrupted_tokens": tokens,
        "clean_ids": ids,
        "corrupted_ids": other,
        "roles": json.dumps({"key": [focus["key"]], "query": [focus["query"]]}),
        "gap": 2.0,
        "clean_metric": 3.0,
        "corrupted_metric": 1.0,
        "clean_top1": " small",
        "answer_prob": 0.5,
    }
    return pd.DataFrame(
        [row | {"prompt": n, "pair": PAIRS[n % 2], "focus": n == 0, "template": f"t{n // 2}"} for n in range(PROMPTS)]
    )
