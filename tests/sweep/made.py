"""A sweep's folder whose points have ended, without a run: their tables are made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from interp.analysis.findings_of_comparison import VERSION, PairFindings
from interp.results.manifest import Manifest
from interp.results.run_folder import RunFolder
from interp.sweep.store import Entry, Journal, Store
from tests.findings import filled
from tests.runs.comparison.test_verdicts import circuits, paired

Fill = Callable[[RunFolder, int], None]
"""Write the tables of the point with that number."""
ABOUT = {
    "name": "made",
    "title": "A made-up sweep",
    "question": "",
    "overrides": [],
    "config": "made.yaml",
    "reference": None,
}


def made_store(
    folder: Path, settings: dict[str, Any], labels: list[dict[str, str]], fill: Fill, wrong: int = 0, **about: Any
) -> Store:
    """A sweep of these points; the last `wrong` of them were refused."""
    path = folder / "made" / "sweep"
    path.mkdir(parents=True)
    (path / "config.resolved.yaml").write_text("name: made\n", encoding="utf-8")
    entries = [Entry("-".join(one.values()), one, f"{place:012x}", "all") for place, one in enumerate(labels)]
    told = {"about": {**ABOUT, "repeats": None, **about}, "points": [asdict(one) for one in entries]}
    configs = "".join(json.dumps({"hash": one.hash, "given": settings}) + "\n" for one in entries)
    (path / "configs.jsonl").write_text(configs, encoding="utf-8")
    (path / "index.json").write_text(json.dumps(told), encoding="utf-8")
    store = Store(path)
    journal = Journal(store, "worker")
    for place, entry in enumerate(entries):
        if place >= len(entries) - wrong:
            journal.say("refused", entry, seconds=2.0, why="no prompt is left; ask for more")
            continue
        run = store.point_folder(entry)
        run.mkdir(parents=True)
        (run / "config.resolved.yaml").write_text(json.dumps(settings), encoding="utf-8")
        made = RunFolder.existing(run)
        made.finish(Manifest(name=entry.name, **{"model": {"name": "tiny"}}), ())
        fill(made, place)
        journal.say("finished", entry, seconds=60.0)
    return store


def compared(edges: Callable[[int], tuple[tuple, tuple]], pairs: tuple[str, ...] = ("dense",)) -> Fill:
    """comparison.json of `sparse` against each of `pairs`: edges both ways, (first, second, low, high) of each, by point."""

    def fill(folder: RunFolder, place: int) -> None:
        found = []
        for label in pairs:
            one = circuits(*edges(place)) | {"labels": [label, "sparse"], "names": [label, "sparse"]}
            one["ability"] |= {"accuracy": paired(0.5, 0.4 + 0.01 * place)}
            found.append(filled(PairFindings, one))
        folder.write_json("comparison.json", {"schema_version": VERSION, "labels": [*pairs, "sparse"], "pairs": found})

    return fill


COMPARISON = {"study": "comparison", "share": {"definition": "joint"}}


def trained(folder: RunFolder, place: int) -> None:
    """The tables of a training of two stages, at 10 % over its number of the edges."""
    stages = pd.DataFrame(
        {
            "stage": [1, 2],
            "density": [0.3 / (place + 1), 0.1 / (place + 1)],
            "keys_a_query": [9.0 / (place + 1), 3.0 / (place + 1)],
            "above_dense": [0.02 * (place + 1), 0.05 * (place + 1)],
            "above_low": [0.01 * (place + 1), 0.04 * (place + 1)],
            "above_high": [0.03 * (place + 1), 0.06 * (place + 1)],
            "sequences": [64, 64],
        }
    )
    folder.write_table("frontier.csv", stages)
    for name in ("log.csv", "baseline.csv", "heads.csv", "lengths.csv"):
        folder.write_table(name, pd.DataFrame({"step": [1]}))
    columns = {"template": "a {word}", "prompts": 40, "density": 0.2, "keys_a_query": 2.0, "above_dense": 0.1}
    rights = {"accuracy": 0.5 - 0.02 * place, "dense_accuracy": 0.5}
    folder.write_table("prompts.csv", pd.DataFrame([{**columns, **rights, "tokens": 8}]))


TRAINING = {"study": "sparsify", "text": {"context": 128}}


def added(folder: RunFolder, place: int) -> None:
    """The tables of a toy: 100 sums, of which the sparse model misses as many as its number."""
    rows = [
        {"model": name, "sum": f"{number:02d}+10", "carries": 0, "right": name == "dense" or number >= place}
        for name in ("dense", "sparse")
        for number in range(100)
    ]
    folder.write_table("accuracy.csv", pd.DataFrame(rows))
    folder.write_json("density.json", {"dense": {"density": 1.0}, "sparse": {"density": 0.05 + 0.01 * place}})


TOY = {"study": "toy_addition"}
