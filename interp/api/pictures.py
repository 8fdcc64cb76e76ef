"""`interp.heatmap`: a frame of effects as a picture, chosen by the frame's shape."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from pydantic import Field

from interp.analysis.shapes import Panel, panels
from interp.analysis.summary import KEYS, summarise_effects
from interp.api.given import section
from interp.configs.mistakes import quoted
from interp.errors import UserError
from interp.figures.base import Drawn, shown
from interp.figures.fonts import rc
from interp.figures.grid import Axis, Grid, draw_grids, grid_of, heads_axis
from interp.runs.circuit.config import StatisticsConfig
from interp.words.phrases import plural

NEEDED = (*KEYS, "prompt", "pair", "effect", "value", "normalised")


class _Settings(StatisticsConfig):
    """What a heatmap is drawn with, within a YAML's bounds."""

    top_k: int = Field(default=5, ge=0, le=1_000)


class Picture:
    """A figure that shows itself in a notebook; `figure` is matplotlib's, `data` the drawn numbers."""

    def __init__(self, drawn: Drawn) -> None:
        self.figure = drawn.figure
        self.data = drawn.data
        self.caption = drawn.caption

    def save(self, path: str | Path, **settings: Any) -> None:
        """Write it as png, pdf or svg, by the path's ending (settings of matplotlib's savefig)."""
        self.figure.savefig(path, **{"dpi": 300} | settings)

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=150)
        return buffer.getvalue()

    def __repr__(self) -> str:
        return f"<picture: {self.caption}>"


def heatmap(effects: pd.DataFrame, *, top_k: int = 5, confidence: float = 0.95, n_resamples: int = 2000) -> Picture:
    """Mean effects over prompts: layer by head, or layer by position; a panel a part.

    Dots mark intervals (bootstrap over clusters) that exclude 0, frames the `top_k` largest cells of each panel.

    Raises:
        UserError: the frame has none of these shapes, or no rows.
    """
    asked = section(_Settings, {"top_k": top_k, "confidence": confidence, "n_resamples": n_resamples})
    if not isinstance(effects, pd.DataFrame):
        raise UserError(
            f"a heatmap is drawn of a frame of effects, as study.patch() returns it, not of {quoted(effects)}"
        )
    missing = [name for name in NEEDED if name not in effects.columns]
    if missing:
        raise UserError(f"this is no frame of effects: it has no column {', '.join(missing)}")
    if not len(effects):
        raise UserError("there is nothing to draw: the frame has no rows")
    if not np.isfinite(effects[["effect", "value"]].to_numpy(dtype=float)).all():
        raise UserError("effect or value is not finite in some rows of the frame; leave these out")
    summary = summarise_effects(effects, asked.n_resamples, asked.confidence, int(effects.attrs.get("seed", 0)))
    told = panels(summary)
    wide = [panel for panel in told if panel.shapes & {"layer x head", "layer x position"}]
    if not wide:
        raise UserError(
            "a heatmap needs one row a layer and head, or a layer and position, for every prompt; "
            "take a part of the frame (effects[...])"
        )
    n_layers = int(max(panel.rows["layer"].max() for panel in wide)) + 1
    unit = str(effects.attrs.get("unit", "units of the metric"))
    words = str(effects.attrs.get("metric", "the metric")).replace("_", " ")
    with mpl.rc_context(rc(summary["query_label"].astype(str).unique().tolist())):
        figure = draw_grids([_grid(panel, n_layers) for panel in wide], f"change in {words} ({unit})", asked.top_k)
    rows = pd.concat([panel.rows for panel in wide])
    n_left = len(told) - len(wide)
    left_out = f" Left out: {plural(n_left, 'part')} of another shape." if n_left else ""
    caption = (
        f"Mean effect (value minus the unedited run, in {unit}) over {rows['n'].max()} prompts in {rows['n_pairs'].max()} "
        f"clusters. Dots: the {100 * asked.confidence:g} % interval excludes 0; frames: the {asked.top_k} largest.{left_out}"
    )
    return Picture(shown(Drawn(figure, rows, "Effects", caption)))


def _grid(panel: Panel, n_layers: int) -> Grid:
    rows = panel.rows
    if "layer x head" in panel.shapes:
        return grid_of(rows, panel.title, n_layers, heads_axis(rows), rows["head"].astype(int).tolist())
    names = rows["query_label"].astype(str)
    labels = sorted(names.unique(), key=int) if all(map(str.isdigit, names)) else names.unique().tolist()
    return grid_of(rows, panel.title, n_layers, Axis("position", labels), [labels.index(name) for name in names])
