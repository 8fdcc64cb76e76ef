"""Cells of something that does not exist, such as an edge beyond a layer's window: grey and hatched, never the colour of a zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from interp.configs.lazy import lazy

if TYPE_CHECKING:
    import matplotlib.patches as patches
else:
    patches = lazy("matplotlib.patches")

ABSENT, LINE = (0.93, 0.93, 0.93), "#b5b5b5"


def hatch(axes: Any, corners: Sequence[tuple[float, float]]) -> None:
    """Hatch the unit squares whose lower left corners these are."""
    for corner in corners:
        axes.add_patch(patches.Rectangle(corner, 1, 1, facecolor=ABSENT, edgecolor=LINE, hatch="/" * 6, linewidth=0))
