"""Which cells of a variant can change the metric at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from interp.interventions.cells import Cell, Dimensions, cells_of
from interp.interventions.edits import KEY_SIDE, Edit, Variant
from interp.prompts.pairs import PromptSet


@dataclass(frozen=True, eq=False)
class Piece:
    """The live cells of one edit: at least one, all in one layer and at one site. Equal pieces of one `LiveCells` are the
    same object, and `number` counts them."""

    number: int
    cells: tuple[Cell, ...]

    @cached_property
    def first(self) -> int:
        """The first token position that changes."""
        return min(cell.position for cell in self.cells)

    @cached_property
    def last(self) -> int:
        """The last token position that changes."""
        return max(cell.position for cell in self.cells)

    @property
    def layer(self) -> int:
        """The layer of all of its cells."""
        return self.cells[0].layer

    @property
    def site(self) -> str:
        """The site of all of its cells."""
        return self.cells[0].site


class LiveCells:
    """The cells of variants that can change the metric of one prompt set.

    Left out is what attention, being causal, makes exactly nothing: positions after the query; in the last layer,
    whatever is added at other positions than the query; and a patch from the other run before the two prompts differ,
    where nothing earlier in the prompt is edited either.

    What an edit comes to is worked out once: a search asks for the same few hundred edges in thousands of sets.
    """

    def __init__(self, prompts: PromptSet, sizes: Dimensions) -> None:
        self._prompts, self._sizes = prompts, sizes
        self._reaching: dict[Edit, _Reaching] = {}
        self._pieces: dict[tuple[Cell, ...], Piece] = {}
        self._of_object: dict[int, tuple[Edit, _Reaching]] = {}

    def pieces(self, variant: Variant) -> tuple[Piece, ...]:
        """One for every edit that has live cells, in their order. Raises UserError as `cells_of` does."""
        reaching = [self._of(edit) for edit in variant.edits]
        first = min((edit.first for edit in reaching), default=0)
        pieces = (edit.always or self._late(edit, first) for edit in reaching)
        return tuple([piece for piece in pieces if piece is not None])

    def cells(self, variant: Variant) -> list[Cell]:
        """All live cells of a variant."""
        return [cell for piece in self.pieces(variant) for cell in piece.cells]

    def _of(self, edit: Edit) -> _Reaching:
        # Searches hand over the same objects again and again, and to compare seven fields takes longer than the rest.
        kept = self._of_object.get(id(edit))
        if kept is None:
            kept = self._of_object[id(edit)] = (edit, self._known(edit))
        return kept[1]

    def _known(self, edit: Edit) -> _Reaching:
        if edit not in self._reaching:
            query, different = self._prompts.query_index, self._prompts.first_difference
            cells = [cell for cell in cells_of(edit, self._prompts, self._sizes) if _reaches(cell, query, self._sizes)]
            same = edit.source in ("clean", "corrupted")
            changing = [cell.position for cell in cells if not (same and cell.position < different)]
            first = min(changing, default=len(self._prompts.clean[0]))
            always = self._piece(tuple(cells)) if cells and len(changing) == len(cells) else None
            self._reaching[edit] = _Reaching(tuple(cells), different if same else 0, first, always)
        return self._reaching[edit]

    def _late(self, edit: _Reaching, first: int) -> Piece | None:
        """What is left of an edit where nothing before `first` is changed by any."""
        cells = tuple([cell for cell in edit.cells if cell.position >= min(first, edit.different)])
        return self._piece(cells) if cells else None

    def _piece(self, cells: tuple[Cell, ...]) -> Piece:
        return self._pieces.setdefault(cells, Piece(len(self._pieces), cells))


@dataclass(frozen=True, eq=False)
class _Reaching:
    """What the query can read of an edit: its cells; the position before which they would write what is there already; the
    first position at which they change something; and its piece, where every cell does."""

    cells: tuple[Cell, ...]
    different: int
    first: int
    always: Piece | None


def _reaches(cell: Cell, query: int, sizes: Dimensions) -> bool:
    """Whether the query position can still read what the cell changes."""
    if cell.layer == sizes.n_layers - 1 and cell.site not in ("resid_pre", *KEY_SIDE):
        return cell.position == query
    return cell.position <= query
