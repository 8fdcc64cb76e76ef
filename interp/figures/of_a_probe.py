"""The figures of any probe, chosen by the shapes in its table: nothing has to be told of a probe to see its numbers."""

from __future__ import annotations

from interp.figures.base import Figure
from interp.figures.base import figures as figure_kinds
from interp.figures.effect_bars import EffectBars
from interp.figures.head_heatmap import HeadHeatmap
from interp.figures.layer_curve import LayerCurve
from interp.figures.position_heatmap import PositionHeatmap
from interp.results.tables import RunTables


def figures_of(tables: RunTables, label: str) -> list[Figure]:
    """Figures made for its kind; heatmaps and curves of what it measured; bars where its effects have places but no such shape."""
    shapes = tables.shapes(label)
    own = [
        figure_kinds[kind].model_validate({"probe": label})
        for kind in figure_kinds
        if figure_kinds[kind].always and tables.kinds.get(label) in figure_kinds[kind].reads["probe"]
    ]
    general: list[Figure] = []
    if "layer x head" in shapes:
        general.append(HeadHeatmap(probe=label))
    if "layer curve" in shapes:
        general.append(LayerCurve(probe=label))
    elif "layer x position" in shapes:
        general.append(PositionHeatmap(probe=label))
    if not own and not general and shapes & EffectBars.fits:
        general.append(EffectBars(probe=label))
    return own + general


def shown_by(figures: list[Figure], tables: RunTables) -> set[str]:
    """The labels of the probes that some figures read."""
    return {
        figure.label(tables, setting)
        for figure in figures
        for setting in {*figure.reads, *(["probe"] if figure.fits else [])}
        if getattr(figure, setting) is not None or setting not in figure.optional
    }
