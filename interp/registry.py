"""One small registry for everything that a YAML can name: probes, metrics, tasks, figures, experiments.

A registered class is a pydantic model with a literal `kind`; the class is its own config schema. Other packages add
theirs by an entry point in the group `interp.plugins` that names a module: importing the module registers its classes.
"""

from __future__ import annotations

import difflib
import importlib.metadata
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Generic, TypeVar, Union

from pydantic import BaseModel, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from interp.errors import UserError

T = TypeVar("T", bound=BaseModel)


def nearest(name: str, valid: Iterable[str]) -> str:
    """A clause that names the nearest valid name, or all of them when none is near."""
    names = sorted(valid)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"valid: {', '.join(names)}"


class Registry(Generic[T]):
    """Classes by their `kind`; duplicates are errors."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._classes: dict[str, type[T]] = {}

    def register(self, cls: type[T]) -> type[T]:
        """Class decorator: file `cls` under its `kind`. Raises ValueError when that kind is taken."""
        kind = cls.model_fields["kind"].default
        if kind in self._classes:
            raise ValueError(f"{self.what} {kind!r} is registered twice: {self._classes[kind]!r} and {cls!r}")
        self._classes[kind] = cls
        return cls

    def __getitem__(self, kind: str) -> type[T]:
        if kind not in self._classes:
            raise UserError(f"there is no {self.what} {kind!r}; {nearest(kind, self._classes)}")
        return self._classes[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._classes))

    def describe(self) -> dict[str, str]:
        """Kind -> first line of the class's docstring."""
        return {kind: (self[kind].__doc__ or "").strip().splitlines()[0] for kind in self}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As an annotation, `Annotated[Probe, probes]`, a registry stands for the union of its classes by `kind`."""
        classes = tuple(self._classes[kind] for kind in self)
        if len(classes) == 1:
            return handler.generate_schema(classes[0])
        return handler.generate_schema(Annotated[Union[classes], Field(discriminator="kind")])  # noqa: UP007


def load_plugins() -> None:
    """Import every module that installed packages name in the entry-point group `interp.plugins`."""
    for entry_point in sorted(importlib.metadata.entry_points(group="interp.plugins"), key=lambda e: e.name):
        entry_point.load()
