"""Reference pages of everything that a YAML can say, from the JSON Schemas of all kinds of run.

A definition (a probe, a task, a section) has one place: the page of its registry, or the page of the kind of run that alone
has it, or the page of sections.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from docsite.docstrings import first_line, linked
from docsite.types import Schema, default_in_words, kind_in_words
from interp.configs.registry import Registry
from interp.figures import figures
from interp.metrics import metrics
from interp.models import model_sources
from interp.probes import probes
from interp.prompts import tasks
from interp.report.recipe import recipes
from interp.runs.kinds import run_kinds
from interp.sweep.schema import with_sweep

REGISTRIES: dict[str, tuple[Registry[Any], str, str]] = {
    "probes": (
        probes,
        "Probes",
        "What is measured: entries of `probes`. How to add one: [A new probe](../new_probe.md).",
    ),
    "tasks": (
        tasks,
        "Tasks",
        "What is asked: `prompts.task`. What each asks, and its corruptions: [Tasks](../tasks.md).",
    ),
    "metrics": (metrics, "Metrics", "What is read at the query position: `metric`."),
    "figures": (figures, "Figures", "Entries of `figures`. With a picture of each: [Gallery](../gallery.md)."),
    "recipes": (recipes, "Recipes", "What writes the report's sentences: `experiment`."),
    "models": (model_sources, "Models", "Where the model comes from: `model`."),
}
OF_A_SWEEP = "ValueOf_"
NOTE = "<!-- Made by `python -m docsite` from the JSON Schemas; change the field's description in the code. -->\n"


class Definitions:
    """All definitions of all kinds of YAML, each with the page and the heading under which it stands."""

    def __init__(self) -> None:
        self.kinds: dict[str, Schema] = {
            name: with_sweep(run_kinds[name].schema.model_json_schema()) for name in run_kinds
        }
        self.all: dict[str, Schema] = {}
        self.kind_pages: dict[str, set[str]] = {}
        for kind, schema in self.kinds.items():
            for name, one in schema.get("$defs", {}).items():
                if not name.startswith(OF_A_SWEEP):
                    self.all.setdefault(name, one)
                    self.kind_pages.setdefault(name, set()).add(kind)
        self.page: dict[str, str] = {}
        self.heading: dict[str, str] = {}
        for page, (registry, _, _) in REGISTRIES.items():
            for kind in registry:
                self._place(registry[kind].__name__, page, kind)
        for name in self.all:
            if name not in self.page:
                self._place(name, self._page_of(name), self._heading_of(name))

    def _place(self, name: str, page: str, heading: str) -> None:
        self.page[name], self.heading[name] = page, heading

    def _page_of(self, name: str) -> str:
        users = {self.page[user] for user in self.users(name) if user in self.page}
        if len(users) == 1 and users <= set(REGISTRIES):
            return users.pop()
        return "training" if self.kind_pages[name] <= {"sparsify", "toy_addition"} else "sections"

    def _heading_of(self, name: str) -> str:
        """The field that holds it, and of several definitions that a field may hold, the kind."""
        kind = self.all[name].get("properties", {}).get("kind") or self.all[name].get("properties", {}).get("source")
        if kind and "const" in kind:
            return f"{self._field_of(name)}: {kind['const']}"
        return self._field_of(name)

    def _field_of(self, name: str) -> str:
        found = [
            field
            for schema in [*self.all.values(), *self.kinds.values()]
            for field, about in schema.get("properties", {}).items()
            if f'"#/$defs/{name}"' in json.dumps(about)
        ]
        return max(set(found), key=lambda field: (found.count(field), field), default=name)

    def users(self, name: str) -> list[str]:
        """The definitions that name it."""
        return [user for user, schema in self.all.items() if user != name and f'"#/$defs/{name}"' in json.dumps(schema)]

    def link_from(self, page: str, name: str) -> str:
        """Markdown that leads from a page to a definition."""
        there = "" if self.page[name] == page else f"{self.page[name]}.md"
        return f"[{self.heading[name]}]({there}#{anchor(self.heading[name])})"


def anchor(heading: str) -> str:
    """The anchor of a heading, as Markdown viewers make it."""
    return "".join(letter for letter in heading.lower().replace(" ", "-") if letter.isalnum() or letter in "-_")


def pages() -> dict[str, str]:
    """Path in docs/ -> text of every page about the YAML."""
    known = Definitions()
    made = {f"reference/{page}.md": _registry_page(known, page) for page in REGISTRIES}
    made["reference/yaml.md"] = _kinds_page(known)
    made["reference/sections.md"] = _rest_page(
        known, "sections", "Sections", "Parts of a YAML that several kinds of run have, and those of a sweep."
    )
    made["reference/training.md"] = _rest_page(
        known,
        "training",
        "Training",
        "Parts of a YAML of sparse training ([A sparse twin](../sparse.md)) and of the toy that learns to add.",
    )
    return made


def _registry_page(known: Definitions, page: str) -> str:
    registry, title, about = REGISTRIES[page]
    own = [(kind, registry[kind].__name__) for kind in registry]
    others = [name for name, where in known.page.items() if where == page and name not in {one for _, one in own}]
    parts = [_entry(known, page, kind, known.all[name]) for kind, name in own if name in known.all]
    parts += [_entry(known, page, known.heading[name], known.all[name]) for name in others]
    return _page(title, about, parts)


def _kinds_page(known: Definitions) -> str:
    about = (
        "One YAML is one run. `study` says of which kind; without it, a run is of kind `circuit`. A field that is needed has no "
        "default. `interp schema` writes the same as JSON Schemas (`configs/*.schema.json`), for an editor."
    )
    lines = run_kinds.describe()
    parts = [_entry(known, "yaml", name, schema, lines[name]) for name, schema in known.kinds.items()]
    return _page("The YAML", about, parts)


def _rest_page(known: Definitions, page: str, title: str, about: str) -> str:
    names = sorted((name for name, where in known.page.items() if where == page), key=known.heading.__getitem__)
    return _page(title, about, [_entry(known, page, known.heading[name], known.all[name]) for name in names])


def _entry(known: Definitions, page: str, heading: str, schema: Schema, about: str = "") -> str:
    lines = [f"## {heading}", "", about or _first_paragraph(schema)]
    needed = set(schema.get("required") or schema.get("else", {}).get("required", ()))
    rows = list(_rows(known, page, schema.get("properties", {}), needed))
    if rows:
        lines += ["", "| field | type | default | |", "|---|---|---|---|", *rows]
    if "enum" in schema:
        lines += ["", " \\| ".join(f"`{one}`" for one in schema["enum"])]
    return "\n".join(lines)


def _rows(known: Definitions, page: str, fields: Mapping[str, Any], needed: set[str]) -> Iterable[str]:
    for name, field in fields.items():
        if "const" in field:
            yield f"| `{name}` | {kind_in_words(field, str)} | | says which one this is |"
            continue
        union = _registry_of(field)
        what = f"[{union}]({union}.md)" if union else kind_in_words(field, lambda one: known.link_from(page, one))
        if union:
            what = (
                f"list of {what}" if field.get("type") == "array" else f"{what} \\| null" if "anyOf" in field else what
            )
        default = default_in_words(field, name in needed)
        yield f"| `{name}` | {what} | {default} | {_in_a_cell(field.get('description', ''))} |"


def _registry_of(field: Schema) -> str:
    """The page of a registry, of a field that takes any of its kinds."""
    union = field.get("items", field.get("anyOf", [field])[0])
    kinds = set(union.get("discriminator", {}).get("mapping", {})) if isinstance(union, Mapping) else set()
    matching = [page for page, (registry, _, _) in REGISTRIES.items() if kinds and kinds <= set(registry)]
    return matching[0] if matching else ""


def _first_paragraph(schema: Schema) -> str:
    return linked(first_line(schema.get("description", "")))


def _in_a_cell(text: str) -> str:
    return linked(" ".join(text.split()).replace("|", "\\|"))


def _page(title: str, about: str, parts: Iterable[str]) -> str:
    return "\n\n".join([f"# {title}", NOTE + "\n" + about, *parts]) + "\n"
