"""Live cells as columns: a circuit search asks for sets of tens of thousands of edges, so nothing is done edge by edge.

A *piece* is what is live of one edit: at least one cell, all in one layer and at one site. Pieces are numbered, equal ones
alike, and a variant is an array of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from jaxtyping import Int

from interp.interventions.cells import Cell, Place
from interp.interventions.edits import SITES

PRE, BRANCH, ATTENTION, MID = range(4)
STAGES = 4


@dataclass(frozen=True)
class PieceColumns:
    """What is known of each piece. `joins`: STAGES times the layer plus the stage at which a variant that begins with the
    piece joins a sweep; `site` numbers SITES; `begin` and `end` are where its cells stand."""

    layer: Int[np.ndarray, " piece"]
    site: Int[np.ndarray, " piece"]
    joins: Int[np.ndarray, " piece"]
    first: Int[np.ndarray, " piece"]
    last: Int[np.ndarray, " piece"]
    begin: Int[np.ndarray, " piece"]
    end: Int[np.ndarray, " piece"]


@dataclass(frozen=True)
class CellColumns:
    """What is known of each cell of each piece. `place` numbers the places; `joins` is that of its piece; cells with the same
    `spot` replace the same activation."""

    place: Int[np.ndarray, " cell"]
    spot: Int[np.ndarray, " cell"]
    joins: Int[np.ndarray, " cell"]
    position: Int[np.ndarray, " cell"]
    indices: Int[np.ndarray, "3 cell"]  # head, query, key


class Pieces:
    """All pieces that were asked for, by number."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[Cell, ...], int] = {}
        self._cells: list[tuple[Cell, ...]] = []
        self._places: dict[Place, int] = {}
        self._spots: dict[tuple[int, str, int, int, int], int] = {}
        none = _column([])
        self._columns = (
            PieceColumns(none, none, none, none, none, none, none),
            CellColumns(none, none, none, none, none.reshape(3, 0)),
        )

    def number(self, cells: tuple[Cell, ...]) -> int:
        """The number of the piece of these cells."""
        number = self._numbers.setdefault(cells, len(self._cells))
        if number == len(self._cells):
            self._cells.append(cells)
        return number

    def disjoint(self, pieces: Int[np.ndarray, " piece"]) -> bool:
        """Whether the pieces have no activation in common."""
        spots = self.cell_columns.spot[self.cells_of(pieces)]
        return len(pieces) < 2 or len(np.unique(spots)) == len(spots)

    def cells(self, number: int) -> tuple[Cell, ...]:
        """The cells of a piece."""
        return self._cells[number]

    @property
    def columns(self) -> PieceColumns:
        """Everything that is known of the pieces so far."""
        return self._made()[0]

    @property
    def cell_columns(self) -> CellColumns:
        """Everything that is known of their cells."""
        return self._made()[1]

    @property
    def places(self) -> list[Place]:
        """What `CellColumns.place` numbers."""
        self._made()
        return list(self._places)

    def cells_of(self, pieces: Int[np.ndarray, " piece"]) -> Int[np.ndarray, " cell"]:
        """The numbers of the cells of some pieces, in their order."""
        begin, end = self.columns.begin[pieces], self.columns.end[pieces]
        sizes = end - begin
        if not len(pieces) or sizes.max() == 1:
            return begin
        before = np.cumsum(sizes) - sizes
        return np.repeat(begin - before, sizes) + np.arange(sizes.sum())

    def _made(self) -> tuple[PieceColumns, CellColumns]:
        pieces, cells = self._columns
        if len(pieces.layer) < len(self._cells):
            more = self._of_the_next(self._cells[len(pieces.layer) :], len(cells.place))
            self._columns = _joined(pieces, more[0]), _joined(cells, more[1])
        return self._columns

    def _of_the_next(self, pieces: Sequence[tuple[Cell, ...]], n_before: int) -> tuple[PieceColumns, CellColumns]:
        firsts, every = [cells[0] for cells in pieces], [cell for cells in pieces for cell in cells]
        sizes = _column([len(cells) for cells in pieces])
        begin = np.cumsum(sizes) - sizes
        position, joins = _column([cell.position for cell in every]), _column([_joins(cell) for cell in firsts])
        of_pieces = PieceColumns(
            layer=_column([cell.layer for cell in firsts]),
            site=_column([SITES.index(cell.site) for cell in firsts]),
            joins=joins,
            first=np.minimum.reduceat(position, begin),
            last=np.maximum.reduceat(position, begin),
            begin=begin + n_before,
            end=begin + n_before + sizes,
        )
        places = [(cell.layer, cell.site, cell.source, cell.reference) for cell in every]
        spots = [(cell.layer, cell.site, cell.head, cell.query, cell.key) for cell in every]
        of_cells = CellColumns(
            place=_column([self._places.setdefault(place, len(self._places)) for place in places]),
            spot=_column([self._spots.setdefault(spot, len(self._spots)) for spot in spots]),
            joins=np.repeat(joins, sizes),
            position=position,
            indices=np.array([(cell.head, cell.query, cell.key) for cell in every]).T,
        )
        return of_pieces, of_cells


Columns = TypeVar("Columns", PieceColumns, CellColumns)


def _joined(left: Columns, right: Columns) -> Columns:
    """The rows of one after those of the other."""
    both = {name: np.concatenate([column, vars(right)[name]], axis=-1) for name, column in vars(left).items()}
    return type(left)(**both)


def alike(numbers: Int[np.ndarray, " piece"]) -> bytes:
    """Arrays of numbers that stand for the same, as equal bytes, which are in the order of the numbers."""
    return numbers.astype(">i8").tobytes()


def _column(values: Sequence[int]) -> Int[np.ndarray, " row"]:
    return np.array(values, dtype=np.int64)


def _joins(cell: Cell) -> int:
    if cell.site == "mlp_out":
        return STAGES * (cell.layer + 1) + PRE
    if cell.site == "resid_pre":
        return STAGES * cell.layer + PRE
    return STAGES * cell.layer + (ATTENTION if cell.site in ("q", "k", "v") else MID)
