"""Whatever a config holds, reading it gives a config or one sentence; never a traceback, and soon."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from interp.configs.loading import override, parse, validate_as
from interp.configs.yaml_text import plain
from interp.errors import UserError
from interp.runs.kinds import kind_of

CONFIGS = [YAML(typ="safe").load(path) for path in sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))]
scalars = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30)),
    st.sampled_from(
        [2**64, -(2**64), 10**400, 1e308, "", " ", "~", "all", "L1-H2", "L-1-H", "{word}", "{", "x" * 100_000]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def places(data, path=()):
    yield path
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        yield from places(value, (*path, key))


def one_sentence(error):
    said = str(error)
    assert "\n" not in said
    assert 10 < len(said) < 20_000


def read(data):
    """A config, or a short sentence in one line."""
    try:
        return validate_as(kind_of(data, "fuzz.yaml").schema, data, "fuzz.yaml").resolved()
    except UserError as error:
        one_sentence(error)
        return None


@quick
@given(st.data())
def test_a_shipped_config_with_any_of_its_values_replaced(data):
    config = copy.deepcopy(data.draw(st.sampled_from(CONFIGS)))
    for _ in range(data.draw(st.integers(1, 3))):
        *parents, last = data.draw(st.sampled_from([path for path in places(config) if path]))
        target = config
        for key in parents:
            target = target[key]
        action = data.draw(st.sampled_from(["replace", "remove", "add"]))
        if action == "remove":
            del target[last]
        elif action == "add" and isinstance(target, dict):
            target[data.draw(st.text(max_size=8))] = data.draw(values)
        else:
            target[last] = data.draw(values)
    resolved = read(config)
    if resolved is not None:
        json.dumps(resolved, allow_nan=False)
        assert read(resolved) == resolved


@quick
@given(st.text(max_size=200) | st.lists(st.sampled_from(list("{}[]:,-&*!|>'\"#%@ \n\tab1.")), max_size=60).map("".join))
@example("a: !!int abc")
@example("? ? ?")
@example("!!omap [a, b]")
@example("%YAML 9.9\n---\na: 1")
@example("a: 1\n---\nb: 2")
@example("<<: {a: 1}")
@example("<<: 3")
@example("{a: 1, <<: *b}")
def test_any_text(text):
    try:
        assert isinstance(parse(text, "fuzz.yaml"), dict)
    except UserError as error:
        one_sentence(error)


@quick
@given(values.map(lambda value: {"v": value}))
def test_any_json_is_read_as_it_was_written(data):
    def plain_numbers(value):
        if isinstance(value, dict):
            return all(plain_numbers(one) for one in value.values())
        if isinstance(value, list):
            return all(plain_numbers(one) for one in value)
        return not isinstance(value, float) or value == value

    text = json.dumps(data)
    if plain_numbers(data) and "Infinity" not in text:
        assert plain(text, "fuzz.json") == data


@quick
@given(st.text(max_size=20), st.text(max_size=20))
@example("probes.²", "x")
@example("probes.-1", "x")
@example("seed.x.y", "1")
def test_any_override(path, value):
    config = copy.deepcopy(CONFIGS[0])
    try:
        override(config, f"{path}={value}")
    except UserError as error:
        one_sentence(error)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config["name"])
def test_the_shipped_configs_are_read(config):
    assert read(config) is not None
