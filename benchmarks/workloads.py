"""The four sweeps, as cells that every contestant understands and as our engine's variants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from interp.interventions import Edit, Variant

Sweep = Literal["heads", "heads_by_position", "resid_pre", "edges"]
SWEEPS: tuple[Sweep, ...] = ("heads", "heads_by_position", "resid_pre", "edges")
TITLES: dict[Sweep, str] = {
    "heads": "all heads, all positions",
    "heads_by_position": "heads by position",
    "resid_pre": "residual stream by position",
    "edges": "key→query edges",
}


@dataclass(frozen=True)
class Cell:
    """One forward pass of a sweep; positions are tensor indices. `query` None stands for all positions."""

    layer: int
    head: int | None = None
    query: int | None = None
    key: int | None = None


@dataclass(frozen=True)
class Workload:
    """One sweep over one model and prompt length.

    heads, heads_by_position, resid_pre: the clean run's value is put into the corrupted run (denoising).
    edges: the term w_qk v_k is taken out of a head's output in the clean run.
    """

    sweep: Sweep
    cells: tuple[Cell, ...]

    @classmethod
    def of(cls, sweep: Sweep, cfg: Any, length: int) -> Workload:
        """All cells of a sweep, by layer first; edges over all causal pairs."""
        layers, heads, positions = range(cfg.n_layers), range(cfg.n_heads), range(length)
        cells = {
            "heads": lambda: [Cell(layer, head) for layer in layers for head in heads],
            "heads_by_position": lambda: [
                Cell(layer, head, query) for layer in layers for query in positions for head in heads
            ],
            "resid_pre": lambda: [Cell(layer, None, query) for layer in layers for query in positions],
            "edges": lambda: [
                Cell(layer, head, query, key)
                for layer in layers
                for head in heads
                for query in positions
                for key in range(query + 1)
            ],
        }[sweep]
        return cls(sweep, tuple(cells()))

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def base(self) -> Literal["clean", "corrupted"]:
        """The run that is edited."""
        return "clean" if self.sweep == "edges" else "corrupted"

    def part(self, numbers: Sequence[int]) -> Workload:
        """The cells with the given numbers."""
        return Workload(self.sweep, tuple(self.cells[i] for i in numbers))

    def variants(self) -> list[Variant]:
        """The cells as our engine's variants; people's positions start at 1."""
        return [Variant.of(self._edit(cell), base=self.base) for cell in self.cells]

    def _edit(self, cell: Cell) -> Edit:
        query = None if cell.query is None else cell.query + 1
        if self.sweep == "edges":
            return Edit("edge", cell.layer, cell.head, query, (cell.key or 0) + 1, source="zero")
        if self.sweep == "resid_pre":
            return Edit("resid_pre", cell.layer, query=query, source="clean")
        return Edit("z", cell.layer, cell.head, query, source="clean")
