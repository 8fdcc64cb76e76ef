"""The house font's letters that a page's figures use, inside the page: its texts are as wide as they were drawn for, everywhere."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from markupsafe import Markup

from interp.configs.lazy import lazy
from interp.figures import style

if TYPE_CHECKING:
    import matplotlib.font_manager as font_manager
else:
    font_manager = lazy("matplotlib.font_manager")

WEIGHTS = {"normal": 400, "bold": 700}


def font_faces(characters: Iterable[str]) -> Markup:
    """CSS with both weights of the house font, cut to these characters; what it lacks is left to the reader's fonts."""
    wanted = "".join(sorted(set(characters)))
    return Markup("\n".join(_face(name, weight, wanted) for name, weight in WEIGHTS.items())) if wanted else Markup("")


def _face(name: str, weight: int, wanted: str) -> str:
    from fontTools import subset  # what matplotlib cuts fonts with

    path = font_manager.findfont(font_manager.FontProperties(family=style.FONT, weight=name), fallback_to_default=False)
    options = subset.Options(hinting=False, flavor="woff", recalc_timestamp=False, layout_features=["kern", "mark"])
    options.drop_tables += ["FFTM"]
    buffer = io.BytesIO()
    with subset.load_font(path, options) as font:
        cutter = subset.Subsetter(options)
        cutter.populate(text=wanted)
        cutter.subset(font)
        subset.save_font(font, buffer, options)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return (
        f'@font-face {{ font-family: "{style.FONT}"; font-weight: {weight}; src: url(data:font/woff;base64,{data}); }}'
    )
