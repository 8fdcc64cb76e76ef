"""The `paths` probe must find the number of hops that was planted, and nothing must get through when all edges are replaced."""

from __future__ import annotations

from dataclasses import replace

import pytest

from interp.analysis.findings_of_paths import PathFindings
from interp.errors import UserError
from interp.probes.paths import Paths
from interp.prompts.differing import Roads, roads_of
from interp.results.tables import RunTables
from tests.causal.planted import KEY, MIDDLE, QUERY, Plant, findings, planted_model, planted_prompts, study_of
from tests.causal.test_planted import MIDPOINT, ONE, TWO_HOPS

# Key -> 3 -> 5 -> query, one hop a layer. Where nothing was planted a head attends evenly: at 5 the first one sees a fifth of
# the key, so that a sixth of what arrives has had two hops.
THREE_HOPS = (
    Plant(0, 1, gain=1.0, key=KEY, query=3, writes=MIDDLE),
    Plant(1, 0, gain=1.0, key=3, query=5, reads=MIDDLE, writes=MIDDLE),
    Plant(2, 3, gain=2.0, key=5, query=QUERY, reads=MIDDLE),
)


def shares(*plants):
    found = findings(study_of(planted_model(*plants), Paths(), n_prompts=14))["paths"]
    return found, [found[name]["mean"] for name in ("direct", "one_middle", "more", "direct_cut")]


@pytest.mark.parametrize(
    ("plants", "expected", "middle"),
    [
        (ONE, [1, 0, 0, 1], MIDPOINT),
        (TWO_HOPS, [0, 1, 0, 0], MIDPOINT),
        (THREE_HOPS, [0, 1 / 6, 5 / 6, 0], 5),
        ((*TWO_HOPS, Plant(1, 2, gain=6.0)), [0.75, 0.25, 0, 0.75], MIDPOINT),
    ],
)
def test_hops_are_those_that_were_planted(plants, expected, middle):
    found, seen = shares(*plants)
    assert seen == pytest.approx(expected, abs=1e-3)
    assert sum(seen[:3]) == pytest.approx(1.0, abs=1e-6)
    over = {one["position"]: (one["added"]["mean"], one["lost"]["mean"]) for one in found["middles"]}
    assert sorted(over) == [3, 4, 5]
    assert over.pop(middle) == pytest.approx((expected[1], expected[1]), abs=1e-3)
    assert all(added == lost == pytest.approx(0, abs=1e-3) for added, lost in over.values())


def test_shares_sum_to_the_gap_where_scores_leak_into_other_weights(finished):
    tables = RunTables.load(finished[1])
    found, rows = tables.findings("paths", PathFindings), tables.probe("paths")
    four = (found.direct, found.one_middle, found.more, found.by_weights)
    assert sum(share.mean for share in four) == pytest.approx(1.0, abs=1e-5)
    # Random weights: what the scores of the key alone do is no rounding.
    assert rows.loc[rows["part"] == "none", "normalised"].abs().min() > 1e-3
    gap = tables.prompts.set_index("prompt")["gap"]
    left = (rows["normalised"] * rows["prompt"].map(gap))[rows["part"] == "none"]
    assert found.by_weights.mean == pytest.approx(left.mean() / gap.mean(), abs=1e-5)


def test_hops_leave_a_differing_token_and_never_go_between_two():
    roads = Roads((2, 4), 6)
    assert roads.middles == (3, 5)
    assert (2, 4) not in roads.hops
    assert {(2, 3), (3, 4), (4, 5), (2, 6), (5, 6)} <= set(roads.hops)
    assert len(roads.hops) == 9


def test_prompts_that_differ_at_the_query_or_nowhere_are_refused():
    prompts = planted_prompts(14)
    assert roads_of(prompts) == Roads((KEY,), QUERY)
    at_query = prompts.corrupted.clone()
    at_query[0, QUERY - 1] = (prompts.clean[0, QUERY - 1] + 1) % 9
    with pytest.raises(UserError, match="differ at the query itself"):
        roads_of(replace(prompts, corrupted=at_query))
    with pytest.raises(UserError, match="the same tokens up to the query"):
        roads_of(replace(prompts, corrupted=prompts.clean))
