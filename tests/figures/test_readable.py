"""Text of every figure at 8 to 200 tokens, 1 to 25 heads, 1 to 48 layers: large enough, on the page, not over other text."""

from __future__ import annotations

import functools

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from interp.figures import circuit_panel, figures, style
from interp.figures.base import drawn_texts, new_figure, save
from interp.figures.fonts import rc
from interp.runs.sparsify import figures as training
from interp.runs.toy import figures as toy
from tests.figures.grid import SOME, ways
from tests.figures.readable import drawn, faults
from tests.figures.sizes import make_tables
from tests.findings import changed

tables_of = functools.cache(make_tables)


def check(draw, tables) -> None:
    with mpl.rc_context(rc(drawn_texts(tables))):
        figure = draw().figure
        assert drawn(figure)
        assert faults(figure) == []
        assert figure.get_figwidth() <= style.PAGE + 1e-6


@pytest.mark.parametrize("size", SOME, ids=str)
def test_every_figure_can_be_read(size):
    tables = tables_of(*size)
    for draw in ways(tables).values():
        check(draw, tables)


@pytest.mark.parametrize(("key", "query"), [(1, 1), (50, 52), (52, 52), (2, 30)])
def test_a_circuit_can_be_read_wherever_its_key_is(key, query):
    tables = make_tables(52, 9, 30, key=key, query=query)
    for kind in ("circuit_panel", "position_grid", "position_heatmap"):
        check(lambda kind=kind: figures[kind]().render(tables), tables)


@pytest.mark.parametrize(("n_layers", "n_heads"), [(1, 1), (2, 4), (4, 9), (3, 12)])
def test_the_adders_figures_can_be_read(n_layers, n_heads):
    query, key = (side + 1 for side in np.tril_indices(10))
    rows = [
        pd.DataFrame({"query": query, "key": key, "weight": 1 / query}).assign(
            **{"sum": sum_, "carries": carries, "model": model, "layer": layer, "head": head}
        )
        for sum_, carries in (("21+34=00055", 0), ("36+28=00064", 1))
        for model in toy.MODELS
        for layer in range(n_layers)
        for head in range(n_heads)
    ]
    attention = pd.concat(rows, ignore_index=True)
    with mpl.rc_context(style.STYLE):
        for made in (toy.by_example(attention), toy.all_heads(attention)):
            assert faults(made.figure) == []
            titles = {axes.get_title() for axes in made.figure.axes} - {""}
            assert len(titles) == 2 * n_layers * (n_heads if made.title.startswith("All") else 1)


@pytest.mark.parametrize(("n_stages", "n_layers", "n_heads"), [(1, 1, 1), (2, 2, 9), (4, 30, 9), (4, 48, 25)])
def test_the_figures_of_a_training_can_be_read(n_stages, n_layers, n_heads):
    rng = np.random.default_rng(0)
    steps = np.arange(40 * n_stages)
    log = pd.DataFrame({"step": steps, "stage": steps // 40, "loss": rng.random(len(steps)), "target": 0.1})
    log = log.assign(expected_density=np.linspace(1, 0.01, len(steps)), multiplier=np.exp(steps / 40))
    log["density"] = np.where(steps % 8 == 0, log["expected_density"], np.nan)
    log["held_out_loss"] = np.where(steps % 8 == 0, log["loss"], np.nan)
    stages = pd.DataFrame({"density": np.linspace(0.3, 0.05, n_stages), "above_dense": 0.1}).assign(
        above_low=0.08, above_high=0.12, keys_a_query=lambda table: table["density"] * 65 / 2
    )
    score = pd.DataFrame({"gate": "score", "bias": [0.0, 2.0, 4.0, 8.0], "density": [0.2, 0.4, 0.7, 0.95]})
    weight = pd.DataFrame({"gate": "weight", "bias": [2.0, 4.0, 6.0], "density": [0.1, 0.3, 0.6]})
    alone = pd.concat([score.assign(above_dense=[2.0, 1.0, 0.2, 0.01]), weight.assign(above_dense=[0.8, 0.2, 0.02])])
    heads = pd.MultiIndex.from_product([[0], range(n_layers), range(n_heads)], names=["stage", "layer", "head"])
    densities = heads.to_frame(index=False).assign(density=rng.random(len(heads)))
    with mpl.rc_context(style.STYLE):
        for made in (
            training.training_curves(log, "text"),
            training.frontier(stages, alone, log, "text"),
            training.head_densities(densities, 0, "text"),
        ):
            assert faults(made.figure) == []


def test_past_forty_tokens_a_figure_shows_a_window_around_key_and_query_and_says_so():
    tables = tables_of(200, 9, 2)
    for kind in ("circuit_panel", "attention_panel", "position_grid", "position_heatmap"):
        made = figures[kind]().render(tables)
        assert "Of 200 positions, 1–22, 183–200 are shown." in made.caption, kind
        columns = {"position": "position", "query_label": "query_label"}
        shown = made.data[next((name for name in columns if name in made.data), "query")].dropna().astype(int)
        assert {5, 200} <= set(shown) <= {*range(1, 23), *range(183, 201)}
    assert "positions, " not in figures["circuit_panel"]().render(tables_of(24, 9, 1)).caption


def test_key_and_query_are_labelled_where_not_every_token_can_be():
    figure = figures["position_heatmap"]().render(tables_of(52, 9, 30)).figure
    with mpl.rc_context(style.STYLE):
        labels = {text.get_text(): text.get_color() for text, _ in drawn(figure)}
    assert labels["5 large"] == style.RED
    assert labels["52 very"] == style.BLUE
    assert '6 "' not in labels


def test_words_of_any_length_can_be_read():
    words = ["Donau", "dampf" * 40, " of", " W" * 60, " iiii", "\n", " ", " end"]
    tables = make_tables(8, 9, 2, tokens=words)
    for kind in ("circuit_panel", "position_grid", "position_heatmap"):
        check(lambda kind=kind: figures[kind]().render(tables), tables)


def test_a_long_name_of_a_group_and_many_gaps_stay_in_their_box():
    def named(metrics):
        for group in metrics["probes"]["layer_span"]["groups"]:
            group["group"] = "a group whose name is " + "very " * 20 + "long"

    tables = changed(make_tables(24, 9, 48), named)
    for kind in ("circuit_panel", "span_chart"):
        check(lambda kind=kind: figures[kind]().render(tables), tables)
    assert circuit_panel.MOST_LINES == 3


@pytest.mark.parametrize(
    ("place", "size", "rotation", "says"),
    [
        ((0.5, 0.5), 8, 0, "overlaps"),
        ((0.5, 0.5), 8, 60, "overlaps"),
        ((0.99, 0.5), 8, 0, "leaves the page"),
        ((0.2, 0.2), 4, 0, "4.0 points"),
    ],
)
def test_the_measure_finds_what_is_wrong(place, size, rotation, says):
    figure = new_figure(3, 3)
    figure.text(0.5, 0.5, "a first text", fontsize=8)
    assert faults(figure) == []
    figure.text(*place, "another text", fontsize=size, rotation=rotation)
    assert says in " ".join(faults(figure))


def test_slanted_neighbours_do_not_overlap_though_their_boxes_do():
    figure = new_figure(3, 3)
    for place in (0.3, 0.4):
        figure.text(place, 0.3, "a slanted label", fontsize=8, rotation=60)
    assert faults(figure) == []


@pytest.mark.parametrize(("top", "low"), [(1.4, -0.45), (1.53, -0.36), (1.7, -0.2)])
def test_ticks_that_change_while_a_figure_is_laid_out_have_room(top, low, tmp_path):
    """Axes that make room for a legend may have finer ticks, with longer labels than were laid out."""

    def overshoot(metrics):
        found = metrics["probes"]["circuit_nodes"]
        found["orders"].pop("reranked")
        for place, point in enumerate(found["curves"]["necessary"]):
            point["share"] = top * min(1, place / 5)
        for place, point in enumerate(found["nonsense"]["curves"]["sufficient"]):
            point["low"] = low * place / len(found["curves"]["necessary"])

    tables = changed(tables_of(16, 9, 30), overshoot)
    made = figures["circuit_curves"]().render(tables)
    save(made, tmp_path, "curves")
    with mpl.rc_context(rc(drawn_texts(tables))):
        assert faults(made.figure) == []
