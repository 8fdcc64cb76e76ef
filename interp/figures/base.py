"""What a figure is: settings, a way to draw itself from a run's tables, and files that are the same every time."""

from __future__ import annotations

import abc
import io
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as MplFigure
from pydantic import BaseModel, ConfigDict, Field

from interp.errors import UserError
from interp.figures.style import STYLE
from interp.registry import Registry
from interp.results import atomic
from interp.results.tables import RunTables

METADATA = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    "svg": {"Date": None, "Creator": None},
}


@dataclass(frozen=True)
class Drawn:
    """A drawn figure, the numbers in it, and its caption."""

    figure: MplFigure
    data: pd.DataFrame
    title: str
    caption: str


class Figure(BaseModel, abc.ABC):
    """A figure kind. Tables in, a drawing out; no model, no files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    name: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_.-]+$", description="File name without ending; default: the kind and probe."
    )
    caption: str | None = Field(default=None, description="Replaces the computed caption.")
    probe: str | None = Field(default=None, description="Label of the probe to draw; default: the first that fits.")

    @property
    def stem(self) -> str:
        """File name without ending."""
        return self.name or (self.kind if self.probe is None else f"{self.kind}-{self.probe}")

    def render(self, tables: RunTables) -> Drawn:
        """Draw in the house style."""
        with mpl.rc_context(STYLE):
            return self.draw(tables)

    @abc.abstractmethod
    def draw(self, tables: RunTables) -> Drawn:
        """Draw from the tables of a run; UserError when they lack what the figure needs."""


figures: Registry[Figure] = Registry("figure")


def probe_label(tables: RunTables, wanted: str | None, kinds: tuple[str, ...], what: str) -> str:
    """The label to read: the wanted one, or the first probe of a fitting kind."""
    found = tables.metrics["probes"]
    fitting = [label for label, one in found.items() if one["kind"] in kinds]
    if wanted is not None:
        if wanted not in found:
            raise UserError(f"figure {what}: there is no probe {wanted!r} in this run; it has {', '.join(found)}")
        if wanted not in fitting:
            raise UserError(
                f"figure {what}: probe {wanted!r} is a {found[wanted]['kind']}, but this figure draws {' or '.join(kinds)}"
            )
        return wanted
    # The order in which probes ran is the order of the effects table; JSON sorts its keys.
    order = [label for label in tables.effects["probe"].unique() if label in fitting]
    if not order:
        raise UserError(f"figure {what} needs a probe of kind {' or '.join(kinds)}; this run has {', '.join(found)}")
    return str(order[0])


def new_figure(width: float, height: float) -> MplFigure:
    """An empty figure of a size in inches, without global state."""
    figure = MplFigure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(drawn: Drawn, folder: Path, stem: str) -> None:
    """Write stem.png (300 dpi), .pdf, .svg and the numbers as .csv, atomically; the same input gives the same bytes."""
    with mpl.rc_context(STYLE):
        for ending, metadata in METADATA.items():
            buffer = io.BytesIO()
            drawn.figure.savefig(buffer, format=ending, dpi=300, metadata=metadata)
            atomic.write_bytes(folder / f"{stem}.{ending}", buffer.getvalue())
    atomic.write_table(folder / f"{stem}.csv", drawn.data)
