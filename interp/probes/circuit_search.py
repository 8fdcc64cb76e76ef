"""How a circuit is searched, whatever its parts are: ranked on one half of the word pairs, measured on the other, both ways.

`attention_edges` and `circuit_nodes` bring the candidates; interp.analysis.circuits says what the curves are, and
interp.probes.circuit_controls what the found set is held against.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from interp.analysis.circuits import DIRECTIONS, Direction, EdgeOrder, edge_grid, reranked, strongest_first
from interp.analysis.crossings import interpolated
from interp.analysis.halves import second_half
from interp.analysis.held_out import share
from interp.analysis.seeding import generator
from interp.interventions.edits import Edit, Variant
from interp.measure.study import Selection, Study
from interp.probes.base import by_prompt
from interp.probes.circuit_controls import arbitrary, asks_nonsense, at_random
from interp.probes.circuit_question import CircuitSearch, Estimating, Question, measuring, n_ranked, numbers
from interp.results.effects_file import stacked


@dataclass(frozen=True)
class Orders:
    """The order that each half of each seed gives: order -> seed -> half -> candidates, best first.

    `sizes` are how many of the best are held against random sets, by direction; none where they were not asked for, or where no
    number of the best is enough.
    """

    by_half: dict[EdgeOrder, list[list[Int[np.ndarray, " candidate"]]]]
    best: EdgeOrder
    sizes: dict[Direction, int] = field(default_factory=dict)


def run(probe: CircuitSearch, study: Study) -> pd.DataFrame:
    """Rank on each half, measure on the other; further seeds of the halves, and the controls, for the best order alone."""
    candidates = probe.candidates(study)
    real = Question(probe.ranking(study), measuring(probe, study))
    search = _Search(probe, study, candidates, real)
    first = {kind: search.halved(kind, 0) for kind in probe.orders}

    def needed(rows: pd.DataFrame, direction: Direction) -> float:
        return _needed(rows, search.ends, direction, probe.explained, len(candidates))

    best = min(first, key=lambda kind: needed(first[kind], "sufficient"))
    curves = stacked([first[best], *(search.halved(best, seed) for seed in range(1, probe.seeds))])
    frames = [*search.frames, *(rows for kind, rows in first.items() if kind != best), curves]
    sizes: dict[Direction, int] = {}
    for direction in DIRECTIONS if probe.random_sets else ():
        enough = needed(curves, direction)
        if (size := next((n for n in edge_grid(len(candidates)) if n >= enough), None)) is not None:
            frames.append(at_random(probe, study, candidates, direction, size))
            sizes[direction] = size
    if asks_nonsense(probe, study):
        asked = _Search(probe, study, candidates, arbitrary(study, real))
        arbitrary_curves = asked.halved(best, 0)
        frames += [*asked.frames, arbitrary_curves]
    study.notes[probe.label] = Orders(search.orders, best, sizes)
    return stacked(frames)


class _Search:
    """One question asked: the scores of its orders, both ends, and the curves of any halves."""

    def __init__(self, probe: CircuitSearch, study: Study, candidates: list[Edit], question: Question) -> None:
        self._probe, self._study, self._candidates, self._question = probe, study, candidates, question
        self._scores: dict[str, pd.DataFrame] = {}
        everything = Variant((), part="all", group=question.ends())
        none = Variant(tuple(candidates), part="none", group=question.ends(), n_kept=0)
        self.ends = study.measure([everything, none], question.where())
        self.frames = [self.ends]
        self.orders: dict[EdgeOrder, list[list[Int[np.ndarray, " candidate"]]]] = {}

    def halved(self, kind: EdgeOrder, seed: int) -> pd.DataFrame:
        """The curves of both halves of a seed, each ranked on the other half."""
        parts = _parts(self._probe, self._study, self._question, seed)
        orders = [self._order(kind, half) for half, _ in parts]
        self.orders.setdefault(kind, []).append(orders)
        group = self._question.group(kind, seed)
        return stacked(
            [
                _curves(self._study, self._candidates, order, rest, group)
                for order, (_, rest) in zip(orders, parts, strict=True)
            ]
        )

    def _order(self, kind: EdgeOrder, half: list[Selection]) -> Int[np.ndarray, " candidate"]:
        probe, candidates = self._probe, self._candidates
        scores = self._scored(kind)
        if scores is not None:
            return strongest_first(_of(scores, half))
        # Where nothing is removed yet, the effects are those that the order `exact` measured.
        measured = self._scored("exact") if probe.reduces_exactly and "exact" in probe.orders else None

        def left(kept: Bool[np.ndarray, " candidate"]) -> Float[np.ndarray, " candidate"]:
            if measured is not None and kept.all():
                return _of(measured, half)
            effects = [probe.reduced(self._study, selection, candidates, kept) for selection in half]
            return np.asarray(np.concatenate(effects).mean(axis=0))

        return reranked(left, len(candidates), probe.remove)

    def _scored(self, kind: EdgeOrder) -> pd.DataFrame | None:
        """Score of every candidate on every prompt that ranks; None for the order that ranks again after every removal."""
        if kind not in self._scores and kind == "exact":
            single = self._study.measure(list(self._probe.variants(self._study)), self._question.ranking)
            self._scores[kind] = by_prompt(single, ["variant"], "effect")
            if not self._question.nonsense:
                self.frames.append(single)
        elif kind not in self._scores and kind == "integrated" and isinstance(self._probe, Estimating):
            estimates = [
                pd.DataFrame(self._probe.integrated(self._study, selection, self._candidates), index=numbers(selection))
                for selection in self._question.ranking
            ]
            self._scores[kind] = pd.concat(estimates)
        return self._scores.get(kind)


def n_rows(probe: CircuitSearch, study: Study) -> int:
    """Rows of the effects table: single effects where they are run, the curves, both ends, and the controls."""
    candidates, where = len(probe.candidates(study)), probe.where(study)
    measured = [selection.prompts.pairs[row].pair for selection in measuring(probe, study) for row in selection.rows]
    again = asks_nonsense(probe, study)
    curves = (len(probe.orders) + probe.seeds - 1 + again) * 2 * len(edge_grid(candidates)) * len(measured)
    single = candidates * n_ranked(probe, study) if "exact" in probe.orders else 0
    ends = 2 * (1 + again) * sum(len(selection.rows) for selection in where)
    return single + curves + ends + 2 * probe.random_sets * len(set(measured))


def rerankings(probe: CircuitSearch, study: Study) -> int:
    """How many times the candidates that are left are ranked again, over all seeds, where that is an order."""
    steps = np.log(max(len(probe.candidates(study)), 2)) / -np.log(1 - probe.remove)
    times = probe.seeds + asks_nonsense(probe, study)
    return times * int(np.ceil(steps)) if "reranked" in probe.orders else 0


Kept = tuple[Float[np.ndarray, "prompt point"], Float[np.ndarray, " prompt"], Float[np.ndarray, " prompt"]]
"""The metric at every number of candidates, with none, and with all."""


def kept(rows: pd.DataFrame, ends: pd.DataFrame, group: str, direction: Direction, n: int) -> Kept:
    """The metric at every number of candidates, with none and with all; replaced ones count from the other end."""
    mine = rows[(rows["part"] == direction) & (rows["group"] == group)]
    wide = by_prompt(mine, ["n_kept"])
    none, everything = ends_of(ends, wide.index)
    inner = wide[edge_grid(n)[1:-1]].to_numpy()
    outer = (none, everything) if direction == "sufficient" else (everything, none)
    values = np.concatenate([outer[0][:, None], inner, outer[1][:, None]], axis=1)
    # What is lost, as a share, rises from 0 to 1 as what is kept does: m(none) + m(all) - m stands for it.
    if direction == "necessary":
        values = (none + everything)[:, None] - values
    return values, none, everything


def ends_of(ends: pd.DataFrame, prompts: pd.Index) -> tuple[Float[np.ndarray, " prompt"], Float[np.ndarray, " prompt"]]:
    """The metric of prompts with no candidate kept, and with all."""
    mine = ends[ends["prompt"].isin(prompts)]
    none, everything = (by_prompt(mine[mine["part"] == part], ["part"]).to_numpy()[:, 0] for part in ("none", "all"))
    return none, everything


def _parts(
    probe: CircuitSearch, study: Study, question: Question, seed: int
) -> list[tuple[list[Selection], list[Selection]]]:
    """For each half of the word pairs: its prompts in the ranking wordings, and the other half's in those that measure."""
    pairs = sorted({selection.prompts.pairs[row].pair for selection in question.where() for row in selection.rows})
    second = dict(zip(pairs, second_half(pairs, generator(study.seed, "circuit", probe.label, str(seed))), strict=True))

    def of(where: list[Selection], half: int) -> list[Selection]:
        chosen = [
            replace(
                selection,
                rows=tuple(row for row in selection.rows if second[selection.prompts.pairs[row].pair] == bool(half)),
            )
            for selection in where
        ]
        return [selection for selection in chosen if selection.rows]

    return [(of(question.ranking, half), of(question.measuring, 1 - half)) for half in (0, 1)]


def _of(scores: pd.DataFrame, half: list[Selection]) -> Float[np.ndarray, " candidate"]:
    """The mean score of each candidate on the prompts of a half."""
    return np.asarray(scores.loc[[n for selection in half for n in numbers(selection)]].to_numpy().mean(axis=0))


def _curves(
    study: Study,
    candidates: list[Edit],
    order: Int[np.ndarray, " candidate"],
    where: list[Selection],
    group: str,
) -> pd.DataFrame:
    """Both directions at every number of candidates; ends are known."""
    best = [candidates[i] for i in order.tolist()]
    variants = []
    for n in edge_grid(len(candidates))[1:-1]:
        variants.append(Variant(tuple(best[n:]), part="sufficient", group=group, n_kept=n))
        variants.append(Variant(tuple(best[:n]), part="necessary", group=group, n_kept=n))
    return study.measure(variants, where)


def _needed(rows: pd.DataFrame, ends: pd.DataFrame, direction: Direction, target: float, n: int) -> float:
    """Candidates needed on the mean of some curves, one a group; infinite where the target is not reached."""
    curves = [kept(rows, ends, str(group), direction, n) for group in rows["group"].unique()]
    mean = np.mean([values for values, _, _ in curves], axis=0)
    enough = interpolated(share(mean, *curves[0][1:]), edge_grid(n), target)
    return float("inf") if enough is None else enough
