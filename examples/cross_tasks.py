"""Is the circuit of a task its own? The heads of every task, kept alone on every task: the cross-task matrix.

    python examples/cross_tasks.py ioi induction agreement [--model NAME] [--heads 20] [--pairs 32] [--out cross_tasks]

For each task, heads are ranked by what giving the whole head its corrupted value does (its output at all positions) on one
half of the word pairs. A cell (A, B) is the share of what all heads do on task B that is left when the best N heads of task A keep
their own values and all others have corrupted ones: on the diagonal on the half that did not rank, both ways round. The row
`random` is the mean over 10 sets of N heads drawn at random. A circuit that explains other tasks as well as its own, or a random
one that explains as much, is no circuit of the task (Drori 2026 on circuits of nonsense tasks).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping

import numpy as np
import pandas as pd

import interp
from interp.api.studies import NotebookStudy

RANDOM, RANDOM_SETS, RESAMPLES = "random", 10, 2000


def matrix(studies: Mapping[str, NotebookStudy], n: int, seed: int = 0) -> pd.DataFrame:
    """One row a pair of tasks: `circuit`, `task`, `share` with `low` and `high` (95 %, word pairs resampled), `n_prompts`."""
    rng = np.random.default_rng(seed)
    halves = {name: halved(study, rng) for name, study in studies.items()}
    effects = {name: study.patch("z", by="head", direction="noise") for name, study in studies.items()}
    best = {name: [ranked(effects[name], halves[name] == half)[:n] for half in (0, 1)] for name in studies}
    rows = []
    for task, study in studies.items():
        every = ranked(effects[task], halves[task] >= 0)
        random = [[every[i] for i in rng.permutation(len(every))[:n]] for _ in range(RANDOM_SETS)]
        sets = {**best, RANDOM: random}
        total = lost(study, every, [])
        for circuit, chosen in sets.items():
            left = pd.concat([total - lost(study, every, one) for one in chosen], axis=1)
            # A task's own heads are measured on the half of the word pairs that did not rank them.
            kept = (
                left.to_numpy()[np.arange(len(left)), 1 - halves[task][left.index]]
                if circuit == task
                else left.mean(axis=1)
            )
            pairs = study.prompts.set_index("prompt")["pair"][left.index]
            rows.append({"circuit": circuit, "task": task, **share(kept, total, pairs, rng), "n_prompts": len(left)})
    return pd.DataFrame(rows)


def halved(study: NotebookStudy, rng: np.random.Generator) -> pd.Series:
    """By prompt number: the half (0 or 1) that its word pair is in."""
    pairs = study.prompts.set_index("prompt")["pair"]
    names = pairs.unique()
    half = dict(zip(names, rng.permutation(np.arange(len(names)) % 2), strict=True))
    return pairs.map(half)


def ranked(effects: pd.DataFrame, chosen: pd.Series) -> list[tuple[int, int]]:
    """All heads, by the size of their mean effect on some prompts."""
    mine = effects[effects["prompt"].map(chosen)]
    sizes = mine.groupby(["layer", "head"])["effect"].mean().abs().sort_values(ascending=False)
    return [(int(layer), int(head)) for layer, head in sizes.index]


def lost(study: NotebookStudy, every: list[tuple[int, int]], kept: list[tuple[int, int]]) -> pd.Series:
    """By prompt number: what the metric loses when all heads but some have their corrupted values."""
    edits = tuple(interp.Edit("z", *head, source="corrupted") for head in every if head not in set(kept))
    return -study.measure([interp.Variant(edits)]).set_index("prompt")["effect"]


def share(kept: np.ndarray, total: pd.Series, pairs: pd.Series, rng: np.random.Generator) -> dict[str, float]:
    """A ratio of means over prompts, with word pairs resampled."""
    sums = pd.DataFrame({"kept": np.asarray(kept), "total": total.to_numpy(), "pair": pairs.to_numpy()})
    sums = sums.groupby("pair").sum().to_numpy()
    draws = sums[rng.integers(len(sums), size=(RESAMPLES, len(sums)))].sum(1)
    low, high = np.percentile(draws[:, 0] / draws[:, 1], [2.5, 97.5])
    return {"share": float(sums[:, 0].sum() / sums[:, 1].sum()), "low": float(low), "high": float(high)}


def draw(found: pd.DataFrame, path: str) -> None:
    """A heatmap: circuits down, tasks across, shares in percent with their intervals."""
    import matplotlib.pyplot as plt
    import seaborn as sns

    names = list(dict.fromkeys(found["circuit"]))
    wide = found.pivot(index="circuit", columns="task", values="share").loc[names, [n for n in names if n != RANDOM]]
    texts = found.assign(
        text=[f"{a:.0%}\n[{b:.0%}, {c:.0%}]" for a, b, c in found[["share", "low", "high"]].to_numpy()]
    )
    texts = texts.pivot(index="circuit", columns="task", values="text").loc[wide.index, wide.columns]
    figure, axes = plt.subplots(figsize=(1.6 + 1.15 * wide.shape[1], 0.9 + 0.55 * len(wide)), layout="constrained")
    look = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1, "cbar_kws": {"label": "share of all heads' effect"}}
    sns.heatmap(wide, annot=texts, fmt="", ax=axes, annot_kws={"size": 7}, linewidths=0.5, **look)
    axes.set(xlabel="measured on", ylabel="heads of")
    axes.tick_params(rotation=0)
    figure.savefig(path, dpi=200)
    plt.close(figure)


def main() -> None:
    """Rank, measure, print, and write OUT.csv and OUT.png."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("tasks", nargs="+", help="names of tasks (interp list)")
    asked.add_argument("--model", default="smollm2-135m-instruct", help="what interp.load takes")
    asked.add_argument("--heads", type=int, default=20)
    asked.add_argument("--pairs", type=int, default=32, help="word pairs of each task")
    asked.add_argument("--out", default="cross_tasks")
    given = asked.parse_args()
    model = interp.load(given.model)
    studies = {
        name: interp.study(model, task={"kind": name, "max_pairs": given.pairs}) for name in dict.fromkeys(given.tasks)
    }
    found = matrix(studies, given.heads)
    found.to_csv(f"{given.out}.csv", index=False)
    draw(found, f"{given.out}.png")
    print(found.round(3).to_string(index=False))


if __name__ == "__main__":
    main()
