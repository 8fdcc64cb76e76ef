"""Figure `path_flow`: the roads by which the difference between the prompts reaches the query, drawn over the tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from interp.analysis.findings import EstimateFound
from interp.analysis.findings_of_paths import PathFindings
from interp.configs.lazy import lazy
from interp.figures import style
from interp.figures.base import Drawn, Figure, figures, new_page
from interp.figures.fit import TICK, labelled, width
from interp.figures.marks import Marks
from interp.figures.sentence import Sentence, focus_tokens, sentence
from interp.figures.window import window
from interp.results.tables import RunTables
from interp.words.numbers import bracket
from interp.words.phrases import basis_text, percent, tenth

if TYPE_CHECKING:
    import matplotlib.patches as patches
    import matplotlib.path as path
    import pandas as pd
else:
    patches = lazy("matplotlib.patches")
    path = lazy("matplotlib.path")
    pd = lazy("pandas")

MARGIN = 0.1  # inches
WHOLE = 0.2  # inches that a road of 100 % is wide
LEAST = 0.005  # share below which a road is left out, and its number with it; so is one whose interval holds 0
HIGHEST, NUMBERS, LINE = 1.35, 0.2, 0.17  # inches: arcs, row of numbers, line of words above
LEGEND = 7.5  # points


@figures.register
class PathFlow(Figure):
    """Direct edges, and roads over one token in between, as arcs as wide as the share that they carry."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {"probe": ("paths",)}
    always: ClassVar[bool] = True
    kind: Literal["path_flow"] = "path_flow"

    def draw(self, tables: RunTables) -> Drawn:
        """Draw from a paths probe: tokens of the focus prompt below, shares of all prompts above."""
        label = self.label(tables)
        findings = tables.findings(label, PathFindings)
        shown = window(len(focus_tokens(tables)), [*findings.sources, findings.query])
        inches = style.PAGE - 2 * MARGIN
        row = sentence(tables, shown, MARGIN, inches)
        pitch = inches / (len(shown) + 1)
        upright = pitch < width("+00.00 %", TICK) + 0.04
        numbers = width("+00.00 %", TICK) + 0.06 if upright else NUMBERS
        ground = row.height + 0.04 + numbers
        legend = _legend(findings)
        height = ground + HIGHEST + 0.1 + LINE * len(legend)
        figure, page = new_page(height)
        row.draw(page)
        start = sum(row.near(place) for place in findings.sources) / len(findings.sources)
        end = row.near(findings.query)
        far = max(abs(end - start), 1e-6)
        added = {middle.position: middle.added.mean or 0.0 for middle in findings.middles if _drawn(middle.added)}
        added = {
            place: added[place]
            for place in sorted(added, key=lambda position: -abs(added[position]))
            if place in shown.positions
        }
        for place, share in added.items():
            self._road(page, [start, row.near(place), end], ground, share, far, style.BLUE)
        self._road(page, [start, end], ground, findings.direct.mean or 0.0, far, style.RED)
        self._numbers(page, row, added, ground - numbers / 2, pitch, upright)
        self._sources(page, row, findings, ground)
        for line, texts in enumerate(legend):
            for left, text, colour in texts:
                label_ = page.text(left, height - LINE * (line + 0.6), text, ha="left", va="center", fontsize=LEGEND)
                label_.set(color=colour, fontweight="bold")
        caption = (
            f"How what differs between the clean and the corrupted prompt reaches the query (token {findings.query}), in parts "
            f"of the clean–corrupted gap. Red: the edges from the differing tokens straight to the query, in all layers and "
            f"heads, kept alone. Blue, and the numbers over the tokens: what is added when the roads over that one token are "
            f"opened as well (dashed: it works against the answer; left out: under {tenth(LEAST)}, or with 0 in "
            f"its interval). All other edges from "
            f"the first differing token on have their corrupted values. By weights: what comes although all of these edges are "
            f"replaced, because the differing "
            f"tokens' scores take weight from other edges. Numbers over tokens: {findings.n_middles_prompts} "
            f"prompts of this wording.{shown.words} {basis_text(tables, label)}"
        )
        data = _data(findings)
        over = data[(data["road"] == "over: added") & data["position"].isin(shown.positions)]
        places = [row.near(int(position)) for position in over["position"]]
        marks = [Marks(page, over, places, [ground - numbers / 2] * len(over))]
        return Drawn(figure, data, "By which roads", self.caption or caption, marks)

    def _road(self, page: Any, stops: Sequence[float], ground: float, share: float, far: float, colour: str) -> None:
        """An arc from stop to stop, as wide as its share and as high as it is long."""
        for start, end in pairwise(stops):
            high = ground + 0.12 + (HIGHEST - 0.3) * math.sqrt(abs(end - start) / far)
            # The top of a cubic curve lies at three quarters of the way to its control points.
            lift = ground + (high - ground) * 4 / 3
            curve = path.Path(
                [(start, ground), (start, lift), (end, lift), (end, ground)],
                [path.Path.MOVETO, path.Path.CURVE4, path.Path.CURVE4, path.Path.CURVE4],
            )
            page.add_patch(
                patches.PathPatch(
                    curve,
                    facecolor="none",
                    edgecolor=colour,
                    alpha=0.55,
                    linewidth=max(0.6, 72 * WHOLE * min(abs(share), 1.5)),
                    linestyle="-" if share > 0 else (0, (1, 0.6)),
                    capstyle="butt",
                )
            )

    def _numbers(
        self, page: Any, row: Sentence, added: dict[int, float], middle: float, pitch: float, upright: bool
    ) -> None:
        """Over the tokens; where they would touch, those of the wider roads."""
        need = TICK * 1.2 / 72 if upright else 0.0
        places = labelled(len(row.window), pitch, need, [row.window.place(position) - 1 for position in added])
        for position, share in added.items():
            if row.window.place(position) - 1 in places:
                text = f"{'+' if share > 0 else '−'}{tenth(abs(share))}"
                turned = 90 if upright else 0
                label = page.text(row.near(position), middle, text, ha="center", va="center", rotation=turned)
                label.set(fontsize=TICK, color=style.BLUE)

    def _sources(self, page: Any, row: Sentence, findings: PathFindings, ground: float) -> None:
        """One line over several differing tokens: together they are where the roads begin."""
        shown = [row.near(place) for place in findings.sources]
        if len(shown) > 1:
            page.plot([min(shown), max(shown)], [ground, ground], color=style.RED, linewidth=1.2)


def _legend(findings: PathFindings) -> list[list[tuple[float, str, str]]]:
    """The four shares in as few lines as fit a page: (inches from the left, text, colour)."""
    parts = (
        ("direct", findings.direct, style.RED),
        ("over one token", findings.one_middle, style.BLUE),
        ("over more", findings.more, style.GREY),
        ("by weights", findings.by_weights, style.GREY),
    )
    lines: list[list[tuple[float, str, str]]] = [[]]
    left = MARGIN
    for words, share, colour in parts:
        text = f"{words} {percent(share.mean)}{bracket(share.low, share.high, percent)}"
        wide = width(text, LEGEND, "bold")
        if lines[-1] and left + wide > style.PAGE - MARGIN:
            lines.append([])
            left = MARGIN
        lines[-1].append((left, text, colour))
        left += wide + 0.2
    return lines


def _drawn(share: EstimateFound) -> bool:
    """Whether a road is large enough to be drawn, and its sign known."""
    crosses = share.low is not None and share.high is not None and share.low <= 0 <= share.high
    return share.mean is not None and abs(share.mean) >= LEAST and not crosses


def _data(findings: PathFindings) -> pd.DataFrame:
    """The drawn numbers: a row a road."""
    roads = {
        "direct": findings.direct,
        "one middle token": findings.one_middle,
        "more": findings.more,
        "by weights": findings.by_weights,
        "all but direct (what is lost without the direct edges)": findings.direct_cut,
    }
    rows = [{"road": name, "position": None, "token": "", **share.plain()} for name, share in roads.items()]
    for what in ("added", "lost"):
        rows += [
            {
                "road": f"over: {what}",
                "position": middle.position,
                "token": middle.token,
                **getattr(middle, what).plain(),
            }
            for middle in findings.middles
        ]
    return pd.DataFrame(rows).astype({"position": "Int64"})
