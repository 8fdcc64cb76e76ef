"""Ordinary English out of the docstrings of installed Python packages: text that is on every machine that runs this.

Files are parsed, never imported. A paragraph counts as English when it is whole sentences of plain words; code, tables
and lists of parameters do not. Packages are read in the given order and files by name, so that the same installed
versions give the same text.
"""

from __future__ import annotations

import ast
import re
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

from interp.errors import UserError

STDLIB = "stdlib"
LEFT_OUT = {"site-packages", "test", "tests", "idlelib", "lib2to3"}
MARKUP = (">>>", "::", "...", "http", "==", "__", "|", "{", "<", "@", "\\", "---")
LEAST_WORDS, LEAST_PLAIN = 8, 0.9


def paragraphs(packages: tuple[str, ...]) -> Iterator[str]:
    """Paragraphs of the packages' docstrings, each once; UserError for a package that is not installed."""
    seen: set[str] = set()
    for package in packages:
        for path in _files(package):
            for docstring in _docstrings(path):
                for paragraph in english(docstring):
                    if paragraph not in seen:
                        seen.add(paragraph)
                        yield paragraph


def _files(package: str) -> list[Path]:
    paths = sysconfig.get_paths()
    root = Path(paths["stdlib"]) if package == STDLIB else Path(paths["purelib"]) / package
    if not root.is_dir():
        raise UserError(f"text.of.packages: there is no package {package!r} in this Python; install it or leave it out")
    return [path for path in sorted(root.rglob("*.py")) if not LEFT_OUT & set(path.relative_to(root).parts)]


def _docstrings(path: Path) -> Iterator[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError, ValueError):  # templates and deliberately broken files
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            docstring = ast.get_docstring(node)
            if docstring:
                yield docstring


def english(docstring: str) -> Iterator[str]:
    """The paragraphs of a docstring that are whole sentences, on one line each, their markup of names taken off."""
    for block in re.split(r"\n\s*\n", docstring):
        text = " ".join(block.split())
        text = re.sub(r":[\w:]+:`~?([^`<]*)[^`]*`", r"\1", text)
        text = re.sub(r"`+([^`]*)`+_?", r"\1", text)
        words = text.split()
        if len(words) < LEAST_WORDS or not text[0].isupper() or text[-1] not in ".?!":
            continue
        plain = sum(word.strip(".,;:()\"'").isalpha() for word in words)
        if plain >= LEAST_PLAIN * len(words) and not any(mark in text for mark in MARKUP):
            yield text
