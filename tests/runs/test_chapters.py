"""What many runs of the other kinds say together: on made-up tables, through the report of a sweep."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from interp.analysis.findings_of_comparison import RatioFound
from interp.analysis.quantities import Quantity
from interp.figures.forest import Mark, Panel, forest
from interp.runs import plain_chapter
from interp.runs.chapter import Cell, Layout, Point, axis_words, cells_of, rows_of
from interp.runs.comparison.many import _independent
from interp.runs.shown import together
from interp.sweep.collect import collect_store
from tests.sweep.made import COMPARISON, TOY, TRAINING, added, compared, made_store, trained

QUIET = Console(quiet=True)
FOUR = [{"task": task, "seed": str(seed)} for task in ("antonyms", "capitals") for seed in (0, 1)]


def page(store) -> str:
    """report.md of a sweep, on one line."""
    return " ".join(collect_store(store, QUIET).with_suffix(".md").read_text(encoding="utf-8").split())


def fewer(place):
    """Twice and three times fewer edges, clearly; in the second task not both ways."""
    return (200, 100, 1.6, 2.5), ((60, 20, 2.4, 3.75) if place < 2 else (60, 50, 0.9, 1.6))


def test_comparisons_have_ratios_together_and_both_ways(tmp_path):
    store = made_store(tmp_path, COMPARISON, FOUR, compared(fewer), wrong=1)
    told = page(store)
    assert "dense needs 2.00 [1.71, 2.34] times as many edges as sparse" in told
    assert "Over 3 points in 2 cells, sparse needs fewer both ways in 2 of 3, more in none." in told
    assert "3 of 4 points are finished" in told
    assert "no prompt is left; ask for more" in told
    ratios = pd.read_csv(store.path / "ratios.csv").set_index(["of", "row"])["ratio"]
    assert ratios["edges, necessary", "antonyms: together"] == pytest.approx(3)
    assert ratios["edges, necessary", "all cells together"] == pytest.approx(math.sqrt(3 * 1.2))
    assert set(pd.read_csv(store.path / "figures/ratios.csv")["quantity"]) == {
        "heads: dense / sparse",
        "edges, sufficient: dense / sparse",
        "edges, necessary: dense / sparse",
    }


def test_a_model_that_never_gets_there_leaves_no_mean(tmp_path):
    def once(place):
        return (200, 100, 1.6, 2.5), ((None, 20, None, None) if place == 1 else (60, 20, 2.4, 3.75))

    store = made_store(tmp_path, COMPARISON, FOUR, compared(once, ("dense", "control")))
    told = page(store)
    assert "to destroy as much by replacing the best alone, (no mean can be told" in told
    assert "control needs 2.00 [1.71, 2.34] times as many edges as sparse" in told
    assert "never against 20: —" in told


def test_trainings_have_density_and_loss(tmp_path):
    store = made_store(tmp_path, TRAINING, FOUR, trained)
    told = page(store)
    assert "antonyms: 7.5 % (5.0 % to 10.0 %) of the causal edges are open (2.25 (1.50 to 3.00) keys a query" in told
    assert "texts of 128 tokens" in told
    drawn = pd.read_csv(store.path / "figures/density_loss.csv")
    assert len(drawn) == 8
    assert set(drawn["level"]) == {"antonyms", "capitals"}
    assert "On the task's own prompts" in told


def test_densities_on_texts_of_other_lengths_are_not_compared(tmp_path):
    def fill(folder, place):
        trained(folder, place)
        text = f'{{"study": "sparsify", "text": {{"context": {128 * (1 + place)}}}}}'
        (folder.path / "config.resolved.yaml").write_text(text, encoding="utf-8")

    store = made_store(tmp_path, TRAINING, FOUR[:2], fill)
    assert "The points were judged on texts of 128 and 256 tokens." in page(store)


def test_toys_have_accuracy_and_density(tmp_path):
    store = made_store(tmp_path, TOY, [{"seed": str(seed)} for seed in range(3)], added)
    assert "with 6.0 % (5.0 % to 7.0 %) of the causal edges open over 3 points, sparse models get 99.0 %" in page(store)
    summary = pd.read_csv(store.path / "summary.csv").set_index("quantity").loc["sparse.accuracy"]
    # A t interval over three points, which no share can leave.
    assert (summary["mean"], summary["high"]) == (pytest.approx(0.99), 1.0)
    assert summary["low"] == pytest.approx(0.99 - 4.3027 * 0.01 / math.sqrt(3), abs=1e-5)


def test_a_kind_without_a_chapter_tells_its_quantities():
    points = [
        Point(
            f"p{seed}",
            {"seed": str(seed)},
            Path(),
            {"plain": Quantity("plain", 7.0), "a.b": Quantity("a.b", seed, 0, 3)},
        )
        for seed in range(3)
    ]
    told = plain_chapter.chapter(points, Layout(("seed",), ("seed",)))
    assert told.answer == ["all points: a.b 1.0 [−1.5, 3.5] (0.00 to 2.00); plain 7.00 (7.00 to 7.00)."]
    assert told.cells["p1"] == ["1.0 [0.0, 3.0]", "7.00"]
    assert told.figures["forest"].data["value"].tolist() == [0, 1, 2, 1, 7, 7, 7, 7]
    assert plain_chapter.chapter([Point("p", {}, Path())], Layout(())).answer == [
        "The runs conclude no numbers, so there is nothing to tell together."
    ]


def test_two_points_have_no_interval_and_equal_ones_neither():
    assert together([1.0, 2.0])["low"] is None
    assert together([1.0, 1.0, 1.0])["low"] is None
    assert together([1.0, None, 2.0, 3.0])["points"] == 3


def test_independent_ratios_together_are_surer_than_one_and_open_ends_stay_open():
    one = RatioFound(value=2.0, low=1.0, high=4.0)
    both = _independent([one, one])
    assert (both.value, both.low, both.high) == pytest.approx(
        (2, 2 ** (1 - 1 / math.sqrt(2)), 2 ** (1 + 1 / math.sqrt(2)))
    )
    opened = _independent([one, RatioFound(value=2.0, low=1.0, high=None)])
    assert opened.low is not None
    assert opened.high is None


def test_rows_are_cells_alone_where_points_would_be_too_many():
    def rows(seeds):
        points = [
            Point(f"{task}{seed}", {"task": task, "seed": str(seed)}, Path()) for task in "ab" for seed in range(seeds)
        ]
        return [label for label, _, _ in rows_of(cells_of(Layout(("task", "seed"), ("seed",)), points))]

    assert rows(2) == ["a, seed 0", "a, seed 1", "a: all 2", "b, seed 0", "b, seed 1", "b: all 2"]
    assert rows(40) == ["a: all 40", "b: all 40"]
    assert [label for label, _, _ in rows_of([Cell({"task": "a"}, [Point("a", {"task": "a"}, Path())])])] == ["a"]


def test_a_field_is_called_by_its_last_word_where_that_is_its_own():
    assert axis_words(["prompts.task", "seed"]) == {"prompts.task": "task", "seed": "seed"}
    assert axis_words(["a.task", "b.task"]) == {"a.task": "a.task", "b.task": "b.task"}


def test_an_open_end_has_an_arrow_and_no_interval_has_none():
    def arrows(mark):
        axes = forest(["row"], [Panel("n", [mark], line=None, whole=True)]).axes[0]
        return [line.get_marker() for line in axes.lines if line.get_marker() in "<>"]

    assert arrows(Mark(0, 8, 7, None)) == [">"]
    assert arrows(Mark(0, None)) == [">"]
    assert arrows(Mark(0, 8, 7, 9)) == arrows(Mark(0, 8)) == []
