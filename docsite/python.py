"""Reference page of the Python that people call and derive from, made from signatures and docstrings."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from docsite.docstrings import first_line, markdown, of_attributes, tree_of

NOTEBOOK = (
    *(
        "interp:load",
        "interp:study",
        "interp:read",
        "interp:heatmap",
        "interp:Edit",
        "interp:Variant",
        "interp:UserError",
    ),
    *("interp.api.studies:NotebookStudy", "interp.api.verdict:HeadVerdict"),
    *("interp.api.runs:FinishedRun", "interp.api.runs:ProbesRun"),
)
BASES = (
    *("interp.probes:Probe", "interp.prompts:Task", "interp.prompts:PromptPair", "interp.metrics:Metric"),
    *("interp.metrics:Readout", "interp.figures:Figure", "interp.figures:Drawn", "interp.report.recipe:Recipe"),
    *("interp.models:BuiltModel", "interp.models:HuggingFaceSource", "interp.configs.loading:AnyConfig"),
    *("interp.runs.kinds:RunKind", "interp.analysis.findings:Findings"),
    *("interp.results.tables:RunTables", "interp.results.manifest:Manifest", "interp.measure.study:Study"),
)
PAGES = {
    "reference/notebook.md": (
        "In a notebook",
        "What `import interp` brings, and what it returns. How to use it: [A notebook](../notebook.md).",
        NOTEBOOK,
    ),
    "reference/bases.md": (
        "Base classes",
        "What other packages derive from, and what these are given. How to use them: [Extend](../plugins.md).",
        BASES,
    ),
}
NOTE = "<!-- Made by `python -m docsite` from signatures and docstrings. -->\n"


def pages() -> dict[str, str]:
    """Path in docs/ -> text."""
    return {name: _page(*about) for name, about in PAGES.items()}


def _page(title: str, about: str, places: tuple[str, ...]) -> str:
    return "\n\n".join([f"# {title}", NOTE + "\n" + about, *(_entry(place) for place in places)]) + "\n"


def _entry(place: str) -> str:
    module, name = place.split(":")
    thing = getattr(import_module(module), name)
    parts = [f"## {module}.{name}"]
    if inspect.isclass(thing):
        if not issubclass(thing, BaseModel | Exception):
            parts.append(_code(name, thing))
        parts += [markdown(thing.__doc__ or ""), *_members(thing)]
    else:
        parts += [_code(name, thing), markdown(thing.__doc__ or "")]
    return "\n\n".join(parts)


def _code(name: str, thing: Any) -> str:
    """How it is called, as the source has it, a parameter a line where there are many; `text`, since it is no program."""
    if dataclasses.is_dataclass(thing):
        parameters, returned = [*_fields(tree_of(thing))], ""
    else:
        function = tree_of(thing.__init__ if inspect.isclass(thing) else thing)
        parameters = [*_parameters(function.args)]
        returned = ast.unparse(function.returns) if function.returns else ""
    end = f" -> {returned}" if returned not in ("", "None") else ""
    shown = f"{name}({', '.join(parameters)}){end}"
    if len(shown) > 100:
        shown = "\n".join([f"{name}(", *(f"    {one}," for one in parameters), f"){end}"])
    return f"```text\n{shown}\n```"


def _fields(tree: ast.ClassDef) -> Iterator[str]:
    """Of a dataclass: its fields are its parameters."""
    for one in tree.body:
        if isinstance(one, ast.AnnAssign) and "ClassVar" not in ast.unparse(one.annotation):
            yield ast.unparse(one)


def _parameters(given: ast.arguments) -> Iterator[str]:
    places = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(places) - len(given.defaults)) + [*given.defaults]
    for one, default in zip(places, defaults, strict=True):
        if one.arg not in ("self", "cls"):
            yield _parameter(one, default)
    if given.vararg:
        yield f"*{ast.unparse(given.vararg)}"
    elif given.kwonlyargs:
        yield "*"
    for one, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _parameter(one, default)
    if given.kwarg:
        yield f"**{ast.unparse(given.kwarg)}"


def _parameter(one: ast.arg, default: ast.expr | None) -> str:
    equals = " = " if one.annotation else "="
    return ast.unparse(one) + (f"{equals}{ast.unparse(default)}" if default else "")


def _members(cls: type) -> list[str]:
    """Its documented fields and attributes, then its public methods and properties, those of its own package alone."""
    attributes = {name: text for one in reversed(_own_bases(cls)) for name, text in of_attributes(one).items()}
    if issubclass(cls, BaseModel):
        attributes |= {name: field.description for name, field in cls.model_fields.items() if field.description}
    elif dataclasses.is_dataclass(cls):
        attributes = {field.name: attributes.get(field.name, "") for field in dataclasses.fields(cls)} | attributes
    shown = {name: text for name, text in attributes.items() if not name.startswith("_") and text}
    parts = ["\n".join(f"- `{name}`: {text}" for name, text in shown.items())] if shown else []
    return parts + [part for one in _own_bases(cls) for part in _methods(one, cls)]


def _own_bases(cls: type) -> list[type]:
    return [one for one in cls.__mro__ if one.__module__.startswith("interp.") and one.__name__ != "Section"]


def _methods(cls: type, of: type) -> Iterator[str]:
    for name, member in vars(cls).items():
        plain = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        about = getattr(plain, "__doc__", None)
        if name.startswith("_") or not about or getattr(of, name, None) is None or name.startswith("model_"):
            continue
        if isinstance(plain, property) or type(plain).__name__ == "cached_property":
            yield f"### {of.__name__}.{name}\n\n{first_line(about)}"
        elif inspect.isfunction(plain):
            yield f"### {of.__name__}.{name}\n\n{_code(name, plain)}\n\n{markdown(about)}"
