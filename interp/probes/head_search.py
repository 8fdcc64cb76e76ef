"""What a key_query_heads probe measures, in order: the search, what stands beside it, and its controls.

`measure` asks a ledger and returns plain arrays; it is the same with the model and from the tables (interp.probes.ledger).
Controls and the other sources are run on one prompt of every word pair: they need word pairs, not wordings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Int

from interp.analysis.controls import one_of_each, other_sizes, random_sets
from interp.analysis.crossings import lasting
from interp.analysis.halves import second_half
from interp.analysis.held_out import share
from interp.analysis.orders import ORDERS, Order
from interp.analysis.search import Ask, Halved, Searcher
from interp.analysis.seeding import generator
from interp.analysis.shapley import shapley
from interp.interventions.edits import Source
from interp.probes.ledger import Ledger

ByPrompt = Float[np.ndarray, " prompt"]


@dataclass(frozen=True)
class Plan:
    """The settings that decide what is asked."""

    label: str
    seed: int
    n_heads: int
    target: float
    order: Order
    beside: tuple[Source, ...]
    rerankings: int
    max_heads: int
    screen: int
    random_sets: int
    nonsense: bool
    shapley_pairs: int
    shapley_players: int


@dataclass(frozen=True)
class Aside:
    """A search in the `value` order under another replacement, or for other answers: one prompt of every word pair.

    `in_sample` is the curve on the prompts that gave the order, where it was asked for.
    """

    rows: Int[np.ndarray, " row"]
    none: Float[np.ndarray, " row"]
    everything: Float[np.ndarray, " row"]
    halved: Halved
    in_sample: Float[np.ndarray, "row point"] | None = None


@dataclass(frozen=True)
class Measured:
    """Everything that was asked, as arrays; `thin` are the rows of the controls' prompts."""

    clusters: list[str]
    corrupted: ByPrompt
    none: ByPrompt
    everything: ByPrompt
    single: Float[np.ndarray, "prompt head"]
    second: Bool[np.ndarray, " prompt"]
    halved: dict[Order, Halved]
    full: dict[Order, list[int]]
    in_sample: Float[np.ndarray, "prompt point"]
    window: list[int]
    reranked: Float[np.ndarray, "order prompt window"] | None
    n: int | None
    thin: Int[np.ndarray, " row"]
    without: Float[np.ndarray, "set row"] | None
    random: dict[int, Float[np.ndarray, "_ row"]]
    beside: dict[str, Aside]
    nonsense: Aside | None
    shapley: tuple[list[frozenset[int]], Float[np.ndarray, " player"], Float[np.ndarray, " player"]] | None


def measure(ledger: Ledger, plan: Plan) -> Measured:
    """Ask for everything. The answers so far, the plan and its seed decide what is asked next, and nothing else."""
    clusters = ledger.clusters
    rows = np.arange(len(clusters))
    nobody, everyone = frozenset[int](), frozenset(range(plan.n_heads))
    corrupted = ledger.corrupted()
    none, everything = ledger.ask([nobody, everyone], rows, "joint")
    single = _single(ledger.ask, rows, everything, plan.n_heads, "single")
    second = second_half(clusters, _rng(plan, "halves"))
    members = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)[1]
    searcher = Searcher(ledger.ask, single, none, everything, second, members, most=plan.max_heads, width=plan.screen)
    halved = {kind: searcher.halved(kind) for kind in ORDERS}
    full = {kind: searcher.order(kind, rows, f"{kind} all") for kind in ORDERS}
    own = halved[plan.order]
    window = searcher.window(own.kept)
    reranked = (
        searcher.reranked(plan.order, window, plan.rerankings, _rng(plan, "re-ranking")) if plan.rerankings else None
    )
    place = lasting(share(own.kept, none, everything), plan.target)
    n = None if place is None else own.counts[place]
    thin = np.array(one_of_each(clusters, _rng(plan, "one of each")))
    return Measured(
        clusters=clusters,
        corrupted=corrupted,
        none=none,
        everything=everything,
        single=single,
        second=second,
        halved=halved,
        full=full,
        in_sample=searcher.in_sample(full[plan.order], plan.order),
        window=window,
        reranked=reranked,
        n=n,
        thin=thin,
        without=_without(ledger, full[plan.order], n, thin),
        random=_random(ledger, plan, n, thin),
        beside={source: _aside(ledger, plan, thin, second, source=source) for source in plan.beside},
        nonsense=_aside(ledger, plan, thin, second, nonsense=True) if plan.nonsense else None,
        shapley=_shapley(ledger, plan, full["size"], thin),
    )


def _single(
    ask: Ask,
    rows: Int[np.ndarray, " row"],
    everything: Float[np.ndarray, " row"],
    n_heads: int,
    part: str,
    group: str = "",
) -> Float[np.ndarray, "row head"]:
    everyone = frozenset(range(n_heads))
    return np.asarray((everything - ask([everyone - {head} for head in range(n_heads)], rows, part, group)).T)


def _without(
    ledger: Ledger, order: Sequence[int], n: int | None, thin: Int[np.ndarray, " row"]
) -> Float[np.ndarray, "set row"] | None:
    """The selected set, then the set without each of its heads in turn."""
    if not n:
        return None
    chosen = frozenset(order[:n])
    return ledger.ask([chosen, *(chosen - {head} for head in order[:n])], thin, "without")


def _random(
    ledger: Ledger, plan: Plan, n: int | None, thin: Int[np.ndarray, " row"]
) -> dict[int, Float[np.ndarray, "_ row"]]:
    if not n or not plan.random_sets:
        return {}
    rng = _rng(plan, "random sets")
    wanted = {n: plan.random_sets, **dict.fromkeys(other_sizes(n, plan.n_heads), max(10, plan.random_sets // 10))}
    return {
        size: ledger.ask(random_sets(plan.n_heads, size, times, rng), thin, "random", f"{size} heads")
        for size, times in sorted(wanted.items())
    }


def _aside(
    ledger: Ledger,
    plan: Plan,
    thin: Int[np.ndarray, " row"],
    second: Bool[np.ndarray, " prompt"],
    source: Source | None = None,
    nonsense: bool = False,
) -> Aside:
    name = "nonsense" if nonsense else source

    def ask(sets: Sequence[frozenset[int]], rows: Int[np.ndarray, " row"], part: str, group: str = "") -> np.ndarray:
        return ledger.ask(sets, thin[rows], f"{name} {part}", group, source, nonsense)

    here = np.arange(len(thin))
    none, everything = ask([frozenset(), frozenset(range(plan.n_heads))], here, "joint")
    single = _single(ask, here, everything, plan.n_heads, "single")
    searcher = Searcher(ask, single, none, everything, second[thin], here)
    in_sample = searcher.in_sample(searcher.order("value", here, "all"), "value") if nonsense else None
    return Aside(thin, none, everything, searcher.halved("value"), in_sample)


def _shapley(
    ledger: Ledger, plan: Plan, order: Sequence[int], thin: Int[np.ndarray, " row"]
) -> tuple[list[frozenset[int]], Float[np.ndarray, " player"], Float[np.ndarray, " player"]] | None:
    if not plan.shapley_pairs:
        return None
    players = [frozenset({head}) for head in order[: plan.shapley_players]]
    if rest := frozenset(order[plan.shapley_players :]):
        players.append(rest)
    value = partial(_mean, ledger, thin)
    return (players, *shapley(players, value, plan.shapley_pairs, _rng(plan, "shapley")))


def _mean(ledger: Ledger, thin: Int[np.ndarray, " row"], sets: Sequence[frozenset[int]]) -> Float[np.ndarray, " set"]:
    return np.asarray(ledger.ask(sets, thin, "shapley").mean(axis=1))


def _rng(plan: Plan, *label: str) -> np.random.Generator:
    return generator(plan.seed, "key_query_heads", plan.label, *label)
