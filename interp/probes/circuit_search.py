"""How a circuit is searched, whatever its parts are: ranked on one half of the word pairs, measured on the other, both ways.

`attention_edges` and `circuit_nodes` bring the candidates; interp.analysis.circuits says what the curves are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from interp.analysis.circuits import Direction, EdgeOrder, edge_grid, reranked, strongest_first
from interp.analysis.crossings import interpolated
from interp.analysis.halves import second_half
from interp.analysis.held_out import share
from interp.analysis.seeding import generator
from interp.interventions.edits import Edit, Variant
from interp.measure.study import Selection, Study
from interp.probes.base import by_prompt
from interp.results.effects_file import stacked


@runtime_checkable
class CircuitSearch(Protocol):
    """The settings of a search, and the candidates and prompts that it is over."""

    @property
    def label(self) -> str: ...
    @property
    def orders(self) -> Sequence[EdgeOrder]: ...
    @property
    def remove(self) -> float: ...
    @property
    def seeds(self) -> int: ...
    @property
    def explained(self) -> float: ...
    def variants(self, study: Study) -> Iterable[Variant]: ...
    def candidates(self, study: Study) -> list[Edit]: ...
    def where(self, study: Study) -> list[Selection]: ...
    def ranking(self, study: Study) -> list[Selection]:
        """The wordings that rank; the others measure, or the same where there is no other."""
        ...

    def reduced(
        self, study: Study, here: Selection, candidates: list[Edit], kept: Bool[np.ndarray, " candidate"]
    ) -> Float[np.ndarray, "row candidate"]:
        """Effect of also replacing each kept candidate, where the others are replaced already; on every prompt."""
        ...


@runtime_checkable
class Estimating(Protocol):
    """A search whose candidates can also be ranked by integrated gradients."""

    def integrated(
        self, study: Study, here: Selection, candidates: list[Edit]
    ) -> Float[np.ndarray, "row candidate"]: ...


@dataclass(frozen=True)
class Orders:
    """The order that each half of each seed gives: order -> seed -> half -> candidates, best first."""

    by_half: dict[str, list[list[Int[np.ndarray, " candidate"]]]]
    best: str


def run(probe: CircuitSearch, study: Study) -> pd.DataFrame:
    """Rank on each half, measure on the other; further seeds of the halves for the best order alone."""
    candidates, where = probe.candidates(study), probe.where(study)
    ranking = probe.ranking(study)
    scores: dict[str, pd.DataFrame] = {}
    frames: list[pd.DataFrame] = []
    for kind in probe.orders:
        if kind == "exact":
            frames.append(study.measure(list(probe.variants(study)), ranking))
            scores[kind] = by_prompt(frames[-1], ["variant"], "effect")
        elif kind == "integrated" and isinstance(probe, Estimating):
            scores[kind] = pd.concat(
                [pd.DataFrame(probe.integrated(study, one, candidates), index=numbers(one)) for one in ranking]
            )
    base = study.measure([Variant((), part="all"), Variant(tuple(candidates), part="none", n_kept=0)], where)
    frames.append(base)
    orders: dict[str, list[list[Int[np.ndarray, " candidate"]]]] = {}

    def halved(kind: EdgeOrder, seed: int) -> pd.DataFrame:
        parts = _parts(probe, study, seed)
        found = [_order(probe, study, kind, scores.get(kind), half, candidates) for half, _ in parts]
        orders.setdefault(kind, []).append(found)
        return stacked(
            [_curves(study, candidates, order, rest, kind, seed) for order, (_, rest) in zip(found, parts, strict=True)]
        )

    first = {kind: halved(kind, 0) for kind in probe.orders}
    best = min(first, key=lambda kind: _needed(first[kind], base, probe.explained, len(candidates)))
    frames += [*first.values(), *(halved(best, seed) for seed in range(1, probe.seeds))]
    study.notes[probe.label] = Orders(orders, best)
    return stacked(frames)


def n_rows(probe: CircuitSearch, study: Study) -> int:
    """Rows of the effects table: single effects where they are run, the curves, and both ends."""
    candidates, where = len(probe.candidates(study)), probe.where(study)
    prompts = sum(len(one.rows) for one in measuring(probe, study))
    curves = (len(probe.orders) + probe.seeds - 1) * 2 * len(edge_grid(candidates)) * prompts
    single = candidates * n_ranked(probe, study) if "exact" in probe.orders else 0
    return single + curves + 2 * sum(len(one.rows) for one in where)


def rerankings(probe: CircuitSearch, study: Study) -> int:
    """How many times the candidates that are left are ranked again, over all seeds, where that is an order."""
    steps = np.log(max(len(probe.candidates(study)), 2)) / -np.log(1 - probe.remove)
    return probe.seeds * int(np.ceil(steps)) if "reranked" in probe.orders else 0


def measuring(probe: CircuitSearch, study: Study) -> list[Selection]:
    """Other wordings than those that rank, where there are any."""
    ranking = {id(one.prompts) for one in probe.ranking(study)}
    where = probe.where(study)
    return [one for one in where if id(one.prompts) not in ranking] or where


def n_ranked(probe: CircuitSearch, study: Study) -> int:
    """Prompts that rank."""
    return sum(len(one.rows) for one in probe.ranking(study))


def numbers(here: Selection) -> list[int]:
    """The numbers of its prompts in the run."""
    return [here.prompts.prompts[row] for row in here.rows]


def kept(
    rows: pd.DataFrame, base: pd.DataFrame, kind: str, direction: Direction, seed: int, n: int
) -> tuple[Float[np.ndarray, "prompt point"], Float[np.ndarray, " prompt"], Float[np.ndarray, " prompt"]]:
    """The metric at every number of candidates, with none and with all; replaced ones count from the other end."""
    mine = rows[(rows["part"] == direction) & (rows["group"] == f"{kind} {seed}")]
    wide = by_prompt(mine, ["n_kept"])
    base = base[base["prompt"].isin(wide.index)]
    everything, none = (by_prompt(base[base["part"] == part], ["part"]).to_numpy() for part in ("all", "none"))
    inner = wide[edge_grid(n)[1:-1]].to_numpy()
    ends = (none, everything) if direction == "sufficient" else (everything, none)
    values = np.concatenate([ends[0], inner, ends[1]], axis=1)
    # What is lost, as a share, rises from 0 to 1 as what is kept does: m(none) + m(all) - m stands for it.
    if direction == "necessary":
        values = none + everything - values
    return values, none[:, 0], everything[:, 0]


def _parts(probe: CircuitSearch, study: Study, seed: int) -> list[tuple[list[Selection], list[Selection]]]:
    """For each half of the word pairs: its prompts in the ranking wordings, and the other half's in those that measure."""
    pairs = sorted({one.prompts.pairs[row].pair for one in probe.where(study) for row in one.rows})
    second = dict(zip(pairs, second_half(pairs, generator(study.seed, "circuit", probe.label, str(seed))), strict=True))

    def of(where: list[Selection], half: int) -> list[Selection]:
        chosen = [
            replace(one, rows=tuple(row for row in one.rows if second[one.prompts.pairs[row].pair] == bool(half)))
            for one in where
        ]
        return [one for one in chosen if one.rows]

    return [(of(probe.ranking(study), half), of(measuring(probe, study), 1 - half)) for half in (0, 1)]


def _order(
    probe: CircuitSearch,
    study: Study,
    kind: EdgeOrder,
    scores: pd.DataFrame | None,
    half: list[Selection],
    candidates: list[Edit],
) -> Int[np.ndarray, " candidate"]:
    if scores is not None:
        return strongest_first(scores.loc[[n for one in half for n in numbers(one)]].to_numpy().mean(axis=0))

    def left(kept: Bool[np.ndarray, " candidate"]) -> Float[np.ndarray, " candidate"]:
        effects = [probe.reduced(study, one, candidates, kept) for one in half]
        return np.asarray(np.concatenate(effects).mean(axis=0))

    return reranked(left, len(candidates), probe.remove)


def _curves(
    study: Study,
    candidates: list[Edit],
    order: Int[np.ndarray, " candidate"],
    where: list[Selection],
    kind: str,
    seed: int,
) -> pd.DataFrame:
    """Both directions at every number of candidates; ends are known."""
    best = [candidates[i] for i in order.tolist()]
    variants = []
    for n in edge_grid(len(candidates))[1:-1]:
        variants.append(Variant(tuple(best[n:]), part="sufficient", group=f"{kind} {seed}", n_kept=n))
        variants.append(Variant(tuple(best[:n]), part="necessary", group=f"{kind} {seed}", n_kept=n))
    return study.measure(variants, where)


def _needed(rows: pd.DataFrame, base: pd.DataFrame, target: float, n: int) -> float:
    values, none, everything = kept(rows, base, rows["group"].iloc[0].split()[0], "sufficient", 0, n)
    found = interpolated(share(values, none, everything), edge_grid(n), target)
    return float("inf") if found is None else found
