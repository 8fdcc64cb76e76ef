"""Which cells of a variant can change the metric at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from interp.errors import UserError
from interp.interventions.cells import Cell, Dimensions, cells_of
from interp.interventions.edits import KEY_SIDE, Edit, Variant
from interp.interventions.pieces import Pieces
from interp.prompts.pairs import PromptSet

NOTHING = -1  # in a piece's place: no live cell
MOST_KEPT = 2**18  # edits that are known by the object that they are; beyond it they are looked up anew


class LiveCells:
    """The cells of variants that can change the metric of one prompt set.

    Left out is what attention, being causal, makes exactly nothing: positions after the query; in the last layer,
    whatever is added at other positions than the query; and a patch from the other run before the two prompts differ,
    where nothing earlier in the prompt is edited either.

    What an edit comes to is worked out once: a search asks for the same thousands of edges in hundreds of sets.
    """

    def __init__(self, prompts: PromptSet, sizes: Dimensions) -> None:
        self.pieces = Pieces()
        self._prompts, self._sizes = prompts, sizes
        self._numbers: dict[Edit, int] = {}
        self._edits: list[_Reaching] = []
        self._columns = np.empty((3, 0), dtype=np.int64)
        self._of_object: dict[int, int] = {}
        self._held: list[Edit] = []  # an object's number is its own as long as it lives

    def of(self, variants: Sequence[Variant]) -> list[Int[np.ndarray, " piece"]]:
        """One piece for every edit that has live cells, in their order; what two edits replace alike is in the first alone.

        Raises UserError as `cells_of` does, and for two edits that replace the same activation by different values.
        """
        # First all numbers, then the columns: they are made anew when something is added.
        numbered = [self._numbered(variant.edits) for variant in variants]
        if self._columns.shape[1] < len(self._edits):
            self._columns = np.array([(edit.piece, edit.first, edit.same_before) for edit in self._edits]).T
        return [
            self._pieces_of(variant, np.array(numbers, dtype=np.int64))
            for variant, numbers in zip(variants, numbered, strict=True)
        ]

    def _pieces_of(self, variant: Variant, numbers: Int[np.ndarray, " edit"]) -> Int[np.ndarray, " piece"]:
        pieces, firsts, same_before = self._columns[:, numbers]
        if len(numbers) == 1:
            return pieces[pieces != NOTHING]
        first = int(firsts.min(initial=len(self._prompts.clean[0])))
        for place in np.flatnonzero(same_before > first).tolist():
            pieces[place] = self._piece([cell for cell in self._edits[numbers[place]].cells if cell.position >= first])
        live = np.flatnonzero(pieces != NOTHING)
        if self.pieces.disjoint(pieces[live]):
            return pieces[live]
        return self._once([(variant.edits[place], int(pieces[place])) for place in live.tolist()])

    def _once(self, live: Sequence[tuple[Edit, int]]) -> Int[np.ndarray, " piece"]:
        """The same without what an earlier edit replaces already: an edge that is cut twice would count twice."""
        taken: dict[tuple[int, str, int, int, int], tuple[Edit, Cell]] = {}
        left = []
        for edit, number in live:
            new = []
            for cell in self.pieces.cells(number):
                spot = (cell.layer, cell.site, cell.head, cell.query, cell.key)
                if spot not in taken:
                    taken[spot] = edit, cell
                    new.append(cell)
                elif taken[spot][1] != cell:
                    raise UserError(f"one variant gives the same {cell.site} two values: {taken[spot][0]} and {edit}")
            left.append(self._piece(new))
        return np.array([number for number in left if number != NOTHING], dtype=np.int64)

    def cells(self, variant: Variant) -> list[Cell]:
        """All live cells of a variant."""
        return [cell for number in self.of([variant])[0].tolist() for cell in self.pieces.cells(number)]

    def _numbered(self, edits: Sequence[Edit]) -> list[int]:
        # Searches hand over the same objects again and again, and to compare seven fields takes longer than the rest.
        numbers = [*map(self._of_object.get, map(id, edits))]
        if None not in numbers:
            return numbers  # type: ignore[return-value]
        if len(self._held) + len(edits) > MOST_KEPT:
            self._of_object.clear()
            self._held.clear()
        self._held += edits
        self._of_object.update((id(edit), self._known(edit)) for edit in edits)
        return [self._of_object[id(edit)] for edit in edits]

    def _known(self, edit: Edit) -> int:
        if edit not in self._numbers:
            query, different = self._prompts.query_index, self._prompts.first_difference
            cells = [cell for cell in cells_of(edit, self._prompts, self._sizes) if _reaches(cell, query, self._sizes)]
            same_before = different if edit.source in ("clean", "corrupted") else 0
            changing = [cell for cell in cells if cell.position >= same_before]
            first = min((cell.position for cell in changing), default=len(self._prompts.clean[0]))
            self._numbers[edit] = len(self._edits)
            self._edits.append(_Reaching(tuple(cells), self._piece(changing), first, same_before))
        return self._numbers[edit]

    def _piece(self, cells: list[Cell]) -> int:
        return self.pieces.number(tuple(cells)) if cells else NOTHING


class LiveSets:
    """The live cells of the last few prompt sets: a search asks each of them for the same edits again and again."""

    def __init__(self, sizes: Dimensions, most: int) -> None:
        self._sizes, self._most = sizes, most
        self._kept: dict[int, tuple[PromptSet, LiveCells]] = {}

    def of(self, prompts: PromptSet) -> LiveCells:
        """Those of a prompt set; the set that was asked for first goes when there are too many."""
        if id(prompts) not in self._kept:
            while len(self._kept) >= self._most:
                self._kept.pop(next(iter(self._kept)))
            self._kept[id(prompts)] = prompts, LiveCells(prompts, self._sizes)
        return self._kept[id(prompts)][1]

    def forget(self, but: Sequence[PromptSet] = ()) -> None:
        """Keep those of some prompt sets alone."""
        wanted = {id(prompts) for prompts in but}
        self._kept = {number: kept for number, kept in self._kept.items() if number in wanted}


@dataclass(frozen=True)
class _Reaching:
    """What the query can read of an edit: its cells; the piece of those that change something, whatever else is edited; the
    first position at which they do; and the position before which a cell would write what is there already."""

    cells: tuple[Cell, ...]
    piece: int
    first: int
    same_before: int


def _reaches(cell: Cell, query: int, sizes: Dimensions) -> bool:
    """Whether the query position can still read what the cell changes."""
    if cell.layer == sizes.n_layers - 1 and cell.site not in ("resid_pre", *KEY_SIDE):
        return cell.position == query
    return cell.position <= query
