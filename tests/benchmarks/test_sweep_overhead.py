"""The benchmark of a sweep's own work runs, and tells the runs' time apart from the sweep's."""

from __future__ import annotations

from benchmarks.sweep_overhead import STEPS, measured


def test_two_points_are_carried_out_and_timed(tmp_path):
    told = measured(tmp_path, 2)
    assert set(told) == {*STEPS, "the runs themselves", "beside the runs"}
    assert told["beside the runs"][0] == sum(told[step][0] for step in STEPS) > 0
