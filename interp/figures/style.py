"""One place for sizes, fonts and colours.

Widths are those of a two-column journal page. Colours are from Okabe and Ito's colour-blind-safe set, apart from the red
of key positions and the blue of attention weights and query positions, which the source figure prescribes.
"""

from __future__ import annotations

from typing import Any

COLUMN, PAGE = 3.35, 6.9  # inches

RED, BLUE = "#c8102e", "#1f5fa8"
GREEN, ORANGE, PURPLE, GREY = "#009e73", "#d55e00", "#8b5fa8", "#6b6b6b"
DIVERGING, WEIGHTS = "RdBu_r", "Blues"

STYLE: Any = {
    "font.family": "DejaVu Sans",
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
    "legend.frameon": False,
    "text.parse_math": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "interp",
    "figure.dpi": 100,
}
