"""One small registry for everything that a YAML can name: probes, metrics, tasks, figures, recipes, model sources.

A registered class is a pydantic model with a literal `kind` (`source`, for models); it is its own schema. Other packages add
theirs by an entry point (interp.configs.plugins) that names a module: importing the module registers its classes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Generic, TypeVar, Union, get_args

from pydantic import BaseModel, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from interp.configs.names import is_file_name
from interp.configs.plugins import importing, load_plugins
from interp.errors import UserError, cut

T = TypeVar("T", bound=BaseModel)


def nearest(name: str, valid: Iterable[str]) -> str:
    """A clause that names the nearest valid name, or all of them when none is near."""
    names, name = sorted(valid), cut(name, 100)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"valid: {', '.join(names)}"


class Registry(Generic[T]):
    """Classes by their `kind`, or by another key that tells them apart; duplicates are errors."""

    def __init__(self, what: str, key: str = "kind") -> None:
        self.what = what
        self.key = key
        self._classes: dict[str, type[T]] = {}

    def register(self, cls: type[T]) -> type[T]:
        """Class decorator: file `cls` under its `kind`. Raises ValueError when it has none or that kind is taken."""
        field = cls.model_fields.get(self.key)
        kind = str(field.default) if field is not None else ""
        if field is None or get_args(field.annotation) != (kind,) or not is_file_name(kind):
            raise ValueError(
                f'{cls.__name__} needs a line such as `{self.key}: Literal["my_{self.what.split()[-1]}"] = '
                f'"my_{self.what.split()[-1]}"`, which says its name in letters, digits, _, . and -'
            )
        taken = self._classes.get(kind)
        # A module whose import failed half way may be imported again.
        if taken is not None and (taken.__module__, taken.__qualname__) != (cls.__module__, cls.__qualname__):
            raise ValueError(f"{self.what} {kind!r} is registered twice: {taken!r} and {cls!r}")
        self._classes[kind] = cls
        return cls

    def __getitem__(self, kind: str) -> type[T]:
        load_plugins()
        if kind not in self._classes:
            raise UserError(f"there is no {self.what} {kind!r}; {nearest(kind, self._classes)}")
        return self._classes[kind]

    def __iter__(self) -> Iterator[str]:
        load_plugins()
        return iter(sorted(self._classes))

    def describe(self) -> dict[str, str]:
        """Kind -> first line of the class's docstring."""
        return {kind: next(iter((self[kind].__doc__ or "").strip().splitlines()), "") for kind in self}

    def kinds_of(self, module: str) -> list[str]:
        """The kinds whose classes stand in a module, or in one inside it."""
        return [kind for kind in self if f"{self[kind].__module__}.".startswith(f"{module}.")]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """As an annotation, `Annotated[Probe, probes]`, a registry stands for the union of its classes by `kind`.

        The union is closed when the schema is built, so plugins come first, and the configs that hold one are built when
        they are first used (`defer_build`, of every Section): by then every module that a plugin may import is there.
        Raises RuntimeError where one is made while plugins are imported: it would never know the kinds that are still to come.
        """
        if importing():
            raise RuntimeError(
                f"a config that names a {self.what} is made while plugins are imported, before every {self.what} is known; make it "
                "when it is used, a default as in Field(default_factory=PromptsConfig)"
            )
        load_plugins()
        classes = tuple(self._classes[kind] for kind in self)
        if not classes:
            raise UserError(
                f"no {self.what} is registered, because this copy of interp is not installed in the environment that runs it; "
                "`make setup`, or `python -m pip install --editable .` in its folder, does that"
            )
        if len(classes) == 1:
            return handler.generate_schema(classes[0])
        return handler.generate_schema(Annotated[Union[classes], Field(discriminator=self.key)])  # noqa: UP007
