"""Every figure at every size: `python -m tests.figures.grid FOLDER [--some]` draws all of them and says what cannot be read.

To be looked at as pictures at their printed size; the tests measure a part of the same grid.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import matplotlib as mpl

from interp.figures import figures
from interp.figures.base import drawn_texts
from interp.figures.fonts import rc
from interp.runs.comparison.circuits import circuit_curves
from interp.runs.comparison.curves import modulation_curves, share_curves
from interp.runs.comparison.figures import side_by_side
from interp.runs.comparison.mass import mass_curves
from tests.figures.readable import faults
from tests.figures.sizes import make_tables

TOKENS, HEADS, LAYERS = (8, 24, 52, 200), (1, 9, 25), (1, 2, 30, 48)
# Every number of tokens, heads and layers at least once, and the corners.
SOME = ((8, 1, 1), (8, 25, 30), (24, 9, 2), (52, 25, 48), (200, 1, 2), (200, 9, 30))


def of_two_models(tables) -> dict:
    """The figures of a comparison, of a model with itself."""
    arms = {"dense": tables, "sparse": tables}
    return {
        "side_by_side": lambda: side_by_side(arms),
        "share_curves": lambda: share_curves(arms),
        "modulation_curves": lambda: modulation_curves(arms),
        "node_curves": lambda: circuit_curves(arms, "circuit_nodes"),
        "edge_mass": lambda: mass_curves(arms, "edge_patching"),
    }


def ways(tables) -> dict:
    """Name -> a function that draws it."""
    own = {kind: (lambda kind=kind: figures[kind]().render(tables)) for kind in figures}
    return own | of_two_models(tables)


def main(folder: Path, some: bool) -> None:
    """Draw the grid, or the part of it that the tests measure, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for size in SOME if some else itertools.product(TOKENS, HEADS, LAYERS):
        tables = make_tables(*size)
        with mpl.rc_context(rc(drawn_texts(tables))):
            for name, draw in ways(tables).items():
                figure = draw().figure
                for fault in faults(figure):
                    print(f"{name} at {size}: {fault}", flush=True)
                figure.savefig(folder / f"{name}-{'-'.join(map(str, size))}.png", dpi=150)
        print(f"{size} drawn", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--some" in sys.argv)
