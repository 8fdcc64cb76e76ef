"""Modules of other packages that add kinds: found by the entry-point group `interp.plugins`, imported once."""

from __future__ import annotations

import functools
import importlib.metadata
import itertools
from importlib.metadata import EntryPoint

from interp.errors import UserError

GROUP = "interp.plugins"


def installed() -> list[EntryPoint]:
    """The entry points of the group, by name."""
    return sorted(importlib.metadata.entry_points(group=GROUP), key=lambda plugin: (plugin.name, plugin.value))


_importing: list[EntryPoint] = []


def importing() -> bool:
    """Whether plugins are being imported, so that not every kind is known yet."""
    return bool(_importing)


@functools.cache
def load_plugins() -> None:
    """Import every plugin, which registers its kinds. UserError names one that cannot be imported, and why.

    Two packages whose entry points have one name, or name one module, are refused: only one of them would be seen.
    """
    plugins = installed()
    for plugin, other in itertools.combinations(plugins, 2):
        alike = "name" if plugin.name == other.name else "module" if plugin.module == other.module else ""
        if alike and package(plugin) != package(other):
            raise UserError(
                f"two packages, {package(plugin)} and {package(other)}, bring a plugin of the same {alike} "
                f"({getattr(plugin, alike)!r}), so only one of them would be seen; uninstall one of them"
            )
    for entry_point in plugins:
        _importing.append(entry_point)
        try:
            entry_point.load()
        except (Exception, SystemExit) as error:
            raise UserError(
                f"the plugin {entry_point.name!r} (module {entry_point.value}, of {package(entry_point)}) cannot be loaded: "
                f"{type(error).__name__}: {' '.join(str(error).split())}; mend it or uninstall its package"
            ) from error
        finally:
            _importing.pop()


def package(entry_point: EntryPoint) -> str:
    """The package that an entry point belongs to, with its version."""
    return f"{entry_point.dist.name} {entry_point.dist.version}" if entry_point.dist else "an unknown package"
