"""What a notebook gives, held against the schemas of a YAML: the same bounds, the same words, one sentence for all mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, TypeVar

from pydantic import ValidationError

from interp.configs.mistakes import in_words, quoted
from interp.configs.registry import Registry, nearest
from interp.configs.section import Section
from interp.errors import UserError

S = TypeVar("S", bound=Section)


def section(schema: type[S], settings: Mapping[str, Any], where: str = "") -> S:
    """A section of a config with these settings; UserError names each that is wrong, and what would be right."""
    data = {str(name): plain(value) for name, value in settings.items()}
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        told = "; ".join(in_words(error, data, schema))
        raise UserError(f"{where}: {told}" if where else told) from None


def of_kind(registry: Registry[S], given: Any, settings: Mapping[str, Any], base: Any) -> S:
    """What a registry knows by its kind, or the thing itself; UserError where it is neither, or a setting is wrong."""
    if isinstance(given, base):
        if settings:
            raise UserError(f"a {registry.what} of one's own has its settings; leave out {', '.join(settings)}")
        return given
    if not isinstance(given, str):
        raise UserError(f"a {registry.what} is given by its kind, or itself, not as {quoted(given)}")
    if registry.key in settings:
        raise UserError(f"{registry.key} is {given!r} already; leave {settings[registry.key]!r} out")
    return section(registry[given], {registry.key: given, **settings}, f"{registry.what} {given!r}")


def one_of(what: str, given: Any, valid: Sequence[str]) -> None:
    """UserError when `given` is none of the valid words."""
    if given not in valid:
        raise UserError(f"{what}: there is no {given!r}; {nearest(str(given), valid)}")


def listed(what: str, given: Any, entries: str) -> list[Any]:
    """Any iterable as a list; UserError for text, a mapping, and what cannot be gone through."""
    # The entries of a set have no order, those of a frame are its columns.
    unfit = (str, bytes, Mapping, Set)
    if isinstance(given, unfit) or not isinstance(given, Iterable) or hasattr(given, "columns"):
        raise UserError(f"{what} must be a list of {entries}, not {quoted(given)}")
    return list(given)


def plain(value: Any) -> Any:
    """A number of numpy or torch as Python's, as pydantic takes it."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value
