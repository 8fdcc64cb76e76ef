"""The command line: `main` is its entry point. Importing it is quick; the commands come in when one is run."""

from __future__ import annotations

from interp.cli.entry import main, schema_texts

__all__ = ["main", "schema_texts"]
