"""The reference is what the code says now, and says something about everything."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Literal

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from pydantic import Field

from docsite.docstrings import markdown, of_attributes
from docsite.drawings import DRAWINGS
from docsite.drawings.canvas import RC, SMALL
from docsite.fields import Definitions
from docsite.pages import generated
from docsite.types import default_in_words, kind_in_words
from interp.analysis.findings import Findings
from interp.cli import schema_texts
from interp.configs.section import Section
from tests.docs.pages import DOCS

FOLDERS = (DOCS / "reference", DOCS / "images" / "concepts")
NAMES = sorted(path.relative_to(DOCS).as_posix() for folder in FOLDERS for path in folder.iterdir())
YAMLS = ("circuit", "comparison", "sparsify", "toy_addition")


@pytest.fixture(scope="module")
def pages():
    return generated()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_as_it_would_be_made_now(pages, name):
    there = (DOCS / name).read_text(encoding="utf-8")
    if name.endswith(".svg") and f"Matplotlib v{mpl.__version__}," not in there:
        pytest.skip("drawn by another version of matplotlib")
    assert there == pages[name], "run: make reference"


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_drawing_is_legible(name):
    """At the width of a column: no text is small, leaves the sheet, or lies on another."""
    with mpl.rc_context(RC):
        figure = DRAWINGS[name]().figure
        renderer = FigureCanvasAgg(figure).get_renderer()
        texts = [one for one in figure.findobj(Text) if one.get_text()]
        boxes = [one.get_window_extent(renderer) for one in texts]
    assert all(one.get_fontsize() >= SMALL for one in texts)
    page = figure.bbox
    assert [
        t.get_text() for t, b in zip(texts, boxes, strict=True) if not (page.contains(*b.min) and page.contains(*b.max))
    ] == []
    pairs = combinations(zip(texts, boxes, strict=True), 2)
    assert [(one.get_text(), other.get_text()) for (one, a), (other, b) in pairs if a.overlaps(b)] == []


def test_no_page_of_the_reference_is_left_over_or_missing(pages):
    assert set(NAMES) == set(pages)


def undescribed(schema: dict) -> list[str]:
    """Fields without a line of their own; one that has a single value needs none."""
    definitions = {"": schema, **schema.get("$defs", {})}
    return [
        f"{name}.{field}"
        for name, one in definitions.items()
        for field, about in one.get("properties", {}).items()
        if not about.get("description") and "const" not in about
    ]


@pytest.mark.parametrize("kind", YAMLS)
def test_every_field_of_a_yaml_has_a_line(kind):
    schema = json.loads(schema_texts()[f"{kind}.schema.json"])
    assert undescribed(schema) == []
    assert [name for name, one in schema["$defs"].items() if not one.get("description") and "ValueOf" not in name] == []


def test_a_field_without_a_line_is_found():
    class Part(Section):
        kind: Literal["part"] = "part"
        told: int = Field(default=1, description="Told.")
        untold: int = 2

    assert undescribed(Part.model_json_schema()) == [".untold"]


def test_every_definition_and_field_stands_on_a_page(pages):
    known = Definitions()
    for name, schema in known.all.items():
        page = pages[f"reference/{known.page[name]}.md"]
        section = page.split(f"\n## {known.heading[name]}\n")[1].split("\n## ")[0]
        assert all(f"\n| `{field}` |" in section for field in schema.get("properties", {})), name
    places = [(known.page[name], known.heading[name]) for name in known.all]
    assert len(set(places)) == len(places)


def test_types_and_defaults_are_in_words():
    def said(field: dict, required: bool = False) -> tuple[str, str]:
        return kind_in_words(field, "[{}]".format), default_in_words(field, required)

    assert said({"type": "integer", "minimum": 1, "maximum": 1000000, "default": 5}) == (
        "whole number, 1 to 1,000,000",
        "`5`",
    )
    assert said({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, True) == (
        "number, above 0 and below 1",
        "**needed**",
    )
    assert said({"anyOf": [{"$ref": "#/$defs/Screen"}, {"type": "null"}], "default": None}) == (
        "[Screen] \\| null",
        "`null`",
    )
    assert said({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 1}) == (
        "list of `a` \\| `b`, 1 or more",
        "`[]`",
    )


def test_a_docstring_becomes_markdown():
    text = """What it does (docs/tables.md).

    Args:
        one, two: both of them,
            told on two lines.

    Raises:
        UserError: when not.
    """
    assert markdown(text) == (
        "What it does ([tables.md](../tables.md)).\n\n**Arguments**\n\n- `one, two`: both of them, told on two lines.\n\n"
        "**Raises**\n\n- `UserError`: when not."
    )


def test_what_stands_below_an_attribute_is_its_line():
    assert of_attributes(Findings) == {
        name: field.description or of_attributes(Findings)[name] for name, field in Findings.model_fields.items()
    }
