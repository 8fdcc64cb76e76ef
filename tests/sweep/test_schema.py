"""The JSON Schemas know sweeps: what expands is valid, what does not is marked, and an axis takes its field's values."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from interp.errors import UserError
from interp.sweep.expand import expand

CONFIGS = Path(__file__).parents[2] / "configs"
SCHEMA = json.loads((CONFIGS / "circuit.schema.json").read_text(encoding="utf-8"))
BASE = {"name": "study", "prompts": {"task": {"kind": "antonyms"}}, "probes": [{"kind": "head_ablation"}]}
MODEL = {"source": "pypi", "name": "smollm2-135m-instruct"}


@pytest.mark.parametrize("path", sorted((CONFIGS / "studies").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_studies_are_valid(path):
    jsonschema.validate(YAML(typ="safe").load(path), SCHEMA)


@pytest.mark.parametrize("kind", ["circuit", "comparison", "sparsify", "toy_addition"])
def test_every_kind_can_be_swept_and_need_not_be(kind):
    schema = json.loads((CONFIGS / f"{kind}.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert {"seed"} <= set(schema["$defs"]["SweepConfig"]["properties"]["grid"]["properties"])
    single = jsonschema.Draft202012Validator(schema)
    assert [one.validator for one in single.iter_errors({"name": "alone"})]  # what must be given still must
    study = {"name": "swept", "sweep": {"grid": {"seed": [0, 1]}}}
    study |= {} if kind == "circuit" else {"study": kind}
    assert not list(single.iter_errors(study))


@pytest.mark.parametrize(
    "sweep",
    [
        {"grid": {"seed": [0, 1], "model": {"dense": MODEL}}},
        {"grid": {"wording": {"short": {"prompts.task.max_pairs": 12}, "long": {"prompts.task.max_pairs": 20}}}},
        {"points": {"half": {"model.dtype": "bfloat16"}, "third": {"seed": 3}}},
        {"points": [{"seed": 3}, {"seed": 4}], "executor": {"kind": "slurm", "partition": "gpu", "gpus": 1}},
        {"grid": {"seed": [0, 1]}, "repeats": ["seed"], "reference": {"axis": "seed", "level": "0"}},
    ],
)
def test_what_expands_is_valid(tmp_path, sweep):
    data = BASE | {"model": MODEL, "sweep": sweep}
    (tmp_path / "study.yaml").write_text(json.dumps(data), encoding="utf-8")
    assert expand(tmp_path / "study.yaml").points
    jsonschema.validate(data, SCHEMA)


@pytest.mark.parametrize(
    "sweep",
    [
        {"gird": {"seed": [0, 1]}},
        {"grid": {"seed": 3}},
        {"grid": {"seed": []}},
        {"grid": {"seed": [0, "one"]}},
        {"grid": {"model": [{"source": "pypi", "nam": "x"}]}},
        {"grid": {"seed": [0]}, "executor": {"kind": "pbs"}},
        {"grid": {"seed": [0]}, "reference": {"axis": "seed"}},
        {"points": [{}]},
    ],
)
def test_what_does_not_expand_is_marked(tmp_path, sweep):
    data = BASE | {"model": MODEL, "sweep": sweep}
    (tmp_path / "study.yaml").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(UserError):
        expand(tmp_path / "study.yaml")
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, SCHEMA)
