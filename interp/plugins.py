"""Modules of other packages that add kinds: found by the entry-point group `interp.plugins`, imported once."""

from __future__ import annotations

import functools
import importlib.metadata
from importlib.metadata import EntryPoint

from interp.errors import UserError

GROUP = "interp.plugins"


def installed() -> list[EntryPoint]:
    """The entry points of the group, by name."""
    return sorted(importlib.metadata.entry_points(group=GROUP), key=lambda one: (one.name, one.value))


@functools.cache
def load_plugins() -> None:
    """Import every plugin, which registers its kinds. UserError names one that cannot be imported, and why."""
    for entry_point in installed():
        try:
            entry_point.load()
        except Exception as error:
            raise UserError(
                f"the plugin {entry_point.name!r} (module {entry_point.value}, of {package(entry_point)}) cannot be loaded: "
                f"{type(error).__name__}: {' '.join(str(error).split())}; mend it or uninstall its package"
            ) from error


def package(entry_point: EntryPoint) -> str:
    """The package that an entry point belongs to, with its version."""
    return f"{entry_point.dist.name} {entry_point.dist.version}" if entry_point.dist else "an unknown package"
