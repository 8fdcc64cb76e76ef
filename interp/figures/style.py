"""One place for sizes, fonts and colours.

Widths are those of a two-column journal page. Colours are from Okabe and Ito's colour-blind-safe set, apart from the red
of key positions and the blue of attention weights and query positions, which the source figure prescribes.
"""

from __future__ import annotations

from typing import Any

COLUMN, PAGE, TALL = 3.35, 6.9, 9.2  # inches: widths, and the height of a page

RED, BLUE = "#c8102e", "#1f5fa8"
GREEN, ORANGE, PURPLE, GREY = "#009e73", "#d55e00", "#8b5fa8", "#6b6b6b"
DIVERGING, WEIGHTS = "RdBu_r", "Blues"

FONT = "DejaVu Sans"

PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.0}
"""Ground for text that stands over a curve."""

STYLE: Any = {
    "font.family": FONT,
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "legend.framealpha": 0.8,
    "legend.edgecolor": "none",
    "legend.fancybox": False,
    "legend.borderpad": 0.2,
    "text.parse_math": False,
    # Widths in proportion at every resolution, so that what is measured is what is drawn.
    "text.hinting": "none",
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "interp",
    "figure.dpi": 100,
}
