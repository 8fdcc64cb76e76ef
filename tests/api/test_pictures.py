"""`interp.heatmap`: the picture of a frame holds the frame's means."""

from __future__ import annotations

import itertools

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

import interp
from interp.figures.style import STYLE
from tests.figures.readable import faults

PROMPTS = 4


def frame(across: str, n: int, layers: int = 3, part: str = "z", **constant) -> pd.DataFrame:
    """Effects of one cell each; the effect on a prompt is layer + place / 10 + prompt / 100, so its mean is known."""
    rows = [
        {
            **dict.fromkeys(("model", "probe", "kind", "method", "base", "source", "site", "group"), "x"),
            **{"part": part, "layer": layer, "head": None, "query_label": "", "key_label": "", "n_kept": None},
            across: str(place) if across == "query_label" else place,
            **{"prompt": prompt, "pair": f"p{prompt}", "effect": layer + place / 10 + prompt / 100},
            **{"value": 0.0, "normalised": 0.0, **constant},
        }
        for layer, place, prompt in itertools.product(range(layers), range(n), range(PROMPTS))
    ]
    return pd.DataFrame(rows).astype({"layer": "Int64", "head": "Int64", "n_kept": "Int64"})


def colours(picture) -> np.ndarray:
    return np.asarray(picture.figure.axes[0].collections[0].get_array()).reshape(3, -1)


@pytest.mark.parametrize(("across", "n", "name"), [("head", 4, "head"), ("query_label", 12, "position")])
def test_the_drawn_cells_are_the_means_over_prompts(across, n, name):
    picture = interp.heatmap(frame(across, n), n_resamples=100)
    expected = np.arange(3)[:, None] + np.arange(n) / 10 + 0.015
    assert colours(picture) == pytest.approx(expected)
    assert picture.figure.axes[0].get_xlabel() == name
    assert len(picture.data) == 3 * n
    assert picture._repr_png_().startswith(b"\x89PNG")
    with mpl.rc_context(STYLE):
        assert faults(picture.figure) == []


def test_a_panel_a_part_and_what_has_another_shape_is_said_to_be_left_out():
    both = pd.concat([frame("head", 4), frame("query_label", 6, part="mlp"), frame("key_label", 1, part="curve")])
    picture = interp.heatmap(both, n_resamples=100)
    assert [axes.get_title() for axes in picture.figure.axes[:2]] == ["z", "mlp"]
    assert "Left out: 1 part of another shape." in picture.caption


def test_it_is_written_in_every_format(tmp_path):
    picture = interp.heatmap(frame("head", 4), n_resamples=100)
    for ending in ("png", "pdf", "svg"):
        picture.save(tmp_path / f"picture.{ending}")
        assert (tmp_path / f"picture.{ending}").stat().st_size > 1000


@pytest.mark.parametrize(
    ("effects", "says"),
    [
        (frame("head", 4).iloc[:0], "has no rows"),
        (frame("head", 4).drop(columns=["layer", "pair"]), "it has no column layer, pair"),
        (frame("head", 4, layers=1).assign(layer=pd.NA), "one row a layer and head"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(effects, says):
    with pytest.raises(interp.UserError, match=says):
        interp.heatmap(effects, n_resamples=100)
