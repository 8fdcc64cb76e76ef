"""What a page says of a place in a figure: the number that is drawn there, and no other."""

from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from interp.figures import figures
from interp.figures.base import new_figure
from interp.figures.marks import WHOLE, Marks, spots_of, told
from interp.figures.style import DIVERGING
from interp.results.tables import RunTables


@pytest.fixture(scope="module")
def small(finished):
    return RunTables.load(finished[1])


def seen(made):
    """(spots, picture) of a figure that is laid out as for its files."""
    buffer = io.BytesIO()
    made.figure.savefig(buffer, format="png", dpi=200)
    return spots_of(made.figure, made.marks), np.asarray(Image.open(buffer).convert("RGB")) / 255


def colour_at(picture, place, part=(0.2, 0.2)):
    """The colour in a cell, beside its middle, where a dot may stand."""
    left, top, right, bottom = place
    high, wide, _ = picture.shape
    x, y = left + part[0] * (right - left), top + part[1] * (bottom - top)
    return picture[int(y / WHOLE * high), int(x / WHOLE * wide)]


def number(text):
    return float(text.replace("−", "-").replace(",", ""))


@pytest.mark.parametrize("kind", list(figures))
def test_every_figure_of_ours_says_what_is_where(small, kind):
    spots, _ = seen(figures[kind]().render(small))
    assert spots
    for group in spots:
        assert len(group.texts) == len(group.places) > 0
        assert all(len(row) == len(group.names) for row in group.texts)
        assert all(0 <= place <= WHOLE for places in group.places for place in places)


def test_a_cell_of_a_heatmap_has_the_colour_of_the_number_that_it_says(small):
    made = figures["head_heatmap"](top_k=0).render(small)
    spots, picture = seen(made)
    limit = max(abs(number(row[group.names.index("mean")])) for group in spots for row in group.texts)
    checked = 0
    for group in spots:
        for row, place in zip(group.texts, group.places, strict=True):
            value = number(row[group.names.index("mean")])
            drawn = mpl.colormaps[DIVERGING](0.5 + value / (2 * limit))[:3]
            assert colour_at(picture, place) == pytest.approx(drawn, abs=0.03), row
            checked += 1
    assert checked == len(made.data)


def test_a_cell_of_an_attention_map_is_as_dark_as_the_weight_that_it_says(small):
    spots, picture = seen(figures["attention_panel"]().render(small))
    for group in spots:
        weights = [number(row[group.names.index("weight")]) for row in group.texts]
        colours = np.array([colour_at(picture, place, (0.5, 0.5)) for place in group.places])
        blue = colours[:, 2] - colours[:, 0] >= -1e-6  # all but the red one
        assert blue.sum() == len(weights) - 1
        rows = [row for row, is_blue in zip(group.texts, blue, strict=True) if not is_blue]
        named = dict(zip(group.names, rows[0], strict=True))
        assert (named["key"].split()[0], named["query"].split()[0]) == ("5", "8")
        order = np.argsort(np.array(weights)[blue])
        assert (np.diff(colours[blue][:, 0][order]) <= 0.02).all()


def test_points_on_a_logarithmic_axis_lie_where_they_are_drawn():
    figure = new_figure(3, 2)
    axes = figure.add_subplot()
    axes.set(xscale="log", xlim=(1, 100), ylim=(0, 1))
    rows = pd.DataFrame({"n": [1.0, 10.0, 100.0, 0.0], "share": [0.0, 0.5, 1.0, 0.5]})
    figure.savefig(io.BytesIO(), format="png")
    (group,) = spots_of(figure, [Marks(axes, rows, "n", "share")])
    assert [text[0] for text in group.texts] == ["1", "10", "100"]
    (left, low), middle, (right, high) = group.places
    assert middle == pytest.approx([(left + right) / 2, (low + high) / 2], abs=1)
    assert left < right
    assert high < low, "counted from above"


def test_cells_too_small_to_be_pointed_at_are_told_together():
    def spots(size):
        figure = new_figure(3, 2)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.1, 0.1, 0.5, 0.5))
        axes.set(xlim=(0.5, size + 0.5), ylim=(0.5, size + 0.5))
        key, query = (place.ravel() + 1 for place in np.meshgrid(np.arange(size), np.arange(size)))
        rows = pd.DataFrame({"head": "L1-H0", "query": query, "key": key, "weight": 0.5 + 0.001 * key})
        figure.savefig(io.BytesIO(), format="png")
        return spots_of(figure, [Marks(axes, rows, "key", "query", cell=True)])

    (large,), (small,) = spots(8), spots(60)
    assert len(large.places) == 64
    assert (small.names, small.texts) == (["head"], [["L1-H0"]])
    assert small.places == [pytest.approx([1000, 4000, 6000, 9000], abs=2)]


def test_rows_are_told_in_the_words_of_the_field():
    rows = pd.DataFrame(
        {
            "part": ["single", "single"],
            "layer": [3, 11],
            "head": [0, 7],
            "mean": [1.23456, float("nan")],
            "ci_low": [1.1, float("nan")],
            "ci_high": [1.4, float("nan")],
            "n": [24, 24],
            "empty": [None, None],
        }
    )
    names, texts = told(rows)
    assert names == ["part", "head", "mean", "interval", "prompts"]
    assert texts == [["single", "L3-H0", "1.23", "[1.10, 1.40]", "24"], ["single", "L11-H7", "", "", "24"]]
    assert told(pd.DataFrame({"n": [5.0], "share": [0.5], "high": [0.6], "low": [0.4]})) == (
        ["n", "share", "interval"],
        [["5", "0.50", "[0.40, 0.60]"]],
    )
    assert told(rows.iloc[:0])[1] == []
