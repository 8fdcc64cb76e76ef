"""What many runs of probes say together: clustered means, ratios, figures; on numbers that are worked out by hand."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from interp.analysis.findings_of_heads import HeadFindings
from interp.analysis.findings_of_run import Metrics, RunFindings
from interp.figures.forest import told_apart
from interp.runs.chapter import Cell, Layout, Point, records
from interp.runs.circuit.chapter import figures
from interp.runs.circuit.chapter.found import Found
from interp.runs.circuit.chapter.sentences import answer
from interp.runs.circuit.chapter.summary import TOGETHER, ratio_table, summary_table
from tests.findings import estimate, filled


def run_of(pairs):
    told = {"n_resamples": 200, "confidence": 0.95, "metric": {"unit": "logits"}, "n_pairs": pairs}
    return RunFindings.model_validate(filled(RunFindings, told))


def point(model, seed, n, effects, counts, others=(), pairs=40):
    """A finished run whose tables hold these effects, and whose verdict counts so many heads; `others`: at other shares."""
    values = np.array(effects, dtype=float)
    resampled = [None if np.isinf(one) else one for one in counts]
    verdict = {
        **{"kind": "key_query_heads", "target": 0.8, "definition": "joint", "n_candidates": 20},
        "shares": {"joint": {"n": n, "n_low": min(counts), "n_high": None if None in resampled else max(counts)}},
        "resampled": {"joint": resampled},
        "crossings": [{"target": target, "staying": count} for target, count in others],
        "total": {"effect": estimate(float(values.mean()), float(values.min()), float(values.max())).model_dump()},
    }
    heads = HeadFindings.model_validate(filled(HeadFindings, verdict))
    made = Found(Point(f"{model}-{seed}", {"model": model, "seed": seed}, Path()))
    # What is read from the run's folder once is here already.
    vars(made).update(
        metrics=Metrics(run=run_of(pairs), probes={"key_query_heads": heads}),
        effects=(values, [f"pair{number}" for number in range(len(values))]),
    )
    return made


POINTS = [
    point("dense", "0", 12, [1, 2, 3, 4], [12] * 100),
    point("dense", "1", 16, [3, 4, 5, 6], [16] * 100),
    point("sparse", "0", 6, [1, 1, 1, 1], [6] * 100),
    point("sparse", "1", 4, [2, 2, 2, 2], [4] * 50 + [np.inf] * 50),
]
CELLS = [Cell({"model": "dense"}, POINTS[:2]), Cell({"model": "sparse"}, POINTS[2:])]


def test_points_that_repeat_each_other_are_pooled_by_word_pair():
    dense, sparse = records(summary_table(CELLS))
    assert (dense["effect_mean"], dense["pairs"], dense["prompts"]) == (3.5, 4, 8)
    assert dense["effect_sd"] == pytest.approx(2**0.5)
    assert (dense["heads_mean"], dense["heads_least"], dense["heads_most"]) == (14, 12, 16)
    # Every word pair has the same mean over both points, so other word pairs would say the same.
    assert sparse["effect_low"] == pytest.approx(1.5)
    assert dense["effect_low"] < 3.5 < dense["effect_high"]


def test_ratios_are_taken_to_the_reference_and_an_end_may_be_open():
    first, second, both = records(ratio_table(POINTS, "model", "dense"))
    assert (first["ratio"], first["low"], first["high"]) == (2, 2, 2)
    assert (second["ratio"], second["low"], second["high"]) == (4, 0, 4)  # never reached: infinitely many heads
    assert both["combination"] == TOGETHER
    assert both["ratio"] == pytest.approx(8**0.5)


@pytest.mark.parametrize(
    ("dense", "sparse", "said"),
    [
        ([(0.7, 9), (0.9, 15)], [(0.7, 4), (0.9, 8)], "sparse needs fewer"),
        ([(0.7, 3), (0.9, 15)], [(0.7, 4), (0.9, 8)], "so neither is said to need fewer"),
        ([(0.7, 4), (0.9, None)], [(0.7, 4), (0.9, 8)], "sparse needs fewer"),  # as many, and never: nothing against it
    ],
)
def test_of_two_models_none_needs_fewer_where_another_share_says_the_opposite(dense, sparse, said):
    points = [
        point("dense", "0", 12, [1, 2, 3, 4], [12] * 100, dense),
        point("sparse", "0", 6, [1, 1, 1, 1], [6] * 100, sparse),
    ]
    cells = [Cell({"model": one.labels["model"]}, [one]) for one in points]
    layout = Layout(("model", "seed"), ("seed",), ("model", "dense"))
    told = answer(layout, cells, summary_table(cells), ratio_table(points, "model", "dense"))
    assert told[-1].removesuffix(".").endswith(said)


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ((30, 40), "sparse needs fewer"),
        ((40, 29), "but from 29 word pairs, fewer than 30, so neither is said to need fewer"),
    ],
)
@pytest.mark.parametrize("tasks", [["antonyms"], ["antonyms", "capitals"]])
def test_of_two_models_none_needs_fewer_where_one_was_asked_few_word_pairs(pairs, said, tasks):
    """Of several tasks together, the smallest run decides."""
    points = []
    for number, task in enumerate(tasks):
        asked = pairs if number == 0 else (50, 50)
        points.append(point("dense", task, 12, [1, 2, 3, 4], [12] * 100, pairs=asked[0]))
        points.append(point("sparse", task, 6, [1, 1, 1, 1], [6] * 100, pairs=asked[1]))
    layout = Layout(("model", "seed"), ("seed",), ("model", "dense"))
    told = answer(layout, [], summary_table([]), ratio_table(points, "model", "dense"))
    assert told[-1].removesuffix(".").endswith(f", {said}")


def test_figures_hold_the_points():
    drawn = figures.effects(CELLS, summary_table(CELLS))
    assert drawn.data["value"].tolist() == [2.5, 4.5, 3.5, 1, 2, 1.5]
    assert figures.heads_needed(CELLS, "model").data["value"].tolist() == [12, 6, 16, 4]
    assert figures.grid(POINTS, "model", "seed").data["value"].tolist() == [12, 6, 16, 4]
    ratios = figures.ratios(ratio_table(POINTS, "model", "dense"), "model", "dense")
    assert ratios.data["value"].iloc[:2].tolist() == [2, 4]


@pytest.mark.parametrize("size", [1, 5])
def test_levels_are_told_apart_and_nothing_is_cut_off(size):
    """Two points, and forty whose models have long names that begin alike."""
    kinds = (
        ("dense", "sparse") if size == 1 else ("dense", "control", "sparse", "opened", "half", "tf32", "long", "short")
    )
    models = [f"smollm2-135m-instruct-{kind}" for kind in kinds]
    points = [
        point(model, str(seed), 4 + seed, [1, 2, 3], [4] * 50 + [40] * 50) for model in models for seed in range(size)
    ]
    cells = [Cell({"model": model}, [one for one in points if one.labels["model"] == model]) for model in models]
    needed, ratio = (
        figures.heads_needed(cells, "model"),
        figures.ratios(ratio_table(points, "model", models[0]), "model", models[0]),
    )
    legend = needed.figure.axes[0].get_legend()
    assert len({text.get_text() for text in legend.get_texts()}) == len(models)
    looks = {(line.get_color(), line.get_marker()) for line in legend.legend_handles}
    assert len(looks) == len(models)
    for drawn in (needed, ratio):
        drawn.figure.canvas.draw()
        axes = drawn.figure.axes[0]
        wide = axes.xaxis.label.get_window_extent()
        assert 0 <= wide.x0 < wide.x1 <= drawn.figure.bbox.x1
        ticks = [text.get_window_extent() for text in axes.get_xticklabels() if text.get_text()]
        assert all(left.x1 < right.x0 for left, right in pairwise(sorted(ticks, key=lambda box: box.x0)))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["dense", "sparse"], ["dense", "sparse"]),
        (["dense-model-of-some-length", "other"], ["dense-model-of-some-len…", "other"]),
        (
            ["a-model-of-some-length-one", "a-model-of-some-length-two"],
            ["…odel-of-some-length-one", "…odel-of-some-length-two"],
        ),
    ],
)
def test_long_names_are_cut_where_they_are_alike(names, told):
    assert told_apart(names) == told
