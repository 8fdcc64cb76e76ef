"""The drawings of the concepts: one a page, made with matplotlib alone, the same bytes every time."""

from __future__ import annotations

from docsite.drawings.canvas import svg
from docsite.drawings.controls import controls
from docsite.drawings.density import density
from docsite.drawings.edge import edge
from docsite.drawings.held_out import held_out
from docsite.drawings.modulation import modulation
from docsite.drawings.replaced import replaced
from docsite.drawings.shares import shares
from docsite.drawings.spans import spans

DRAWINGS = {
    "edge": edge,
    "replaced": replaced,
    "shares": shares,
    "held_out": held_out,
    "controls": controls,
    "modulation": modulation,
    "spans": spans,
    "density": density,
}


def drawn() -> dict[str, str]:
    """Path in docs/ -> SVG."""
    return {f"images/concepts/{name}.svg": svg(draw) for name, draw in DRAWINGS.items()}
