"""Numbers of a finished run, found by their shape."""

from __future__ import annotations

from interp.analysis.quantities import quantities


def test_quantities_are_found_by_their_shape():
    found = {
        "total": {"effect": {"mean": 1.0, "low": 0.5, "high": 2.0, "sem": 0.1, "n": 8, "n_clusters": 4}},
        "shares": {"joint": {"n": None, "n_low": 3, "n_high": None}},
        "curve": [{"n": 1, "share": 0.5}],
        "defined": True,
    }
    told = {one.name: (one.value, one.low, one.high, one.n) for one in quantities(found)}
    assert told == {"total.effect": (1.0, 0.5, 2.0, 8), "shares.joint.n": (None, 3.0, None, None)}
