"""The spread of single effects in all models, in one frame: how few edges (or heads) hold most of the sum."""

from __future__ import annotations

import matplotlib as mpl

from interp.figures import style
from interp.figures.base import Drawn, probe_label
from interp.figures.cumulative_mass import NOUNS, Mass, described, drawn, mass_marks, sizes_of
from interp.results.tables import RunTables
from interp.runs.comparison.figures import coloured, named
from interp.words.phrases import basis_text, unit

TARGET = 0.9


def mass_curves(arms: dict[str, RunTables], kind: str) -> Drawn:
    """The sorted effects of every model's probe of a kind, on one axis."""
    first = next(iter(arms.values()))
    sizes = {label: sizes_of(tables, probe_label(tables, None, (kind,), kind)) for label, tables in arms.items()}
    noun = NOUNS[sizes[next(iter(arms))][0]]
    with mpl.rc_context(style.STYLE):
        lines = [Mass(label, colour, sizes[label][1]) for label, _, colour in coloured(arms)]
        figure, data = drawn(lines, noun, TARGET)
    words = basis_text(first, probe_label(first, None, (kind,), kind)).replace(f"model: {first.run.model.name}; ", "")
    caption = f"Models: {named(arms)}. {described(noun, unit(first))} {words} The same prompts for all models."
    return Drawn(figure, data, f"Few {noun} hold most", caption, mass_marks(figure, data))
