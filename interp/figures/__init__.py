"""Figures: one file a kind. Importing this package registers them."""

from interp.figures import (
    attention_panel,
    attribution_scatter,
    circuit_curves,
    circuit_panel,
    cumulative_mass,
    effect_bars,
    head_heatmap,
    layer_curve,
    logit_lens_curve,
    modulation_curve,
    order_curves,
    path_flow,
    position_grid,
    position_heatmap,
    share_curve,
    span_chart,
)
from interp.figures.base import Drawn, Figure, figures, save

__all__ = [
    "Drawn",
    "Figure",
    "attention_panel",
    "attribution_scatter",
    "circuit_curves",
    "circuit_panel",
    "cumulative_mass",
    "effect_bars",
    "figures",
    "head_heatmap",
    "layer_curve",
    "logit_lens_curve",
    "modulation_curve",
    "order_curves",
    "path_flow",
    "position_grid",
    "position_heatmap",
    "save",
    "share_curve",
    "span_chart",
]
