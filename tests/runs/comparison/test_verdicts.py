"""A comparison claims fewer or more only where the interval and every share that was asked for agree."""

from __future__ import annotations

import pytest

from interp.analysis.findings_of_comparison import EdgesBothWays, HeadsByDefinition, PairFindings
from interp.analysis.findings_of_run import RunFindings
from interp.runs.comparison.circuits import bears_out
from interp.runs.comparison.sentences import answer, caveats
from tests.findings import filled

RUN = RunFindings.model_validate(filled(RunFindings, {"share_definition": "joint", "share_target": 0.8}))


def paired(first, second):
    difference = second - first
    ends = {"low": difference - 0.05, "high": difference + 0.05}
    return {"first": {"mean": first}, "second": {"mean": second}, "difference": {"mean": difference, **ends}}


def heads(first, second, low, high, others=()):
    def side(n):
        return {"n": n, "n_low": n, "n_high": n}

    ratio = {"value": None if None in (first, second) else first / second, "low": low, "high": high}
    by_target = [{"target": target, "first": a, "second": b} for target, a, b in others]
    joint = {"first": side(first), "second": side(second), "ratio": ratio, "by_target": by_target}
    ability = {
        "n_asked": 20,
        "gates": [None, {"open": 5, "edges": 100, "queries": 10}],
        "accuracy": paired(0.8, 0.7),
        "log_prob": paired(-1.0, -1.5),
        "wordings": [{"n_tokens": 8}, {"n_tokens": 10}],
    }
    heads = filled(HeadsByDefinition, {"joint": joint})
    return filled(PairFindings, {"labels": ["dense", "sparse"], "heads": heads, "ability": ability})


def said(found):
    return answer(PairFindings.model_validate(found), RUN)


ALIKE = ((0.7, 8, 4), (0.8, 10, 5), (0.9, 20, 9))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (
            heads(10, 5, 1.5, 2.5, ALIKE),
            "needs 5 [5, 5] heads and dense needs 10 [10, 10] heads: 2.00 [1.50, 2.50] times fewer.",
        ),
        (heads(5, 10, 0.4, 0.8, [(t, b, a) for t, a, b in ALIKE]), "2.00 [1.25, 2.50] times more."),
        (heads(10, 5, 0.9, 2.5, ALIKE), ": no clear difference (ratio 2.00 [0.90, 2.50])."),
        (heads(10, 10, 0.9, 1.1, [(0.7, 8, 9), (0.8, 10, 10)]), ": no clear difference (ratio 1.00 [0.90, 1.10])."),
        (heads(10, 10, 0.9, 1.1, [(0.8, 10, 10)]), ": no clear difference (ratio 1.00 [0.90, 1.10])."),
        (
            heads(10, None, None, None, ((0.8, 10, None),)),
            "sparse never gets there and dense needs 10 [10, 10] heads, so there is no ratio.",
        ),
        (
            heads(10, 5, 1.5, 2.5, ((0.7, 8, 9), (0.8, 10, 5), (0.9, 20, None))),
            "depends on the share that is asked for (at 70 % 9 against 8; at 80 % 5 against 10; at 90 % never against 20), "
            "so neither is claimed.",
        ),
    ],
)
def test_what_is_said_of_heads(found, words):
    assert words in said(found)[0]


def test_models_of_different_sizes_are_said_to_have_so_many_heads():
    found = heads(10, 5, 1.5, 2.5, ALIKE)
    found["heads"]["n_candidates"] = (270, 72)
    assert "sparse needs 5 [5, 5] of 72 heads and dense needs 10 [10, 10] of 270 heads: 2.00" in said(found)[0]


def circuits(enough, needs):
    """Edges of both directions: (first, second, low, high, counts at other shares)."""

    def of(first, second, low, high, others=()):
        def side(n):
            return {"edges": n, "low": n, "high": n}

        ratio = {"value": None if None in (first, second) else first / second, "low": low, "high": high}
        by_target = [{"target": target, "first": a, "second": b} for target, a, b in others]
        return {"first": side(first), "second": side(second), "ratio": ratio, "by_target": by_target}

    edges = {"explained": 0.9, "sufficient": of(*enough), "necessary": of(*needs)}
    return heads(10, 10, 0.9, 1.1) | {"edges": filled(EdgesBothWays, edges)}


@pytest.mark.parametrize(
    ("enough", "needs", "words"),
    [
        ((200, 100, 1.5, 2.5), (60, 30, 1.2, 3.0), "(ratio 2.00 [1.20, 3.00]): sparse needs fewer both ways."),
        ((100, 200, 0.3, 0.8), (30, 60, 0.4, 0.9), ": sparse needs more both ways."),
        (
            (200, 100, 1.5, 2.5),
            (60, 50, 0.9, 1.4),
            "do not both tell the models apart, so neither is said to need fewer.",
        ),
        ((200, 100, 1.5, 2.5), (30, 60, 0.3, 0.8), "contradict each other, so neither is said to need fewer."),
        (
            (200, 100, 1.5, 2.5),
            (30, 60, 0.3, 0.8, [(0.7, 20, 10)]),  # which another share takes back
            "do not both tell the models apart, so neither is said to need fewer.",
        ),
        ((200, 100, 1.5, 2.5, [(0.7, 20, 30)]), (60, 30, 1.2, 3.0), "so neither is said to need fewer."),
        ((200, 100, 1.5, 2.5, [(0.7, 30, 20)]), (60, 30, 1.2, 3.0), "sparse needs fewer both ways."),
        ((None, 100, None, None), (60, None, None, None), "dense never gets there (ratio —)."),
    ],
)
def test_what_is_said_of_edges(enough, needs, words):
    sentence = said(circuits(enough, needs))[1]
    assert sentence.startswith("To explain 90 % of what all attention edges do")
    assert sentence.endswith(words)


@pytest.mark.parametrize(
    ("enough", "needs", "marked"),
    [
        ((200, 100, 1.5, 2.5), (60, 30, 1.2, 3.0), True),
        ((200, 100, 1.5, 2.5), (60, 50, 0.9, 1.4), True),  # the other direction says nothing
        ((200, 100, 1.5, 2.5), (30, 60, 0.3, 0.8), False),  # the opposite
        ((200, 100, 0.9, 2.5), (60, 30, 1.2, 3.0), False),
    ],
)
def test_a_figure_shows_how_many_times_fewer_where_nothing_says_the_opposite(enough, needs, marked):
    assert bears_out(EdgesBothWays.model_validate(circuits(enough, needs)["edges"])) is marked


@pytest.mark.parametrize(
    ("at_80", "at_90", "told"),
    [
        (19, 12_963, ["In sparse, the best 19 edges kept alone explain 80 %, and 12,963 of 14,850 explain 90 %"]),
        (57, 161, []),
    ],
)
def test_a_curve_that_stays_just_below_the_share_gives_no_size_of_a_circuit(at_80, at_90, told):
    found = circuits((161, at_90, 0.01, 0.03, [(0.8, 57, at_80), (0.9, 161, at_90)]), (31, 12, 1.9, 3.6))
    found["edges"]["n_candidates"] = (14_850, 14_850)
    notes = [note for note in caveats(PairFindings.model_validate(found), RUN) if "no size of a circuit" in note]
    assert [note.split(":")[0] for note in notes] == told


def test_what_a_twin_is_worth_on_the_prompts_themselves():
    worth = said(heads(10, 5, 1.5, 2.5, ALIKE))[-1]
    assert "(8 to 10 tokens; all 20 candidates)" in worth
    assert "sparse keeps 5.0 % of the causal edges open (0.50 keys a query and head)" in worth
    assert "sparse answers 70 % correctly and dense 80 % (−10 [−15, −5] points)" in worth
    assert "loss in sparse is +0.50 [+0.45, +0.55] nats against dense" in worth
