"""`python -m docsite`: write the reference pages and the drawings into docs/."""

from __future__ import annotations

from pathlib import Path

from docsite.pages import generated

if __name__ == "__main__":
    docs = Path(__file__).parents[1] / "docs"
    for name, text in generated().items():
        path = docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
