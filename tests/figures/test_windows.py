"""Edges that a window makes impossible: no row of a table, no zero in a number, hatched in figures; with a twin that sees all."""

from __future__ import annotations

import json

import numpy as np
import pytest

from interp.analysis.findings_of_heads import HeadFound
from interp.figures import figures
from interp.figures.maps import attention_weights, draw_map, weights_table
from interp.figures.style import STYLE
from interp.figures.window import window
from interp.interventions.cells import Dimensions
from interp.results.tables import RunTables
from interp.runs.kinds import load_any
from interp.runs.lifecycle import tables_only
from tests.findings import filled
from tests.tiny_families import write_tiny
from tests.tiny_runs import QUIET

TYPES = ["sliding_attention", "full_attention", "sliding_attention"]


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Window -> the tables of a run; queries of layers 0 and 2 see so many tokens, and key and query are 3 apart."""

    def tables(width):
        folder = tmp_path_factory.mktemp("window")
        model = write_tiny(folder / "model", "gemma3", sliding_window=width, layer_types=TYPES)
        task = {"kind": "antonyms", "max_pairs": 12, "templates": ['The opposite of "{word}" is "']}
        settings = {
            "name": "windowed",
            "model": {"source": "directory", "path": str(model)},
            "prompts": {"keep": "all", "min_gap": 0.0001, "task": task},
            "probes": [
                {"kind": "attention_pattern", "prompts": "focus"},
                {"kind": "edge_patching", "pairs": [{}], "prompts": "all"},
                {"kind": "edge_patching", "name": "every", "pairs": "all"},
            ],
            "statistics": {"n_resamples": 100},
            "output": {"root": str(folder / "runs")},
        }
        path = folder / "windowed.yaml"
        path.write_text(json.dumps(settings), encoding="utf-8")
        kind, config = load_any(path)
        with tables_only():
            return RunTables.load(kind.run(config, QUIET).parent)

    made = {}
    return lambda width: made[width] if width in made else made.setdefault(width, tables(width))


def heads(layer):
    return [HeadFound.model_validate(filled(HeadFound, {"layer": layer, "head": 0, "label": f"L{layer}-H0"}))]


def test_an_impossible_edge_has_no_weight_and_the_others_sum_to_one(seen):
    rows = seen(3).probe("attention_pattern")
    far = rows["query"].astype(int) - rows["key"].astype(int) >= 3
    assert set(rows[far]["layer"]) == {1}
    sums = rows.groupby(["layer", "head", "query"])["value"].sum()
    assert sums.to_numpy() == pytest.approx(np.ones(len(sums)), abs=1e-5)
    assert set(seen(32).probe("attention_pattern").query("query == 8 and key == 1")["layer"]) == {0, 1, 2}


def test_maps_hatch_what_does_not_exist(seen):
    tables, shown = seen(3), window(8, [5, 8])
    for layer, impossible in ((0, 15), (1, 0)):
        maps = attention_weights(tables, "attention_pattern", heads(layer))
        (weights,) = maps.values()
        assert np.isnan(weights).sum() == impossible
        assert len(weights_table(maps, shown)) == 36 - impossible
        assert hatched(weights, shown) == impossible
    twin = attention_weights(seen(32), "attention_pattern", heads(0))["L0-H0"]
    assert hatched(twin, shown) == 0


def hatched(weights, shown):
    """Hatched cells of a map."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        axes = Figure().add_subplot()
        draw_map(axes, weights, shown, key=5, query=8)
    return sum(patch.get_hatch() is not None for patch in axes.patches)


@pytest.mark.parametrize(("width", "layers"), [(3, "0, 2"), (32, None)])
def test_layers_without_the_edge_are_hatched_and_named(seen, width, layers):
    made = figures["head_heatmap"](probe="edge_patching").render(seen(width))
    cells = [patch.get_xy() for patch in made.figure.axes[0].patches if patch.get_hatch() is not None]
    assert {row for _, row in cells} == (set() if layers is None else {0, 2})
    assert ("Hatched: layers 0, 2, whose window" in made.caption) == (layers is not None)
    assert set(made.data["layer"]) == ({1} if layers else {0, 1, 2})


def test_positions_say_that_edges_from_further_back_do_not_exist(seen):
    words = "Queries of layers 0, 2 see a window of tokens only"
    assert words in figures["position_grid"](probe="every").render(seen(3)).caption
    assert words not in figures["position_grid"](probe="every").render(seen(32)).caption


@pytest.mark.parametrize(("windows", "edges"), [((), 10), ((None,), 10), ((2,), 7), ((9,), 10)])
def test_the_edges_of_a_layer(windows, edges):
    sizes = Dimensions(1, 1, 1, windows)
    query, key = sizes.seen(0, 4)
    assert len(query) == len(key) == edges
    assert all(sizes.sees(0, *pair) for pair in zip(query.tolist(), key.tolist(), strict=True))
