"""What a figure is: settings, a way to draw itself from a run's tables, and files that are the same every time."""

from __future__ import annotations

import abc
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from interp.analysis.findings import LayerSpanFindings, Plain
from interp.analysis.shapes import Shape, listed
from interp.configs.lazy import lazy
from interp.configs.names import FileName
from interp.configs.registry import Registry
from interp.configs.section import Section
from interp.errors import UserError
from interp.figures import style
from interp.figures.fonts import drawable, rc
from interp.figures.marks import Marks, Spots, spots_of
from interp.results import atomic
from interp.results.tables import RunTables
from interp.words.visible import visible

if TYPE_CHECKING:
    import matplotlib as mpl
    import matplotlib.backends.backend_agg as agg
    import matplotlib.figure as mpl_figure
    import matplotlib.text as mpl_text
    import pandas as pd
else:
    agg = lazy("matplotlib.backends.backend_agg")
    mpl_figure = lazy("matplotlib.figure")
    mpl_text = lazy("matplotlib.text")
    pd = lazy("pandas")
    mpl = lazy("matplotlib")


METADATA = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    "svg": {"Date": None, "Creator": None},
}


@dataclass(frozen=True)
class Drawn:
    """A drawn figure, the numbers in it, its caption, and where those numbers lie in it (for a page that one can point at)."""

    figure: mpl_figure.Figure
    data: pd.DataFrame
    title: str
    caption: str
    marks: Sequence[Marks] = ()


@dataclass(frozen=True)
class Saved:
    """A figure in its files: `stem` with .png, .pdf, .svg and .csv in `folder`."""

    stem: str
    title: str
    caption: str
    folder: Path
    width_inches: float
    spots: list[Spots] = field(default_factory=list)

    def file(self, ending: str) -> Path:
        """The file of an ending."""
        return self.folder / f"{self.stem}.{ending}"


class Figure(Section, abc.ABC):
    """A figure kind. Tables in, a drawing out; no model, no files."""

    reads: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Setting that names a probe -> the kinds of probe that it may name."""
    fits: ClassVar[frozenset[Shape]] = frozenset()
    """Shapes of table, one of which the probe that `probe` names must have; empty: its kind must be among `reads`."""
    prefers: ClassVar[tuple[str, ...]] = ()
    """Kinds of probe, of those that fit by shape, that come first where none is named."""
    always: ClassVar[bool] = False
    """Whether every report on a probe that it reads shows it, whatever shapes the probe's table has."""
    optional: ClassVar[frozenset[str]] = frozenset()
    """Settings without whose probe the figure can be drawn all the same."""

    kind: str
    name: FileName | None = Field(default=None, description="File name without ending; default: the kind and probe.")
    caption: str | None = Field(default=None, description="Replaces the computed caption.")
    probe: str | None = Field(default=None, description="Label of the probe to draw; default: the first that fits.")

    @property
    def stem(self) -> str:
        """File name without ending."""
        return self.name or (self.kind if self.probe is None else f"{self.kind}-{self.probe}")

    def check(self, kinds: Mapping[str, str], shapes: Mapping[str, frozenset[Shape] | None] | None = None) -> None:
        """UserError when a run with these probes cannot feed the figure.

        `kinds`: label -> kind; `shapes`: label -> the shapes that its table may have, None where it does not say.
        """
        if self.fits:
            may = {label: (shapes or {}).get(label) for label in kinds}
            fitting_by_shape(kinds, may, self.probe, self.fits, self.kind)
        for setting, fitting in self.reads.items():
            wanted = getattr(self, setting)
            if wanted is not None or setting not in self.optional:
                fitting_labels(kinds, wanted, fitting, self.kind)

    def label(self, tables: RunTables, setting: str = "probe") -> str:
        """The label of the probe that a setting names, or of the first one that fits."""
        if self.fits and setting == "probe":
            return self._label_by_shape(tables)
        return probe_label(tables, getattr(self, setting), self.reads[setting], self.kind)

    def _label_by_shape(self, tables: RunTables) -> str:
        kinds = {label: tables.kinds[label] for label in tables.labels}
        wanted = kinds if self.probe is None else [self.probe]
        shapes = {label: tables.shapes(label) for label in wanted if label in kinds}
        fitting = fitting_by_shape(kinds, shapes, self.probe, self.fits, self.kind)
        return min(fitting, key=lambda label: kinds[label] not in self.prefers)

    def render(self, tables: RunTables) -> Drawn:
        """Draw in the house style."""
        with mpl.rc_context(rc(drawn_texts(tables))):
            return shown(self.draw(tables))

    @abc.abstractmethod
    def draw(self, tables: RunTables) -> Drawn:
        """Draw from the tables of a run; UserError when they lack what the figure needs."""


figures: Registry[Figure] = Registry("figure")


def fitting_labels(kinds: Mapping[str, str], wanted: str | None, fitting: tuple[str, ...], what: str) -> list[str]:
    """The labels, of `kinds` (label -> kind), that a figure may read: the wanted one, or all of a fitting kind."""
    if wanted is None:
        labels = [label for label, kind in kinds.items() if kind in fitting]
        if not labels:
            raise UserError(
                f"figure {what} needs a probe of kind {' or '.join(fitting)}; this run has {', '.join(kinds)}"
            )
        return labels
    if wanted not in kinds:
        raise UserError(f"figure {what}: there is no probe {wanted!r} in this run; it has {', '.join(kinds)}")
    if kinds[wanted] not in fitting:
        raise UserError(
            f"figure {what}: probe {wanted!r} is a {kinds[wanted]}, but this figure draws {' or '.join(fitting)}"
        )
    return [wanted]


def fitting_by_shape(
    kinds: Mapping[str, str],
    shapes: Mapping[str, frozenset[Shape] | None],
    wanted: str | None,
    fits: frozenset[Shape],
    what: str,
) -> list[str]:
    """The labels, of `kinds` (label -> kind), whose table has, or may have, a shape that a figure draws."""
    if wanted is not None and wanted not in kinds:
        raise UserError(f"figure {what}: there is no probe {wanted!r} in this run; it has {', '.join(kinds)}")
    may = {label: shapes.get(label) for label in (kinds if wanted is None else [wanted])}
    if labels := [label for label, has in may.items() if has is None or has & fits]:
        return labels
    draws = f"figure {what} draws tables of {listed(fits)}"
    if wanted is None:
        raise UserError(f"{draws}, and no probe of this run has one; it has {', '.join(kinds)}")
    has = listed(may[wanted] or ()) or "none of these"
    raise UserError(f"{draws}, but that of probe {wanted!r} ({kinds[wanted]}) is one of {has}")


def probe_label(tables: RunTables, wanted: str | None, fitting: tuple[str, ...], what: str) -> str:
    """The label to read: the wanted one, or the first probe of a fitting kind."""
    labels = fitting_labels(tables.kinds, wanted, fitting, what)
    # The order in which probes ran is the order of the effects table; JSON sorts its keys.
    return next(label for label in tables.labels if label in labels)


def new_figure(width: float, height: float) -> mpl_figure.Figure:
    """An empty figure of a size in inches, without global state."""
    figure = mpl_figure.Figure(figsize=(width, height), layout="constrained")
    agg.FigureCanvasAgg(figure)
    return figure


def new_page(height: float) -> tuple[mpl_figure.Figure, Any]:
    """A figure as wide as a page, and axes over all of it whose unit is an inch, counted from below left."""
    figure = new_figure(style.PAGE, height)
    figure.set_layout_engine("none")
    page = figure.add_axes((0, 0, 1, 1))
    page.set(xlim=(0, style.PAGE), ylim=(0, height))
    page.set_axis_off()
    return figure, page


def frame(points: Sequence[Plain]) -> pd.DataFrame:
    """Points of a curve as a table of numbers, one row a point; columns by name."""
    return pd.DataFrame([point.plain() for point in points]).astype(float).sort_index(axis=1)


def drawn_texts(tables: RunTables) -> list[str]:
    """The texts of a run that figures draw and that a user or a model chose."""
    run, spans = tables.run, tables.findings_of("layer_span", LayerSpanFindings)
    groups = [group.group for findings in spans.values() for group in findings.groups]
    focus = tables.prompts[tables.prompts["focus"]].iloc[0]
    return [*focus["clean_tokens"], run.focus.answer, run.model.name, run.metric.unit, *groups]


def shown(drawn: Drawn) -> Drawn:
    """The same, with no text on the page that cannot be drawn."""
    for text in drawn.figure.findobj(mpl_text.Text):
        if (better := drawable(text.get_text())) != text.get_text():
            text.set_text(better)
    return drawn


@contextmanager
def _small_fonts() -> Iterator[None]:
    """PDFs embed fonts without the tables that lay text out: every glyph has its place, and cutting them took half the time."""
    from fontTools import subset  # what matplotlib cuts fonts with

    dropped = getattr(subset.Options, "_drop_tables_default", [])
    subset.Options._drop_tables_default = [*dropped, "GDEF", "GPOS", "GSUB"]
    try:
        yield
    finally:
        subset.Options._drop_tables_default = dropped


def save(drawn: Drawn, folder: Path, stem: str) -> Saved:
    """Write stem.png (300 dpi), .pdf, .svg and the numbers as .csv, atomically; the same input gives the same bytes."""
    written = [text.get_text() for text in shown(drawn).figure.findobj(mpl_text.Text)]
    with mpl.rc_context(rc(written)), _small_fonts():
        if (engine := drawn.figure.get_layout_engine()) is not None:
            # Once more than drawing does: axes that became smaller may have other ticks, whose labels need other room.
            engine.execute(drawn.figure)
        for ending, metadata in METADATA.items():
            buffer = io.BytesIO()
            drawn.figure.savefig(buffer, format=ending, dpi=300, metadata=metadata)
            # Laid out once: the other formats have their parts in the same places, in half the time.
            drawn.figure.set_layout_engine("none")
            content = buffer.getvalue()
            if ending == "svg":
                # A label that an axis makes as it is drawn is no text of the figure yet.
                content = visible(content.decode("utf-8")).encode("utf-8")
            atomic.write_bytes(folder / f"{stem}.{ending}", content)
    atomic.write_table(folder / f"{stem}.csv", drawn.data)
    wide = float(drawn.figure.get_figwidth())
    return Saved(stem, drawn.title, drawn.caption, folder, wide, spots_of(drawn.figure, drawn.marks))
