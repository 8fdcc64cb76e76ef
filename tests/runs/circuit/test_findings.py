"""metrics.json is what its schema says, and the schema says no more than is there."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from interp.analysis.findings import Findings, LayerModulationFindings
from interp.analysis.findings_of_heads import HeadFindings
from interp.errors import UserError
from interp.probes import probes
from interp.results.tables import RunTables

SCHEMA = json.loads((Path(__file__).parents[3] / "configs" / "metrics.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def metrics(finished):
    return json.loads((finished[1] / "metrics.json").read_text(encoding="utf-8"))


def test_a_run_writes_what_the_schema_says(metrics):
    jsonschema.validate(metrics, SCHEMA)
    assert metrics["schema_version"] == 1
    # Through the classes and back, nothing is lost and no number changes its type.
    for found in metrics["probes"].values():
        typed = probes[found["kind"]].findings.model_validate(found)
        assert json.dumps(typed.plain(), sort_keys=True) == json.dumps(found, sort_keys=True)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("probes", "key_query_heads", "n_candidates"), "twelve"),
        (("probes", "key_query_heads", "shares", "joint", "n"), 1.5),
        (("probes", "layer_span", "n_groups"), 3),
        (("run", "model", "n_layers"), None),
    ],
)
def test_what_it_does_not_say_is_refused(metrics, place, value):
    *parents, last = place
    part = metrics
    for name in parents:
        part = part[name]
    part[last] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(metrics, SCHEMA)


def test_findings_are_read_typed(finished, metrics):
    tables = RunTables.load(finished[1])
    found = tables.findings("key_query_heads", HeadFindings)
    assert found.shares.joint.n == metrics["probes"]["key_query_heads"]["shares"]["joint"]["n"]
    assert found.ranking[0].carried.n == len(tables.prompts)
    with pytest.raises(UserError, match="'key_query_heads' was written by another version"):
        tables.findings("key_query_heads", LayerModulationFindings)


def test_another_schema_is_told(finished, metrics, tmp_path):
    for path in finished[1].iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert json.loads(json.dumps(RunTables.load(tmp_path).metrics.plain())) == metrics
    (tmp_path / "metrics.json").write_text(json.dumps({**metrics, "schema_version": 2}), encoding="utf-8")
    with pytest.raises(UserError, match="has schema_version 2, and this version of interp reads 1"):
        RunTables.load(tmp_path)


def test_a_probe_of_another_package_may_say_anything_or_hold_to_its_own_class():
    class Tilted(Findings):
        tilt: float

    assert Findings.model_validate({"kind": "tilt", "rows": [1, 2]}).plain() == {"kind": "tilt", "rows": [1, 2]}
    assert Tilted.model_validate({"kind": "tilt", "tilt": 0.5}).tilt == 0.5
    with pytest.raises(ValidationError):
        Tilted.model_validate({"kind": "tilt"})


def test_every_entry_of_the_schema_says_what_it_is():
    silent = [name for name, model in SCHEMA["$defs"].items() if not model.get("description")]
    assert silent == []
