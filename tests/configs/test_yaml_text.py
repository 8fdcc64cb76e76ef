"""What a YAML may be: whatever else it is ends in one sentence, and its valid twin works."""

from __future__ import annotations

import json

import pytest

from interp.configs.yaml_text import plain
from interp.errors import UserError
from interp.runs.circuit.config import load

GOOD = {"name": "good", "model": {"source": "pypi"}, "probes": [{"kind": "head_ablation"}]}
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


def config(tmp_path, text):
    path = tmp_path / "run.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return path


def loaded(tmp_path, extra):
    return load(config(tmp_path, json.dumps(GOOD)[:-1] + f", {extra}}}")).run


@pytest.mark.parametrize(
    ("bad", "says", "good"),
    [
        ("a: !!bool 1", "line 1.*'1' is neither true nor false", "a: !!bool yes"),
        ("seed: !!int abc", "line 1.*'abc' is no number", "seed: !!int 12"),
        (f"seed: {'9' * 5000}", "is no number, or one of too many digits", f"seed: {'9' * 18}"),
        (f"a: {'[' * 1000}{']' * 1000}", "nested too deeply", f"a: {'[' * 20}{']' * 20}"),
        (f"a: {'[' * 60}{']' * 60}", "nested too deeply", "a: [[]]"),
        ("a: &x [1, *x]", "nested too deeply, or an alias stands inside itself", "a: &x [1]\nb: *x"),
        (BOMB, "more than 200,000 values once its aliases", BOMB[: BOMB.index("d:")]),
        ("a: *none", "is not valid YAML: line 1, column 4: .*undefined alias", "n: &none 1\na: *none"),
        ("a: !!binary '%%'", "is not valid YAML|must be plain data", "a: '%%'"),
        ("a: !!set {x, y}", "a: must be plain data, not a", "a: [x, y]"),
        ("a: !!python/object:os.system x", "is not valid YAML: .*could not determine a constructor", "a: os.system"),
        ("? [1, 2]\n: x", "a key must be text|is not valid YAML", "'1, 2': x"),
        ("a: {1: x}", "a: a key must be text, not 1;", "a: {'1': x}"),
        (": x", "the file: a key must be text, not None;", "a: x"),
        ('a: "\\ud83d"', r"a: holds half a character \(\\ud83d\)", 'a: "\\ud83d\\ude00"'),
        ("a: [1", "is not valid YAML: line 1", "a: [1]"),
    ],
)
def test_bad_text_is_one_sentence_and_its_twin_is_read(bad, says, good):
    with pytest.raises(UserError, match=says) as caught:
        plain(bad, "x.yaml")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700
    assert isinstance(plain(good, "x.yaml"), dict)


def test_dates_are_text(tmp_path):
    assert plain("title: 2020-99-99\nother: 2020-01-01", "x") == {"title": "2020-99-99", "other": "2020-01-01"}


def test_any_json_is_a_config_however_its_writer_escapes_it(tmp_path):
    data = GOOD | {"title": "😀 “größe” \u2028 / \\ \t"}
    for options in ({}, {"ensure_ascii": False}, {"indent": 1}, {"indent": "\t"}, {"separators": (",", ":")}):
        assert load(config(tmp_path, json.dumps(data, **options))).run.title == data["title"], options


def test_an_alias_is_a_copy(tmp_path):
    assert plain("a: &x {n: 1}\nb: *x", "x") == {"a": {"n": 1}, "b": {"n": 1}}


@pytest.mark.parametrize("size", [100, 100_000])
def test_long_values_are_cut_when_they_are_quoted(tmp_path, size):
    for extra in (f'"seed": "{"7x" * size}"', f'"{"k" * size}": 1', f'"metric": {{"kind": "{"q" * size}"}}'):
        with pytest.raises(UserError) as caught:
            loaded(tmp_path, extra)
        assert len(str(caught.value)) < 900
    assert len(loaded(tmp_path, f'"title": "{"7x" * size}"').title) == 2 * size


def test_all_mistakes_are_told_at_once_each_with_its_path(tmp_path):
    text = """
name: bad name
seed: true
share: {target: 2}
model: {source: pipy}
statistics: {n_resamples: 5, confidence: .nan}
probes:
  - {kind: head_ablatoin}
  - {kind: head_ablation, sorce: zero}
metric: {}
"""
    with pytest.raises(UserError) as caught:
        load(config(tmp_path, text))
    clauses = str(caught.value).removeprefix(f"{tmp_path / 'run.yaml'}: ").split("; ")
    said = {clause.split(": ")[0] for clause in clauses if ": " in clause}
    assert said >= {
        *("name", "seed", "share.target", "model.source", "statistics.n_resamples", "statistics.confidence"),
        *("probes.0.kind", "probes.1.sorce", "metric.kind"),
    }


def test_parts_that_do_not_fit_together_are_all_told(tmp_path):
    text = json.dumps(
        GOOD
        | {
            "probes": [{"kind": "head_ablation"}, {"kind": "head_ablation"}],
            "figures": [{"kind": "share_curve"}, {"kind": "head_heatmap", "probe": "x"}],
            "experiment": {"kind": "key_query_circuit"},
        }
    )
    with pytest.raises(UserError) as caught:
        load(config(tmp_path, text))
    for place in ("probes.1: two probes", "figures.0: ", "figures.1: ", "experiment: "):
        assert place in str(caught.value)


@pytest.mark.parametrize(
    "override",
    ["probes.².kind=x", "probes.99999999999999999999.kind=x", "a.b", "=1", "seed=2020-99-99", "seed=[", "title=\udce4"],
)
def test_overrides_that_are_none(tmp_path, override):
    with pytest.raises(UserError) as caught:
        load(config(tmp_path, json.dumps(GOOD)), [override])
    str(caught.value).encode("utf-8", "backslashreplace")


def test_json_is_read_as_yaml_would_read_it():
    """By a parser of its own, except what that one would pass over in silence."""
    text = '{"a": [1, 1.5, true, null, "\\ud83d\\ude00"], "b": {"c": "yes"}}'
    assert plain(text, "here") == {"a": [1, 1.5, True, None, "\U0001f600"], "b": {"c": "yes"}}
    for twice in ('{"a": 1, "a": 1}', '{"b": {"a": 1, "a": 2}}'):
        with pytest.raises(UserError, match='here, line 1: found duplicate key "a"'):
            plain(twice, "here")
    assert plain('{"a": NaN}', "here") == plain("a: NaN", "here") == {"a": "NaN"}
