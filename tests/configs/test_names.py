"""Names that files are called by: a run's, a probe's, a figure's, and the kinds that plugins bring."""

from __future__ import annotations

from typing import Literal

import pytest

from interp.configs.registry import Registry
from interp.configs.section import Section
from interp.errors import UserError
from interp.runs.circuit.config import validate

PROBE = {"kind": "logit_lens"}


def config(name="t", *probes):
    return {
        "name": name,
        "model": {"source": "pypi", "name": "smollm2-135m-instruct"},
        "probes": list(probes) or [PROBE],
    }


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("..", "neither begins nor ends with a dot"),
        (".hidden", "neither begins nor ends with a dot"),
        ("a/b", "pattern"),
        ("x" * 101, "at most 100"),
        ("NUL", "no file may be called 'NUL' on Windows"),
        ("con.v2", "no file may be called"),
    ],
)
def test_what_no_file_can_be_called_everywhere_is_refused(name, says):
    for data, place in ((config(name), "name"), (config("t", {**PROBE, "name": name}), "probes.0.name")):
        with pytest.raises(UserError, match=says) as error:
            validate(data, "x.yaml")
        assert f"x.yaml: {place}: " in str(error.value)


@pytest.mark.parametrize("name", ["v1.2", "a-b_c", "x" * 100, "console", "null"])
def test_what_files_can_be_called_is_taken(name):
    assert validate(config(name, {**PROBE, "name": name}), "x.yaml").probes[0].label == name


@pytest.mark.parametrize(
    ("second", "says"), [("Lens", "called 'lens' and 'Lens', which some disks take for one"), ("lens", "called 'lens'")]
)
def test_two_probes_do_not_share_a_file(second, says):
    with pytest.raises(UserError, match=f"probes.1: two probes are {says}; give one of them another `name`"):
        validate(config("t", {**PROBE, "name": "lens"}, {**PROBE, "name": second}), "x.yaml")
    assert validate(config("t", {**PROBE, "name": "lens"}, {**PROBE, "name": "lens2"}), "x.yaml")


def test_a_kind_is_a_literal_that_a_file_can_be_called():
    def kind(annotation, default):
        return type("Odd", (Section,), {"__annotations__": {"kind": annotation}, "kind": default})

    registry: Registry[Section] = Registry("probe")
    registry.register(kind(Literal["fine.2"], "fine.2"))
    for odd in (kind(str, "odd"), kind(Literal["a/b"], "a/b"), kind(Literal["a"], "b"), type("None", (Section,), {})):
        with pytest.raises(ValueError, match=r'needs a line such as `kind: Literal\["my_probe"\] = "my_probe"`'):
            registry.register(odd)
