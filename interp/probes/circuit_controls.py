"""What a circuit is held against: random sets of its size, and the same search for arbitrary answers.

A search finds some set for anything. Random sets say what so many candidates explain by themselves; arbitrary answers
(interp.prompts.shuffled) say what the search makes of a task that means nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from interp.analysis.circuits import Direction
from interp.analysis.controls import one_of_each, random_sets
from interp.analysis.seeding import generator
from interp.interventions.edits import Edit, Variant
from interp.measure.study import Selection, Study
from interp.probes.circuit_question import CircuitSearch, Question, measuring, n_ranked
from interp.words.phrases import plural
from interp.words.tense import Tense

RANDOM = "random"  # what the rows of random sets are called by, before their number


def asks_nonsense(probe: CircuitSearch, study: Study) -> bool:
    """Whether arbitrary answers are asked for: not by a metric that reads none."""
    return probe.nonsense and study.metric.reads_answers


def told(probe: CircuitSearch, it: Tense) -> str:
    """The sentence of a methods paragraph, with a space in front; empty where there are no controls."""
    random = f"{plural(probe.random_sets, 'random set')} of their size" if probe.random_sets else ""
    nonsense = "the same search for arbitrary answers, by a fixed random pairing" if probe.nonsense else ""
    controls = " and ".join(control for control in (random, nonsense) if control)
    return f" The sets {it.are} held against {controls}." if controls else ""


def arbitrary(study: Study, real: Question) -> Question:
    """The same prompts, asked for arbitrary answers."""
    where = real.where()
    shuffled = {id(selection.prompts): other for selection, other in zip(where, study.shuffled(where), strict=True)}
    ranking, measuring = (
        [shuffled[id(selection.prompts)] for selection in some] for some in (real.ranking, real.measuring)
    )
    return Question(ranking, measuring, nonsense=True)


def at_random(
    probe: CircuitSearch, study: Study, candidates: list[Edit], direction: Direction, size: int
) -> pd.DataFrame:
    """Random sets of one size, kept alone or replaced alone, on one prompt of every word pair."""
    rng = generator(study.seed, "circuit", probe.label, "random", direction)
    where = _one_prompt_a_pair(measuring(probe, study), rng)
    variants = []
    for number, chosen in enumerate(random_sets(len(candidates), size, probe.random_sets, rng)):
        gone = tuple(edit for i, edit in enumerate(candidates) if (i in chosen) == (direction == "necessary"))
        variants.append(Variant(gone, part=direction, group=f"{RANDOM} {number}", n_kept=size))
    return study.measure(variants, where)


def _one_prompt_a_pair(where: Sequence[Selection], rng: np.random.Generator) -> list[Selection]:
    """One prompt of every word pair, drawn: what random sets are run on."""
    rows = [(place, row) for place, selection in enumerate(where) for row in selection.rows]
    drawn = {rows[i] for i in one_of_each([where[place].prompts.pairs[row].pair for place, row in rows], rng)}
    chosen = [
        replace(selection, rows=tuple(row for row in selection.rows if (place, row) in drawn))
        for place, selection in enumerate(where)
    ]
    return [selection for selection in chosen if selection.rows]


def asked_again(probe: CircuitSearch, study: Study) -> int:
    """Forward passes of single effects that are run once more, for arbitrary answers, and leave no rows."""
    exact = "exact" in probe.orders and asks_nonsense(probe, study)
    return len(probe.candidates(study)) * n_ranked(probe, study) if exact else 0
