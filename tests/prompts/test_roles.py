from __future__ import annotations

import pytest
from pydantic import ValidationError

from interp.errors import UserError
from interp.prompts.roles import RoleSpec, fill, tensor_index

TOKENS = ["The", " opposite", " of", ' "', "large", '"', " is", ' "']
FIELDS = {"word": "large"}


@pytest.mark.parametrize(
    ("spec", "positions"),
    [
        ({"token": "{word}"}, (5,)),
        ({"token": " opposite"}, (2,)),
        ({"token": "opposite"}, (2,)),
        ({"position": "end"}, (8,)),
        ({"position": 5}, (5,)),
        ({"position": 5, "token": "large"}, (5,)),
        ({"token": '"', "occurrence": "first"}, (4,)),
        ({"token": '"', "occurrence": "last"}, (8,)),
        ({"token": '"', "occurrence": "all"}, (4, 6, 8)),
    ],
)
def test_people_count_from_one(spec, positions):
    assert RoleSpec(**spec).resolve("role", TOKENS, FIELDS) == positions


@pytest.mark.parametrize(("bos", "index"), [(0, 4), (1, 5)])
def test_key_position_five_is_large_with_and_without_bos(bos, index):
    assert tensor_index(5, bos) == index
    assert (["<s>"] * bos + TOKENS)[index] == "large"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"position": 9}, "role 'key' is at position 9, but the prompt has only 8 tokens"),
        ({"position": 4, "token": "large"}, "declares token 'large' at position 4, but the token found there is ' \"'"),
        ({"token": "small"}, "declares token 'small', which is no single token of The"),
        ({"token": '"'}, r"stands at positions \[4, 6, 8\]"),
        ({"token": "{wrd}"}, r"cannot be filled in .*\{word\}"),
    ],
)
def test_mistakes_name_the_role_and_the_token_found(spec, says):
    with pytest.raises(UserError, match=says):
        RoleSpec(**spec).resolve("key", TOKENS, FIELDS)


def test_a_task_without_fields_says_so():
    with pytest.raises(UserError, match="prompts of this task have no fields, so say the text itself, or a position"):
        RoleSpec(token="{word}").resolve("key", TOKENS, {})
    assert RoleSpec(token=TOKENS[0], occurrence="first").resolve("key", TOKENS, {}) == (1,)


@pytest.mark.parametrize("spec", [{}, {"position": 0}, {"position": -1}, {"token": "a", "occurence": "first"}])
def test_senseless_roles_are_refused_when_read(spec):
    with pytest.raises(ValidationError):
        RoleSpec(**spec)


CODE = ["if", " (", "x", ")", " {", " return", " {}", ";", " }"]


@pytest.mark.parametrize(("token", "position"), [("{", 5), (" {", 5), ("}", 9), ("{}", 7), ("(", 2)])
def test_a_brace_of_code_is_a_token_like_any_other(token, position):
    assert RoleSpec(token=token).resolve("key", CODE, FIELDS) == (position,)


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("a {word} b", "a large b"),
        ("{word}{word}", "largelarge"),
        ("f({word}) { return {word}; }", "f(large) { return large; }"),
        ("{{word}} is {word}", "{word} is large"),
        ("{ {word} }", "{ large }"),
        ("{{ x }} {} {", "{{ x }} {} {"),
        ("{", "{"),
    ],
)
def test_a_template_knows_its_fields_and_nothing_else(template, filled):
    assert fill(template, FIELDS, "template") == filled


@pytest.mark.parametrize("name", ["wrd", "0", "word.foo", "word[a]", "word:>3000000000", "word!r"])
def test_a_field_that_is_none_is_named(name):
    with pytest.raises(UserError, match="there is no field") as caught:
        fill(f"a {{{name}}} b", FIELDS, "template")
    assert f"{{{name}}}" in str(caught.value)
    assert len(str(caught.value)) < 300
