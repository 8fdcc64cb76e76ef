"""YAML text to plain data: mappings, lists, text, numbers, true, false and null; everything else is one sentence.

The library parses; here is what it leaves open: dates stay text, JSON's two halves of an emoji become one character, and
what would be too deep, too large, or without end (aliases inside themselves) is refused before anything looks at it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import ConstructorError, DuplicateKeyError, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import ScalarNode

from interp.errors import UserError, cut

MOST_LETTERS = 2_000_000
MOST_VALUES = 200_000
DEEPEST = 40
JSON_LETTERS = {ord(letter): f"\\u{ord(letter):04x}" for letter in "\x7f\x85\u2028\u2029"}
"""Letters that JSON allows in a text as they are, and that YAML takes for ends of lines or refuses."""
HALF = re.compile("[\ud800-\udfff]")


class _Plain(SafeConstructor):
    """The library's, but that a number, or a truth, which is none says where it stands."""

    def construct_yaml_bool(self, node: ScalarNode) -> Any:
        return self._scalar(super().construct_yaml_bool, node, "neither true nor false")

    def construct_yaml_int(self, node: ScalarNode) -> Any:
        return self._scalar(super().construct_yaml_int, node, "no number, or one of too many digits")

    def construct_yaml_float(self, node: ScalarNode) -> Any:
        return self._scalar(super().construct_yaml_float, node, "no number, or one of too many digits")

    def _scalar(self, construct: Any, node: ScalarNode, what: str) -> Any:
        try:
            return construct(node)
        except (ValueError, TypeError, LookupError):
            raise ConstructorError(None, None, f"{cut(str(node.value), 40)!r} is {what}", node.start_mark) from None


for _kind in ("bool", "int", "float"):
    _Plain.add_constructor(f"tag:yaml.org,2002:{_kind}", getattr(_Plain, f"construct_yaml_{_kind}"))
# YAML 1.2 has no dates: `title: 2020-01-01` is text.
_Plain.add_constructor("tag:yaml.org,2002:timestamp", SafeConstructor.construct_yaml_str)


def plain(text: str, where: str) -> Any:
    """The data of a YAML text; UserError says where (a file's name) and in which line it is none."""
    if len(text) > MOST_LETTERS:
        raise UserError(f"{where} has {len(text):,} letters; a config has at most {MOST_LETTERS:,}")
    if text.lstrip().startswith("{"):
        if (data := _json(text)) is not None:
            return _Copy(where).of(data, ())
        text = text.translate(JSON_LETTERS)
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Plain
    try:
        data = yaml.load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise UserError(f"{where}, line {line}: {(error.problem or 'duplicate key').split(' with value')[0]}") from None
    except YAMLError as error:
        raise UserError(f"{where} is not valid YAML: {_problem(error)}") from None
    except RecursionError:
        raise UserError(f"{where} is not valid as a config: it is nested too deeply") from None
    except Exception as error:  # whatever a parser trips over is a mistake in the text
        raise UserError(f"{where} is not valid YAML: {type(error).__name__}: {cut(str(error), 200)}") from None
    return _Copy(where).of(data, ())


def _json(text: str) -> Any:
    """The data of a JSON text, which takes a hundredth of the time; None for any other, of which the YAML parser tells more."""
    try:
        return json.loads(text, object_pairs_hook=_told_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def _told_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise ValueError("a key stands twice")
    return mapping


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


class _Copy:
    """A tree of plain data without aliases."""

    def __init__(self, where: str) -> None:
        self.where, self.count = where, 0

    def of(self, data: Any, path: tuple[Any, ...]) -> Any:
        self.count += 1
        if len(path) > DEEPEST:
            raise UserError(
                f"{self.where} is nested too deeply, or an alias stands inside itself (below {_text(path[:3])})"
            )
        if self.count > MOST_VALUES:
            raise UserError(f"{self.where} holds more than {MOST_VALUES:,} values once its aliases are written out")
        if isinstance(data, dict):
            return {self._key(key, path): self.of(value, (*path, key)) for key, value in data.items()}
        if isinstance(data, list):
            return [self.of(value, (*path, number)) for number, value in enumerate(data)]
        if isinstance(data, str):
            return self._whole(data, path)
        if data is None or isinstance(data, bool | int | float):
            return data
        raise UserError(f"{self.where}: {_text(path)}: must be plain data, not a {type(data).__name__}")

    def _key(self, key: Any, path: tuple[Any, ...]) -> str:
        if isinstance(key, str):
            return self._whole(key, path)
        what = f"{key!r}" if key is None or isinstance(key, bool | int | float) else f"a {type(key).__name__}"
        raise UserError(
            f"{self.where}: {_text(path)}: a key must be text, not {what}; a number or yes and no need quotes"
        )

    def _whole(self, text: str, path: tuple[Any, ...]) -> str:
        if not HALF.search(text):
            return str(text)
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            half = HALF.search(error.object.decode("utf-16", "surrogatepass"))
            name = f" (\\u{ord(half.group()):x})" if half else ""
            raise UserError(
                f"{self.where}: {_text(path)}: holds half a character{name}, which no file can keep"
            ) from None


def _problem(error: YAMLError) -> str:
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        return cut(place + " ".join(f"{error.context or ''} {error.problem or ''}".split()), 400)
    return cut(" ".join(str(error).split()), 400)


def _text(path: tuple[Any, ...]) -> str:
    return cut(".".join(str(part) for part in path) or "the file", 100)
